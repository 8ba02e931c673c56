# tokenscaler_library(<folder> SOURCES ... [DEPENDS public deps ...] [PRIVATE_DEPENDS third-party ...])
# One static library tokenscaler::<folder> for each folder of lib/. Third-party packages go to
# PRIVATE_DEPENDS, so that their headers stay in the folder that owns them.
function(tokenscaler_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(tokenscaler_${name} STATIC ${ARG_SOURCES})
  add_library(tokenscaler::${name} ALIAS tokenscaler_${name})
  target_include_directories(tokenscaler_${name} PUBLIC "${PROJECT_SOURCE_DIR}/lib")
  target_link_libraries(tokenscaler_${name}
    PUBLIC ${ARG_DEPENDS}
    PRIVATE ${ARG_PRIVATE_DEPENDS} tokenscaler_compile_options)
endfunction()

# tokenscaler_executable(<name> SOURCES ... DEPENDS ...)
function(tokenscaler_executable name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} tokenscaler_compile_options)
endfunction()

# GoogleTest's macros compare and name things in ways that these warnings do not like. Linked after
# tokenscaler_compile_options, since the last word on a warning counts.
add_library(tokenscaler_test_options INTERFACE)
target_compile_options(tokenscaler_test_options INTERFACE
  -Wno-sign-conversion -Wno-conversion $<$<CXX_COMPILER_ID:GNU>:-Wno-useless-cast>)

# tokenscaler_test(<name> SOURCES ... DEPENDS ... [LABELS ...] [TIMEOUT seconds] [SERIAL])
# One test program. ctest runs the whole program as one test: a process for each case would cost
# more than the cases. LABELS choose what a run takes: unit, contract, sim, e2e, cpprest.
function(tokenscaler_test name)
  cmake_parse_arguments(ARG "SERIAL" "TIMEOUT" "SOURCES;DEPENDS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} tokenscaler_compile_options
    tokenscaler_test_options GTest::gmock GTest::gtest GTest::gtest_main)
  # What is tested is compiled as it ships; the tests themselves only have to compile soon.
  # At -O1 GCC 12 takes members of a std::variant for uninitialised.
  target_compile_options(${name} PRIVATE
    $<$<CONFIG:Release>:-O1> $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_compile_definitions(${name} PRIVATE
    TOKENSCALER_SOURCE_DIR="${PROJECT_SOURCE_DIR}" TOKENSCALER_BINARY_DIR="${PROJECT_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  if(ARG_SERIAL)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
  endif()
  # What a sanitizer build makes: no test that links the uninstrumented cpprestsdk or starts the
  # programs of another build (scripts/test leaves out the same labels).
  if(NOT ARG_LABELS MATCHES "(^|;)(cpprest|e2e|tidy)(;|$)")
    if(NOT TARGET tokenscaler_sanitized_tests)
      add_custom_target(tokenscaler_sanitized_tests)
    endif()
    add_dependencies(tokenscaler_sanitized_tests ${name})
  endif()
endfunction()
