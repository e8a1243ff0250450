#include "service/guard.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::service;

namespace {

Visitor local(bool writes = false) {
  Visitor visitor;
  visitor.is_local = true;
  visitor.host = "localhost:5001";
  visitor.content_type = "application/json";
  visitor.writes = writes;
  return visitor;
}

int status(const GuardOptions& options, const Visitor& visitor, std::string_view type = {}) {
  const auto refused = refusal_of(options, visitor, type);
  return refused ? refused->status : 200;
}

}  // namespace

TEST_CASE("the host asked for is this machine, by an address or a name of its own") {
  GuardOptions options;
  options.allowed_hosts = {"lab.example"};
  struct Row {
    const char* host;
    int status;
  } const rows[] = {
      {"localhost", 200},
      {"LocalHost:5001", 200},
      {"127.0.0.1", 200},
      {"[::1]:5001", 200},
      {"10.0.0.7:80", 200},
      {"lab.example", 200},
      {"LAB.example:443", 200},
      {"evil.example", 403},
      {"localhost.evil.example", 403},
      {"evil.example:5001", 403},
      {"", 403},
      {"127.0.0.1.evil.example", 403},
      {"lab.example.", 403},
      {"localhost:x", 403},
      {"::1", 403},
  };
  for (const Row& row : rows) {
    CAPTURE(row.host);
    Visitor visitor = local();
    visitor.host = row.host;
    CHECK(status(options, visitor) == row.status);
  }
}

TEST_CASE("only programs of this machine, and nobody whom a proxy speaks for") {
  Visitor other = local();
  other.is_local = false;
  CHECK(status({}, other) == 403);
  Visitor forwarded = local();
  forwarded.is_forwarded = true;
  CHECK(status({}, forwarded) == 403);
  for (const auto& visitor : {other, forwarded}) {
    CHECK(status({LegacyAccess::kOpen, {}}, visitor) == 200);
    CHECK(status({LegacyAccess::kOff, {}}, visitor) == 403);
  }
  CHECK(status({LegacyAccess::kOff, {}}, local()) == 403);
}

TEST_CASE("a page of somebody else may read nothing new and change nothing") {
  struct Row {
    const char* origin;
    const char* site;
    const char* type;
    int status;
  } const rows[] = {
      {"", "", "application/json", 200},
      {"", "", "application/json; charset=utf-8", 200},
      {"", "", "Application/JSON", 200},
      {"", "", "text/plain", 415},
      {"", "", "", 415},
      {"", "", "text/plain; application/json", 415},
      {"http://localhost:5001", "same-origin", "application/json", 200},
      {"http://localhost:5001", "", "application/json", 200},
      {"http://localhost", "", "application/json", 403},
      {"http://localhost:5001.evil", "", "application/json", 403},
      {"null", "", "application/json", 403},
      {"", "cross-site", "application/json", 403},
      {"", "same-site", "application/json", 403},
      {"", "none", "application/json", 200},
  };
  for (const Row& row : rows) {
    CAPTURE(row.origin);
    CAPTURE(row.site);
    CAPTURE(row.type);
    Visitor visitor = local(true);
    visitor.origin = row.origin;
    visitor.fetch_site = row.site;
    visitor.content_type = row.type;
    CHECK(status({}, visitor, "application/json") == row.status);
  }
}

TEST_CASE("a path matches part by part, and what stands for something is decoded") {
  std::vector<std::string> arguments;
  CHECK(match_path("/api/apps/{name}/download", "/api/apps/a%20b/download", arguments));
  CHECK(arguments == std::vector<std::string>{"a b"});
  CHECK(match_path("/api", "/api", arguments));
  for (const char* path : {"", "/", "api", "/api/", "/apis", "/api/x", "//api"}) {
    CAPTURE(path);
    CHECK_FALSE(match_path("/api", path, arguments));
  }
  CHECK_FALSE(match_path("/api/apps/{name}", "/api/apps/", arguments));
  CHECK_FALSE(match_path("/api/apps/{name}", "/api/apps/a/b", arguments));
}
