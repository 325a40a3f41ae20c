# Nothing but the interface is visible in the library, so that it can be loaded into any program.
execute_process(COMMAND "${nm}" -D --defined-only --format=posix "${library}" OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n" ";" symbols "${symbols}")
list(FILTER symbols EXCLUDE REGEX "^NVFP4_|^$")
if(symbols)
  message(FATAL_ERROR "also visible: ${symbols}")
endif()
