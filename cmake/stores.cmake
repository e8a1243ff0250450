# Which databases are built in: the table is src/store/drivers.def, the choice GALILEO_STORES. Sets
#   stores_left_out    drivers that aren't built
#   stores_libraries   the libraries that the others need
set(GALILEO_STORES all CACHE STRING
    "Databases that are built in, of src/store/drivers.def: all, a list as \"sqlite;mysql\", or nothing")

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS src/store/drivers.def)
file(STRINGS src/store/drivers.def rows REGEX "^DRIVER")
set(stores_left_out "")
set(stores_libraries "")
set(stores_known "")
foreach(row IN LISTS rows)
  if(NOT row MATCHES "^DRIVER\\(([a-z0-9_]+), \"[^\"]*\", [a-z]+, \"([^\"]*)\"")
    continue()  # the rest of a row whose text has a semicolon
  endif()
  list(APPEND stores_known ${CMAKE_MATCH_1})
  if(GALILEO_STORES STREQUAL "all" OR CMAKE_MATCH_1 IN_LIST GALILEO_STORES)
    string(REPLACE " " ";" libraries "${CMAKE_MATCH_2}")
    list(APPEND stores_libraries ${libraries})
  else()
    list(APPEND stores_left_out ${CMAKE_MATCH_1})
  endif()
endforeach()
foreach(name IN LISTS GALILEO_STORES)
  if(NOT name STREQUAL "all" AND NOT name IN_LIST stores_known)
    message(FATAL_ERROR "GALILEO_STORES names ${name}; src/store/drivers.def has ${stores_known}")
  endif()
endforeach()
