# Everything from outside, found once. Each is wrapped in one place of src/ (see docs/design/dependencies.md).
find_package(PkgConfig REQUIRED)

# What libquantumgate itself links, and what others need to link the static one: each pkg-config module becomes a target
# PkgConfig::PREFIX there too, and libquantumgate-dev depends on its Debian package.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)
set(QG_LIBRARY_DEPENDENCIES OpenSSL::Crypto Threads::Threads)
set(QG_PKG_CONFIG_MODULES libcrypto)
set(QG_PKG_CONFIG_LIBRARIES -lstdc++)  # for programs in C; and what has no pkg-config file
set(QG_DEBIAN_PACKAGES libexpected-dev libssl-dev)
macro(qg_library_module prefix module debian_package)
  pkg_check_modules(${prefix} REQUIRED IMPORTED_TARGET ${module})
  list(APPEND QG_LIBRARY_DEPENDENCIES PkgConfig::${prefix})
  list(APPEND QG_PKG_CONFIG_MODULES ${module})
  list(APPEND QG_DEBIAN_PACKAGES ${debian_package})
  string(APPEND QG_STATIC_MODULES "  pkg_check_modules(${prefix} REQUIRED IMPORTED_TARGET ${module})\n")
endmacro()
qg_library_module(SODIUM libsodium libsodium-dev)
qg_library_module(NGTCP2 libngtcp2 libngtcp2-dev)
qg_library_module(ZSTD libzstd libzstd-dev)
# ipsec-mb (amd64 only) makes AES-GCM faster; without it OpenSSL does all. It has no pkg-config file.
find_path(IPSEC_MB_INCLUDE_DIR intel-ipsec-mb.h)
find_library(IPSEC_MB_LIBRARY IPSec_MB)
if(IPSEC_MB_INCLUDE_DIR AND IPSEC_MB_LIBRARY)
  list(APPEND QG_LIBRARY_DEPENDENCIES IPSec_MB)
  list(APPEND QG_PKG_CONFIG_LIBRARIES -lIPSec_MB)
  list(APPEND QG_DEBIAN_PACKAGES libipsec-mb-dev)
endif()

# Headers only, or for the program.
find_package(Boost 1.74 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)
find_path(TL_EXPECTED_INCLUDE_DIR tl/expected.hpp REQUIRED)
