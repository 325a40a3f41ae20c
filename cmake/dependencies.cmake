# Everything Neuract links, found once. The root build includes this file, and so does the installed package, so that a
# program that uses find_package(neuract) resolves the same targets.
#
# Targets: CAF::core CAF::io CAF::openssl  Boost::headers Boost::json  tomlplusplus::tomlplusplus  muparser::muparser
#          CLI11::CLI11  hdf5::hdf5  ZLIB::ZLIB  CBLAS::CBLAS  Threads::Threads
# In our own sources, never in an installed header: Random123::Random123  gnuplot::iostream
# In tests and benchmarks only: GTest::gtest_main  rapidcheck  rapidcheck_gtest  benchmark::benchmark
include_guard(GLOBAL)

find_package(Threads REQUIRED)
# CAF's own package file names OpenSSL's targets without looking for them.
find_package(OpenSSL REQUIRED)

# CAF 0.18.7 or 1.1. An explicit prefix wins; then CAF_ROOT and CMAKE_PREFIX_PATH; then the build that './dev setup' keeps (it makes
# one only where no good one is installed); then the system's. A thread-sanitized program needs a CAF that was built so too: with any
# other, every actor hand-over looks like a race.
if(DEFINED ENV{XDG_CACHE_HOME} AND NOT "$ENV{XDG_CACHE_HOME}" STREQUAL "")
  set(neuract_cache "$ENV{XDG_CACHE_HOME}/neuract")
else()
  set(neuract_cache "$ENV{HOME}/.cache/neuract")
endif()
if(NEURACT_CAF)
  find_package(CAF REQUIRED PATHS "${NEURACT_CAF}" NO_DEFAULT_PATH)
elseif(NEURACT_SANITIZE MATCHES "thread")
  find_package(CAF REQUIRED PATHS "${neuract_cache}/caf-0.18.7-tsan" NO_DEFAULT_PATH)
else()
  find_package(CAF REQUIRED HINTS "${neuract_cache}/caf-0.18.7")
endif()
if(CAF_VERSION VERSION_LESS 0.18.7)
  message(FATAL_ERROR "CAF ${CAF_VERSION} in ${CAF_DIR} is too old: Neuract needs 0.18.7 or newer. './dev setup' builds one.")
endif()

find_package(Boost 1.81 REQUIRED COMPONENTS headers json iostreams filesystem system CONFIG)
find_package(tomlplusplus REQUIRED CONFIG)
find_package(muparser REQUIRED CONFIG)
find_package(CLI11 REQUIRED CONFIG)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(ZLIB REQUIRED)

# OpenBLAS with its C interface. Its own package file stands in a different place on every system and names no target.
find_path(CBLAS_INCLUDE_DIR cblas.h PATH_SUFFIXES openblas REQUIRED)
find_library(CBLAS_LIBRARY openblas REQUIRED)
add_library(CBLAS::CBLAS UNKNOWN IMPORTED)
set_target_properties(CBLAS::CBLAS PROPERTIES IMPORTED_LOCATION "${CBLAS_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${CBLAS_INCLUDE_DIR}")

# Header-only, and only our own sources include them: an installed Neuract needs no more than what they link.
add_library(Random123::Random123 INTERFACE IMPORTED)
add_library(gnuplot::iostream INTERFACE IMPORTED)
target_link_libraries(gnuplot::iostream INTERFACE Boost::iostreams Boost::filesystem Boost::system)

if(NOT PROJECT_NAME STREQUAL "neuract")
  return()
endif()

find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)
target_include_directories(Random123::Random123 INTERFACE "${RANDOM123_INCLUDE_DIR}")
# './dev setup' keeps this one header by itself; Debian's package of it pulls in another Boost than ours.
find_path(GNUPLOT_IOSTREAM_INCLUDE_DIR gnuplot-iostream.h PATHS "${neuract_cache}/gnuplot-iostream" REQUIRED)
target_include_directories(gnuplot::iostream INTERFACE "${GNUPLOT_IOSTREAM_INCLUDE_DIR}")

if(NEURACT_TESTS)
  find_package(GTest REQUIRED CONFIG)
  find_package(rapidcheck REQUIRED CONFIG)
  find_package(benchmark REQUIRED CONFIG)
endif()
