# `cmake --install` gives a tree in which another project's find_package(neuract) works.
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/neuract")
configure_package_config_file(cmake/neuract-config.cmake.in "${PROJECT_BINARY_DIR}/neuract-config.cmake" INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/neuract-config-version.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/neuract-config.cmake" "${PROJECT_BINARY_DIR}/neuract-config-version.cmake" cmake/dependencies.cmake
        DESTINATION "${package_dir}")
install(EXPORT neuract-targets NAMESPACE neuract:: DESTINATION "${package_dir}")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
