# galileo_embed(TARGET SYMBOL FILE...): puts FILE's bytes into TARGET as
#   extern const char SYMBOL[];  extern const char SYMBOL_end[];
# through the assembler, so that a file of any size costs no compile time. FILE may be made by the build. Between several
# files stands a line of YAML's, "---".
enable_language(ASM)
function(galileo_embed target symbol)
  set(source ${CMAKE_BINARY_DIR}/embed/${symbol}.S)
  list(JOIN ARGN "\"\n.ascii \"\\n---\\n\"\n.incbin \"" files)
  file(CONFIGURE OUTPUT ${source} CONTENT [[
.section .rodata
.global @symbol@
.global @symbol@_end
.balign 16
@symbol@:
.incbin "@files@"
@symbol@_end:
.byte 0
.section .note.GNU-stack,"",%progbits
]] @ONLY)
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${ARGN}" COMPILE_OPTIONS "-w")
  target_sources(${target} PRIVATE ${source})
endfunction()
