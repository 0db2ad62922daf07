# Three Debian packages, one for each component: libquantumgate0, libquantumgate-dev, qgate. `cpack -G DEB` in the build
# folder makes them; tools/package does it from a clean release build.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR "The QuantumGate authors")
set(CPACK_PACKAGE_CONTACT "The QuantumGate authors <quantumgate@localhost>")  # there is no address yet
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "encrypted, post-quantum peer-to-peer connections")
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime development program)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

# qg_debian_package(COMPONENT NAME SECTION TEXT): also gives it the copyright file and both change logs.
configure_file(${PROJECT_SOURCE_DIR}/packaging/changelog.Debian.in changelog.Debian @ONLY)
macro(qg_debian_package component name section text)
  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "QuantumGate lets programs on different machines find each other and talk\n\
without a server in the middle. Every connection is encrypted and authenticated\n\
at both ends, with a hybrid key exchange: X25519 and ML-KEM-768 together.\n.\n${text}")
  set(folder ${CMAKE_INSTALL_DATADIR}/doc/${name})
  install(FILES ${PROJECT_SOURCE_DIR}/packaging/copyright DESTINATION ${folder} COMPONENT ${component})
  qg_install_compressed(${PROJECT_SOURCE_DIR}/CHANGELOG.md ${folder} ${component} changelog)
  qg_install_compressed(${CMAKE_CURRENT_BINARY_DIR}/changelog.Debian ${folder} ${component})
endmacro()
qg_debian_package(runtime libquantumgate0 libs "This package has the library that programs load.")
qg_debian_package(development libquantumgate-dev libdevel
  "This package has the headers, the static library, and what CMake and pkg-config\nneed to find them.")
qg_debian_package(program qgate net
  "This package has the program: it runs a node, connects, chats, and sends files.")

# What programs built with the library depend on: the same minor version. And the loader's cache is brought up to date.
string(REGEX REPLACE "\\.[0-9]+$" "" minor ${PROJECT_VERSION})
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/shlibs "libquantumgate 0 libquantumgate0 (>= ${minor})\n")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/triggers "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
  ${CMAKE_CURRENT_BINARY_DIR}/shlibs ${CMAKE_CURRENT_BINARY_DIR}/triggers)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# What the administrator changes stays.
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/conffiles "/etc/qgate/qgate.toml\n")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_BINARY_DIR}/conffiles)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)
list(JOIN QG_DEBIAN_PACKAGES ", " packages)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
  "libquantumgate0 (= ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}), ${packages}")
include(CPack)
