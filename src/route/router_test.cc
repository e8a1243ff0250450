#include "route/router.h"

#include <doctest/doctest.h>

#include "route/table.h"

namespace galileo::route {
namespace {

std::string path_by(std::string_view router, std::string_view path) {
  return routed_path(*router_named(router), "hello", path);
}

TEST_CASE("routers make the paths of the spec's table") {
  CHECK(path_by("SymmetryHostRouter", "/a?b=1") == "/a?b=1");
  CHECK(path_by("CachingSymmetryHostRouter", "/") == "/");
  CHECK(path_by("SymmetryServiceRouter", "/a?b=1") == "/hello/a?b=1");
  CHECK(path_by("CachingSymmetryServiceRouter", "/") == "/hello/");
  CHECK(path_by("StaticRouter", "/a") == "/a");
  CHECK(path_by("DebugRouter", "/a") == "/a");
}

TEST_CASE("the static and the debug router do without the table") {
  CHECK(uses_table(Router::SymmetryHostRouter));
  CHECK(uses_table(Router::CachingSymmetryHostRouter));
  CHECK(uses_table(Router::SymmetryServiceRouter));
  CHECK(uses_table(Router::CachingSymmetryServiceRouter));
  CHECK_FALSE(uses_table(Router::StaticRouter));
  CHECK_FALSE(uses_table(Router::DebugRouter));
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
  CHECK_FALSE(parse_static_host("https://secure").ok());
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
