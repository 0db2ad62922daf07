# Runs PROGRAM [ARGUMENT] under memcheck and fails unless it ends as EXPECTED says: `clean` or `leak`. An exit code of
# its own (99) keeps a leak apart from a crash, so that the planted leaks prove what they should.
# Usage: cmake -DVALGRIND=... -DPROGRAM=... -DARGUMENT=... -DEXPECTED=clean|leak -P run.cmake
execute_process(COMMAND ${VALGRIND} --quiet --error-exitcode=99 ${PROGRAM} ${ARGUMENT}
                RESULT_VARIABLE result ERROR_VARIABLE report)
if(EXPECTED STREQUAL "clean")
  set(wanted 0)
else()
  set(wanted 99)
endif()
if(NOT result EQUAL wanted)
  message(FATAL_ERROR "expected exit code ${wanted}, got ${result}:\n${report}")
endif()
