# What nearly every file reads of others' headers, read once: half of a file's time goes there. Our own aren't among
# them, so that a changed one costs those files only that include it. The debug preset does without: there each header is
# compiled alone and clang-tidy reads each file, so a file that forgets an #include is found.
#
# galileo_precompile(TARGET KIND SOURCES) gives a target the headers of its kind: a room's name, or test.
option(GALILEO_PRECOMPILE "Precompile the headers of other libraries" ON)

set(precompiled_room <algorithm> <array> <charconv> <chrono> <cmath> <cstdint> <deque> <functional> <limits> <map> <memory> <optional>
    <set> <string> <string_view> <unordered_map> <utility> <vector> <fmt/format.h> <tl/expected.hpp>)
set(precompiled_commands ${precompiled_room} <CLI/CLI.hpp> <nlohmann/json.hpp>)
set(precompiled_test ${precompiled_room} <filesystem> <doctest/doctest.h>)

# What tests say themselves is compiled quickly: half of the time, and they wait for nothing that they compute. Not where
# threads are watched: there it costs more than it saves.
if(NOT GALILEO_SANITIZE STREQUAL "thread")
  set(precompiled_test_options $<$<COMPILE_LANGUAGE:CXX>:-O0>)
endif()

# What a command does once, or for one person at a time, is small rather than quick: a third less of it, in an image that
# a Pi fetches. No request and no trace goes through these rooms. GCC, less thorough then, takes the inside of an empty
# optional for a value that is read; in the other builds it doesn't, and warns.
set(galileo_cold_rooms plan kubernetes pods chaos service)
set(precompiled_cold ${precompiled_room})
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  foreach(kind IN ITEMS commands cold LISTS galileo_cold_rooms)
    set(precompiled_${kind}_options $<$<COMPILE_LANGUAGE:CXX>:-Os> $<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>)
  endforeach()
endif()

function(galileo_precompile target kind sources)
  if(NOT GALILEO_PRECOMPILE)
    return()
  endif()
  if(kind IN_LIST galileo_cold_rooms)
    set(kind cold)
  elseif(NOT DEFINED precompiled_${kind})
    set(kind room)
  endif()
  set(library galileo_precompiled_${kind})
  if(NOT TARGET ${library})
    list(JOIN precompiled_${kind} "\n#include " lines)
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled/${kind}.cc CONTENT "#include ${lines}\n")
    add_library(${library} OBJECT ${CMAKE_SOURCE_DIR}/cmake/empty.cc)
    target_compile_options(${library} PRIVATE ${precompiled_${kind}_options})
    target_link_libraries(${library} PRIVATE Threads::Threads fmt::fmt tl::expected CLI11::CLI11 nlohmann_json::nlohmann_json
                          doctest::doctest)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
      set_property(TARGET ${library} PROPERTY SOURCES ${CMAKE_BINARY_DIR}/precompiled/${kind}.cc)
      target_compile_options(${library} PRIVATE "SHELL:-x c++-header -Xclang -fno-pch-timestamp -fpch-instantiate-templates")
      set_target_properties(${library} PROPERTIES CXX_COMPILER_LAUNCHER ${CMAKE_SOURCE_DIR}/cmake/precompile.sh)
    else()
      target_precompile_headers(${library} PRIVATE ${precompiled_${kind}})
    endif()
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    set(compiled CMakeFiles/${library}.dir/precompiled/${kind}.cc.o)
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp -include-pch ${compiled}>")
    set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS ${CMAKE_BINARY_DIR}/${compiled})
  else()
    target_precompile_headers(${target} REUSE_FROM ${library})
  endif()
endfunction()
