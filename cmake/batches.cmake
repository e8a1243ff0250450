# Rooms of many files, through which no request goes: what they read and instantiate of others' headers is most of their
# compiler's time (each of the commands' files has all of CLI11 in it), so six files share it. The names that a file keeps
# for itself are then its room's. The debug preset does without, as it does without precompiled headers.
option(GALILEO_BATCHES "Compile rooms beside a request's way some files at a time" ON)
set(galileo_rooms_in_batches kubernetes store fleet analysis tables plan experiment commands)

# galileo_batch(TARGET SOURCES), after galileo_precompile: what the batches depend on is what their files do.
function(galileo_batch target sources)
  set(size 6)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${size})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # An alias that two files have is a shadow to clang alone; gcc looks for those within a file, in the release and in debug.
    target_compile_options(${target} PRIVATE -Wno-shadow)
  endif()
  list(GET sources 0 first)
  get_source_file_property(depends ${first} OBJECT_DEPENDS)
  if(NOT depends)
    return()
  endif()
  list(LENGTH sources count)
  math(EXPR last "(${count} - 1) / ${size}")
  foreach(number RANGE ${last})
    set_source_files_properties(${CMAKE_BINARY_DIR}/CMakeFiles/${target}.dir/Unity/unity_${number}_cxx.cxx
                                PROPERTIES OBJECT_DEPENDS "${depends}")
  endforeach()
endfunction()
