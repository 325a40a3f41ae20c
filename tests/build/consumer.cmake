# Installs the build into a scratch prefix, then configures, builds and runs the project in consumer/ against it.
file(REMOVE_RECURSE "${scratch}")

function(run)
  list(JOIN ARGN " " line)
  message(STATUS "${line}")
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

run("${CMAKE_COMMAND}" --install "${neuract_build}" --prefix "${scratch}/prefix")
run("${CMAKE_COMMAND}" -G Ninja -S "${consumer}" -B "${scratch}/build" "-DCMAKE_CXX_COMPILER=${compiler}"
    "-DCMAKE_CXX_COMPILER_LAUNCHER=${launcher}" "-DCMAKE_PREFIX_PATH=${scratch}/prefix")
run("${CMAKE_COMMAND}" --build "${scratch}/build" -j 1)
run("${scratch}/build/consumer")
