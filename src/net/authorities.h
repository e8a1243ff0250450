// Where a system keeps the certificates of its authorities. OpenSSL knows where they were on the
// machine that it was built for; a package that carries an OpenSSL along is installed on others.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace galileo::net {

// Where OpenSSL looks by itself, and the variables of the environment that name other places.
struct UsualAuthorities {
  std::string file;
  std::string folder;
  std::string file_variable;
  std::string folder_variable;
};
UsualAuthorities usual_authorities();  // in tls.cc: OpenSSL knows

// What there is: a variable of the environment, a file or folder.
struct AuthorityPlaces {
  std::function<std::optional<std::string>(const std::string& name)> variable;
  std::function<bool(const std::string& path)> is_there;
};

// A file in PEM, where OpenSSL finds nothing by itself: empty where one of its variables is set,
// where its own places are there, and where no other is.
std::string authorities_elsewhere(const UsualAuthorities& usual, const AuthorityPlaces& places);

}  // namespace galileo::net
