# What others may build upon: cmake --install BUILD --component library (docs/library.md). A room that is installed is
# the target galileo::<room>; its headers are found by the names they have here, as "plan/file.h".
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# What only the program needs.
set(galileo_rooms_of_the_program gateway service commands)
# Whose headers speak of JSON as nlohmann has it, which users of the library needn't have.
set(galileo_rooms_without_headers kubernetes)
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

function(galileo_install_room room)
  set_target_properties(galileo_${room} PROPERTIES EXPORT_NAME ${room})
  install(TARGETS galileo_${room} EXPORT Galileo ARCHIVE COMPONENT library)
  if(room IN_LIST galileo_rooms_without_headers)
    return()
  endif()
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/src/${room} DESTINATION ${galileo_headers_folder} COMPONENT library
          FILES_MATCHING PATTERN "*.h" PATTERN "*.def" PATTERN "*_fixture.h" EXCLUDE)
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
