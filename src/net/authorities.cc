#include "net/authorities.h"

namespace galileo::net {
namespace {

// Debian, Arch and Gentoo; Fedora and RHEL; openSUSE; Alpine and the BSDs.
constexpr const char* kPlaces[] = {
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

}  // namespace

std::string authorities_elsewhere(const UsualAuthorities& usual, const AuthorityPlaces& places) {
  if (places.variable(usual.file_variable) || places.variable(usual.folder_variable)) return {};
  if (places.is_there(usual.file) || places.is_there(usual.folder)) return {};
  for (const char* const place : kPlaces) {
    if (places.is_there(place)) return place;
  }
  return {};
}

}  // namespace galileo::net
