#include "wire/requests_url.h"

#include <doctest/doctest.h>

namespace galileo::wire {
namespace {

// tests/peers/requests_test.py has hundreds more, beside the library itself.
TEST_CASE("a URL is changed as Python's requests changes it") {
  struct Row {
    const char* path;
    const char* query;
    const char* target;
  };
  for (const Row& row : {
           Row{"", "", "/"},
           {"/%7E/%41/%c3%a9/%2F", "", "/~/A/%C3%A9/%2F"},
           {"/%7E%", "", "/%257E%25"},
           {"/100%", "a=%7E", "/100%25?a=~"},
           {"/a?b=%7E", "c=%", "/a?b=~&c=%25"},
           {"/[a]{b}|\\", "", "/%5Ba%5D%7Bb%7D%7C%5C"},
           {"/a b\t", "c d", "/a%20b%09?c%20d"},
           {"/a/./b/../c//../d", "", "/a/c/d"},
           {"/../..", "", "/"},
           {"/a/%2e%2e/b", "", "/a/../b"},
           {"/a?b=/../c", "", "/a?b=/../c"},
           {"/a?#b", "", "/a"},
           {"/a", "b#c", "/a?b"},
           {"/a?", "b", "/a?b"},
           {"/a", "?b", "/a??b"},
           {"/\xc3\xbc", "\xc3\xbc=%C3%BC", "/%C3%BC?%C3%BC=%C3%BC"},
           {"/a", "b=%zz%7E", "/a?b=%25zz%257E"},
       }) {
    CAPTURE(row.path);
    CAPTURE(row.query);
    const std::string target = requests_target(row.path, row.query);
    CHECK(target == row.target);
  }
}

// What requests sends next, of an answer to /a/b?q.
TEST_CASE("a Location is quoted as requests quotes it: a whole URL keeps its dots") {
  struct Row {
    const char* location;
    const char* quoted;
    const char* target;
  };
  for (const Row& row : {
           Row{"/%7Ex?y=%7e", "/~x?y=~", "/~x?y=~"},
           {"/%7Ex%", "/~x%", "/~x%25"},
           {"/%2Fx%", "/%2Fx%", "/%252Fx%25"},
           {"/%zz%7E", "/%25zz%257E", "/%25zz%257E"},
           {"http://h:1/a/../b?", "http://h:1/a/../b?", "/a/../b"},
           {"//h/./%c3%bc", "//h/./%c3%bc", "/./%C3%BC"},
           {"http://h", "http://h", "/"},
           {"http://h?a=b", "http://h?a=b", "/?a=b"},
           {"http://h#?", "http://h#?", "/"},
           {"/a//b/../c", "/a//b/../c", "/a//c"},
           {"c d", "c%20d", "/a/c%20d"},
           {"../../c/", "../../c/", "/c/"},
           {".", ".", "/a/"},
           {"c//d", "c//d", "/a/c/d"},
           {"?", "?", "/a/b?q"},
           {"?r#s", "?r#s", "/a/b?r"},
           {"#s", "#s", "/a/b?q"},
       }) {
    CAPTURE(row.location);
    const std::string quoted = requests_location(row.location);
    CHECK(quoted == row.quoted);
    const std::string target = requests_hop(quoted, "/a/b?q");
    CHECK(target == row.target);
  }
}

TEST_CASE("what is written for us stays, but for what no request's line can hold") {
  CHECK(written_target("/%7e/./../[a]%?b[]={c}|^`\\\"<>") == "/%7e/./../[a]%?b[]={c}|^`\\\"<>");
  CHECK(written_target("/a b\t\x01\x7f\xc3\xbc") == "/a%20b%09%01%7F%C3%BC");
  CHECK(written_target("a?b#c?d") == "/a?b");
  CHECK(written_target("") == "/");
}

}  // namespace
}  // namespace galileo::wire
