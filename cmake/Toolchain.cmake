# The compiler settings that every target of ours shares.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()

add_library(tokenscaler_compile_options INTERFACE)
target_compile_options(tokenscaler_compile_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-align
  -Woverloaded-virtual -Wconversion -Wsign-conversion -Wdouble-promotion -Wformat=2
  -Wimplicit-fallthrough -Wunused -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(tokenscaler_compile_options INTERFACE
    -Wduplicated-cond -Wlogical-op -Wuseless-cast)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC 12 reports overlapping copies inside std::string that cannot be (GCC bug 105651).
    target_compile_options(tokenscaler_compile_options INTERFACE -Wno-restrict)
  endif()
endif()
target_link_options(tokenscaler_compile_options INTERFACE -Wl,-z,relro,-z,now)
if(TOKENSCALER_SANITIZE)
  target_compile_options(tokenscaler_compile_options INTERFACE
    -fsanitize=${TOKENSCALER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  target_link_options(tokenscaler_compile_options INTERFACE -fsanitize=${TOKENSCALER_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # What the sanitizers insert confuses GCC's data flow; they find real cases when they run.
    target_compile_options(tokenscaler_compile_options INTERFACE -Wno-maybe-uninitialized)
  endif()
else()
  # _FORTIFY_SOURCE needs optimisation and hides errors from the sanitizers.
  target_compile_definitions(tokenscaler_compile_options INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()
