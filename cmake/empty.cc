// A room may hold only headers; CMake wants one source a library.
