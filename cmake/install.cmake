# What others may build upon: cmake --install BUILD --component library (docs/how-to/library.md). A room that is installed is
# the target galileo::<room>; its headers are found by the names they have here, as "plan/file.h".
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# What only the program needs.
set(galileo_rooms_of_the_program chaos service commands)
set(galileo_headers_folder ${CMAKE_INSTALL_INCLUDEDIR}/galileo)
set(galileo_package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/Galileo)

# galileo_link(TARGET LIBRARY): who uses the installed target compiles with those libraries only whose headers stand in
# ours, and links the others; of those that are headers alone it has no need.
set(galileo_libraries_in_headers fmt::fmt tl::expected)
set(galileo_libraries_of_headers nlohmann_json::nlohmann_json CLI11::CLI11)
function(galileo_link target library)
  if(library IN_LIST galileo_libraries_in_headers)
    target_link_libraries(${target} PUBLIC ${library})
  elseif(library IN_LIST galileo_libraries_of_headers)
    target_link_libraries(${target} PUBLIC $<BUILD_INTERFACE:${library}>)
  elseif(library)
    target_link_libraries(${target} PUBLIC $<BUILD_INTERFACE:${library}> $<INSTALL_INTERFACE:$<LINK_ONLY:${library}>>)
  endif()
endfunction()

# Headers that speak of Kubernetes' objects do so in JSON as nlohmann has it, which users of the library needn't have: they
# and those that include them stay behind.
file(GLOB galileo_headers RELATIVE ${CMAKE_SOURCE_DIR}/src CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/*/*.h)
set(galileo_headers_left_out "")
set(foreign "<nlohmann/|<openssl/|<sqlite3.h>")
foreach(round RANGE 4)
  foreach(header IN LISTS galileo_headers)
    file(STRINGS ${CMAKE_SOURCE_DIR}/src/${header} speaks REGEX "^#include (${foreign})")
    if(speaks)
      list(APPEND galileo_headers_left_out ${header})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES galileo_headers_left_out)
  list(JOIN galileo_headers_left_out "|" names)
  set(foreign "<nlohmann/|\"(${names})\"")
endforeach()

function(galileo_install_room room)
  set_target_properties(galileo_${room} PROPERTIES EXPORT_NAME ${room})
  install(TARGETS galileo_${room} EXPORT Galileo ARCHIVE COMPONENT library)
  set(left_out "")
  foreach(header IN LISTS galileo_headers_left_out)
    if(header MATCHES "^${room}/(.*)$")
      list(APPEND left_out PATTERN ${CMAKE_MATCH_1} EXCLUDE)
    endif()
  endforeach()
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/src/${room} DESTINATION ${galileo_headers_folder} COMPONENT library
          FILES_MATCHING PATTERN "*.h" PATTERN "*.def" PATTERN "*_fixture.h" EXCLUDE ${left_out})
endfunction()

# After all rooms.
function(galileo_install_package)
  install(EXPORT Galileo NAMESPACE galileo:: FILE GalileoTargets.cmake DESTINATION ${galileo_package_folder} COMPONENT library)
  configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/GalileoConfig.cmake.in ${CMAKE_BINARY_DIR}/GalileoConfig.cmake
                                INSTALL_DESTINATION ${galileo_package_folder} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/GalileoConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/GalileoConfig.cmake ${CMAKE_BINARY_DIR}/GalileoConfigVersion.cmake
          ${CMAKE_SOURCE_DIR}/cmake/libraries.cmake DESTINATION ${galileo_package_folder} COMPONENT library)
endfunction()
