#include "net/authorities.h"

#include <doctest/doctest.h>

#include <set>

using namespace galileo;

namespace {

struct Machine {
  std::set<std::string> files;
  std::set<std::string> variables;

  std::string found() const {
    return net::authorities_elsewhere(
        net::usual_authorities(),
        {[this](const std::string& name) {
           return variables.contains(name) ? std::optional<std::string>("x") : std::nullopt;
         },
         [this](const std::string& path) { return files.contains(path); }});
  }
};

constexpr const char* kDebian = "/etc/ssl/certs/ca-certificates.crt";
constexpr const char* kFedora = "/etc/pki/tls/certs/ca-bundle.crt";

}  // namespace

TEST_CASE("a carried OpenSSL takes the authorities where this system has them") {
  CHECK(Machine{{kDebian}, {}}.found() == kDebian);
  CHECK(Machine{{kFedora}, {}}.found() == kFedora);
  CHECK(Machine{{}, {}}.found().empty());
}

TEST_CASE("what OpenSSL finds by itself, or is told, is left to it") {
  CHECK(Machine{{kDebian, net::usual_authorities().folder}, {}}.found().empty());
  CHECK(Machine{{kDebian, net::usual_authorities().file}, {}}.found().empty());
  CHECK(Machine{{kDebian}, {"SSL_CERT_FILE"}}.found().empty());
  CHECK(Machine{{kDebian}, {"SSL_CERT_DIR"}}.found().empty());
}
