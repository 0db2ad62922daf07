# Fails if OBJECT contains a division instruction: its time depends on its operands, and valgrind does not see that
# (KyberSlash). None is needed on public values either, so there is nothing to tell apart.
# Usage: cmake -DOBJDUMP=... -DOBJECT=... -P no_division.cmake
execute_process(COMMAND ${OBJDUMP} --disassemble --no-show-raw-insn ${OBJECT}
                OUTPUT_VARIABLE code RESULT_VARIABLE result)
if(NOT result EQUAL 0 OR NOT code MATCHES "ret")
  message(FATAL_ERROR "could not disassemble ${OBJECT}")
endif()
# x86: div, idiv, divl, divss, vdivps and the like; ARM: udiv, sdiv, fdiv.
string(REGEX MATCHALL "[\t ]v?[iusf]?div[a-z]*[\t ][^\n]*" divisions "${code}")
if(divisions)
  message(FATAL_ERROR "${OBJECT} divides: ${divisions}")
endif()
