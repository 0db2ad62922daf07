# Language level, warnings, sanitizers, ccache: the same for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

add_library(qg_options INTERFACE)
target_compile_options(qg_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
  # Fields that a designated initializer leaves out keep their defaults; that is what they are for.
  -Wno-missing-field-initializers
  -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports false positives for inlined std::vector and std::string copies (GCC bugs 105329, 105651).
  target_compile_options(qg_options INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()
if(QG_WERROR)
  target_compile_options(qg_options INTERFACE -Werror)
endif()
if(QG_SANITIZE)
  target_compile_options(qg_options INTERFACE -fsanitize=${QG_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(qg_options INTERFACE -fsanitize=${QG_SANITIZE})
  if(QG_SANITIZE MATCHES "undefined")
    target_compile_options(qg_options INTERFACE -fno-sanitize-recover=undefined)
  endif()
endif()
if(QG_FUZZ)
  target_compile_options(qg_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
