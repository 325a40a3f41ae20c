# How a folder of this tree becomes a library, tests and benchmarks:
#
#   neuract_library(memory SOURCES a.cpp HEADERS a.hpp PUBLIC dep… PRIVATE dep…)        target neuract_memory, alias neuract::memory
#   neuract_program(name SOURCES main.cpp LIBRARIES dep… [INSTALL])                     build/*/bin/name
#   neuract_tests(memory SOURCES a_test.cpp LIBRARIES dep… [LABELS tsan] [NAME memory_slow])  one GoogleTest binary, one ctest each
#   neuract_bench(memory SOURCES memory_bench.cpp LIBRARIES dep…)                       build/*/bin/memory_bench
include_guard(GLOBAL)
include(GoogleTest)

add_custom_target(benchmarks)
add_custom_target(tsan_tests)

# The only project include path: one symlink per folder, so that no file called 'memory' or 'version' hides a standard header.
set(NEURACT_INCLUDE_DIR "${CMAKE_CURRENT_BINARY_DIR}/include")

if(NEURACT_SANITIZE)
  # The sanitizers' extra code makes g++ see uninitialised values that are none, in the standard library itself.
  add_compile_options(-fsanitize=${NEURACT_SANITIZE} -fno-omit-frame-pointer -Wno-maybe-uninitialized)
  add_link_options(-fsanitize=${NEURACT_SANITIZE})
  if(NEURACT_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()

function(neuract_compile_options target)
  target_compile_features(${target} PRIVATE cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  # No contraction: the same bits from every instruction set. -O3 comes with the build type.
  target_compile_options(${target} PRIVATE -ffp-contract=off -fno-math-errno -fno-trapping-math -Wall -Wextra -Wpedantic -Wshadow
                                           -Wconversion -Wno-sign-conversion $<$<BOOL:${NEURACT_WERROR}>:-Werror>)
  # g++ 12 invents the first where boost::container::small_vector is inlined, and the second in "literal" + std::string (GCC bug 105651).
  target_compile_options(${target} PRIVATE "$<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overread;-Wno-restrict>")
  target_compile_definitions(${target} PRIVATE NEURACT_VERSION="${neuract_VERSION}")
endfunction()

function(neuract_library folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;HEADERS;PUBLIC;PRIVATE")
  set(target neuract_${folder})
  file(MAKE_DIRECTORY "${NEURACT_INCLUDE_DIR}/neuract")
  file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}" "${NEURACT_INCLUDE_DIR}/neuract/${folder}" SYMBOLIC)

  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    neuract_compile_options(${target})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE ${arg_PRIVATE})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(neuract::${folder} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${folder} POSITION_INDEPENDENT_CODE ON)
  target_compile_features(${target} ${scope} cxx_std_20)
  target_include_directories(${target} ${scope} "$<BUILD_INTERFACE:${NEURACT_INCLUDE_DIR}>"
                                                "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  target_link_libraries(${target} ${scope} ${arg_PUBLIC})

  set_property(GLOBAL APPEND PROPERTY NEURACT_LIBRARIES ${target})
  list(TRANSFORM arg_HEADERS PREPEND "${folder}/" OUTPUT_VARIABLE headers)
  set_property(GLOBAL APPEND PROPERTY NEURACT_HEADERS ${headers})
  install(TARGETS ${target} EXPORT neuract-targets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  foreach(header IN LISTS arg_HEADERS)
    get_filename_component(subfolder "${folder}/${header}" DIRECTORY)
    install(FILES "${header}" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/neuract/${subfolder}")
  endforeach()
endfunction()

function(neuract_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "INSTALL" "" "SOURCES;LIBRARIES")
  add_executable(${name} ${arg_SOURCES})
  neuract_compile_options(${name})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES})
  if(arg_INSTALL)
    install(TARGETS ${name} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  endif()
endfunction()

# Tests find checked-in data through NEURACT_SOURCE_DIR and carry their folder's name as a label. NAME serves a second binary of a folder.
# The label "tsan" puts a binary into what './dev test --preset tsan' builds and runs, "slow" is for tests of more than some seconds.
function(neuract_tests folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "NAME;TIMEOUT" "SOURCES;LIBRARIES;LABELS")
  if(NOT arg_NAME)
    set(arg_NAME ${folder})
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set(target ${arg_NAME}_tests)
  neuract_program(${target} SOURCES ${arg_SOURCES} LIBRARIES ${arg_LIBRARIES} rapidcheck_gtest GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${target} PRIVATE NEURACT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if("tsan" IN_LIST arg_LABELS)
    add_dependencies(tsan_tests ${target})
  endif()
  gtest_discover_tests(${target} TEST_PREFIX "${arg_NAME}." TEST_LIST ${target}_list DISCOVERY_TIMEOUT 60)
  # gtest_discover_tests would flatten a list among its properties, so ctest reads them from a file of our own, after the tests.
  set(properties "${CMAKE_CURRENT_BINARY_DIR}/${target}_properties.cmake")
  file(CONFIGURE OUTPUT "${properties}" @ONLY CONTENT [[
foreach(test IN LISTS @target@_list)
  set_tests_properties("${test}" PROPERTIES TIMEOUT @arg_TIMEOUT@ LABELS "@folder@;@arg_LABELS@" ENVIRONMENT "@NEURACT_TEST_ENVIRONMENT@")
endforeach()
]])
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${properties}")
endfunction()

function(neuract_bench folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  neuract_program(${folder}_bench SOURCES ${arg_SOURCES} LIBRARIES ${arg_LIBRARIES} benchmark::benchmark benchmark::benchmark_main)
  target_compile_definitions(${folder}_bench PRIVATE NEURACT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_dependencies(benchmarks ${folder}_bench)
endfunction()
