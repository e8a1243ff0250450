#include "route/router.h"

#include <doctest/doctest.h>

#include "route/table.h"

namespace galileo::route {
namespace {

std::string path_by(std::string_view router, std::string_view path) {
  return (*make_router(router, {"hello", "http://static"}))->path_of(path);
}

TEST_CASE("routers make the paths of the old system") {
  CHECK(path_by("SymmetryHostRouter", "/a?b=1") == "/a?b=1");
  CHECK(path_by("CachingSymmetryHostRouter", "/") == "/");
  CHECK(path_by("SymmetryServiceRouter", "/a?b=1") == "/hello/a?b=1");
  CHECK(path_by("CachingSymmetryServiceRouter", "/") == "/hello/");
  CHECK(path_by("StaticRouter", "/a") == "/a");
  CHECK(path_by("DebugRouter", "/a") == "/a");
}

TEST_CASE("each router says where requests go") {
  struct Case {
    std::string_view router;
    std::vector<std::string> destinations;
    bool uses_table;
    bool answers_itself;
    bool service_in_path;
  };
  const std::vector<std::string> hosts{"a:80", "b:80"};
  for (const Case& one : std::vector<Case>{
           {"SymmetryHostRouter", hosts, true, false, false},
           {"CachingSymmetryHostRouter", hosts, true, false, false},
           {"SymmetryServiceRouter", hosts, true, false, true},
           {"CachingSymmetryServiceRouter", hosts, true, false, true},
           {"StaticRouter", {"static:80"}, false, false, false},
           {"DebugRouter", {}, false, true, false},
       }) {
    CAPTURE(one.router);
    const auto router = make_router(one.router, {"hello", "http://static/before/"});
    REQUIRE(router.ok());
    CHECK((*router)->destinations({{"a:80", 1}, {"b:80", 0}}) == one.destinations);
    CHECK((*router)->uses_table() == one.uses_table);
    CHECK((*router)->answers_itself() == one.answers_itself);
    CHECK((*router)->service_in_path() == one.service_in_path);
  }
  CHECK((*make_router("StaticRouter", {"hello", "http://static/before/"}))->path_of("/a") ==
        "/before/a");
}

TEST_CASE("a router that reads static_host can't be made of none") {
  for (const RouterRow& row : router_rows()) {
    CAPTURE(row.name);
    CHECK(row.make({"hello", ""}).ok() != row.reads_static_host);
  }
}

TEST_CASE("every router of the table is found by its name, another isn't") {
  CHECK(router_names().size() == 6);
  for (const std::string& name : router_names()) CHECK(router_named(name).ok());
  CHECK(router_named("SymetryHostRouter").error().to_text() ==
        "unknown router 'SymetryHostRouter'; did you mean 'SymmetryHostRouter'?");
}

TEST_CASE("a static host is a URL, whose path stands before each request's") {
  const auto plain = parse_static_host("http://10.0.0.1:8080");
  REQUIRE(plain.ok());
  CHECK(plain->host == "10.0.0.1:8080");
  CHECK(plain->prefix.empty());
  const auto with_path = parse_static_host("http://gateway/function/f/");
  REQUIRE(with_path.ok());
  CHECK(with_path->host == "gateway:80");
  CHECK(with_path->prefix == "/function/f");
  CHECK(parse_static_host("http://gateway/f?x=1")->prefix == "/f");
  CHECK_FALSE(parse_static_host("").ok());
  CHECK(parse_static_host("https://secure/f")->host == "https://secure:443");
}

TEST_CASE("a table gives a service's hosts, and says when it has none") {
  Table table;
  CHECK(table.find("hello") == nullptr);
  table.set("hello", {{"a:80", 1}, {"b:80", 2}});
  REQUIRE(table.find("hello") != nullptr);
  CHECK(table.find("hello")->size() == 2);
  table.set("hello", {{"c:80", 1}});
  CHECK(table.find("hello")->front().name == "c:80");
  table.set("hello", {});
  CHECK(table.find("hello") == nullptr);
}

}  // namespace
}  // namespace galileo::route
