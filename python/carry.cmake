# Run at the package's installation: puts what the program needs and no Linux has for certain into galileo/lib, and the
# licences of all that is in the package, in the words of those who gave them, beside the package's own.
#   program     as it is in the build folder
#   plugins     MariaDB's of users' ways to show who they are
#   licenses    the folder for them
#   compiled_in packages of Debian's whose headers are compiled into the program
#   texts       further licences: name=file
cmake_policy(VERSION 3.25)

set(galileo ${CMAKE_INSTALL_PREFIX}/galileo)
# The C library is the machine's: it belongs to the kernel's side of things, and it finds names and users.
file(GET_RUNTIME_DEPENDENCIES EXECUTABLES ${program} MODULES ${plugins} RESOLVED_DEPENDENCIES_VAR libraries
     UNRESOLVED_DEPENDENCIES_VAR missing
     PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|rt|pthread|resolv)\\.so")
if(missing)
  message(FATAL_ERROR "libraries that the program needs can't be found: ${missing}")
endif()

set(packages ${compiled_in})
foreach(path IN LISTS libraries plugins)
  get_filename_component(name ${path} NAME)
  if(path IN_LIST plugins)
    set(name mariadb/${name})
  endif()
  get_filename_component(folder ${galileo}/lib/${name} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  file(REAL_PATH ${path} real)
  file(COPY_FILE ${real} ${galileo}/lib/${name})
  # Packages name files as they were before /lib became /usr/lib.
  string(REGEX REPLACE "^/usr" "" short ${path})
  execute_process(COMMAND dpkg-query --search ${path} /usr${short} ${short} OUTPUT_VARIABLE owner ERROR_QUIET)
  if(NOT owner MATCHES "^([^:, ]+)")
    message(WARNING "no package of Debian's has ${path}: its licence isn't in the package")
    continue()
  endif()
  list(APPEND packages ${CMAKE_MATCH_1})
endforeach()

list(REMOVE_DUPLICATES packages)
foreach(package IN LISTS packages)
  set(copyright /usr/share/doc/${package}/copyright)
  if(NOT EXISTS ${copyright})
    message(WARNING "${copyright} isn't there: the licence of ${package} isn't in the package")
    continue()
  endif()
  configure_file(${copyright} ${licenses}/${package}.txt COPYONLY)
  # What Debian keeps once for all.
  file(STRINGS ${copyright} speaks REGEX "/usr/share/common-licenses/")
  string(REGEX MATCHALL "common-licenses/[A-Za-z]+(-[0-9]+(\\.[0-9]+)?)?" common "${speaks}")
  foreach(one IN LISTS common)
    string(REPLACE "common-licenses/" "" one ${one})
    if(EXISTS /usr/share/common-licenses/${one})
      file(READ /usr/share/common-licenses/${one} text)
      file(WRITE ${licenses}/common/${one}.txt "${text}")
    endif()
  endforeach()
endforeach()
foreach(one IN LISTS texts)
  string(REGEX MATCH "^([^=]+)=(.*)$" all ${one})
  configure_file(${CMAKE_MATCH_2} ${licenses}/${CMAKE_MATCH_1}.txt COPYONLY)
endforeach()
