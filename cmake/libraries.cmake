# Libraries that no package for CMake finds: for the build, and for who uses the installed rooms (GalileoConfig.cmake).
# With REQUIRED a missing one is an error, without it the target is missing.

# hiredis::hiredis. Debian's package file for CMake is broken (0.14.1).
function(galileo_find_hiredis)
  if(NOT TARGET hiredis::hiredis)
    find_library(GALILEO_HIREDIS hiredis ${ARGN})
    mark_as_advanced(GALILEO_HIREDIS)
    if(GALILEO_HIREDIS)
      add_library(hiredis::hiredis UNKNOWN IMPORTED GLOBAL)
      set_target_properties(hiredis::hiredis PROPERTIES IMPORTED_LOCATION ${GALILEO_HIREDIS})
    endif()
  endif()
endfunction()

# PkgConfig::<module>. Needs PkgConfig.
function(galileo_find_by_pkg_config module)
  if(NOT TARGET PkgConfig::${module})
    pkg_check_modules(${module} ${ARGN} IMPORTED_TARGET GLOBAL ${module})
  endif()
endfunction()
