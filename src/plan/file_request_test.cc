#include "plan/file_request.h"

#include <doctest/doctest.h>

#include "wire/http1.h"

namespace galileo::plan {
namespace {

load::Request read(std::string_view text) {
  Problems problems("f.yaml", {});
  const auto node = wire::parse_yaml(text);
  REQUIRE(node);
  load::Request request = read_request(problems, *node, "request");
  CHECK_MESSAGE(problems.empty(), problems.to_error().to_text());
  return request;
}

std::string problem(std::string_view text) {
  Problems problems("f.yaml", {});
  const auto node = wire::parse_yaml(text);
  REQUIRE(node);
  read_request(problems, *node, "request");
  return problems.to_error().why;
}

std::string header(const load::Request& request, std::string_view name) {
  std::string values;
  for (const auto& [key, value] : request.headers) {
    if (wire::http1::equals_ignoring_case(key, name)) values += value;
  }
  return values;
}

// Arguments of the old client and what an application got from it, as recorded from the original
// system. No content length: it sent none.
struct Recorded {
  const char* name;
  const char* arguments;
  const char* method;
  const char* target;
  const char* body;
  const char* content_type;
  const char* cookie;
  const char* content_length;
};
constexpr const char* kForm = "application/x-www-form-urlencoded";
constexpr const char* kJson = "application/json";
// clang-format off
const Recorded kRecorded[] = {
    {"default", "{}", "GET", "/", "", "", "", ""},
    {"method-upper", R"({"method": "GET"})", "GET", "/", "", "", "", ""},
    {"post-empty", R"({"method": "post"})", "POST", "/", "", "", "", "0"},
    {"delete", R"({"method": "delete", "path": "/x/1"})", "DELETE", "/x/1", "", "", "", "0"},
    {"head", R"({"method": "head"})", "HEAD", "/", "", "", "", ""},
    {"path-query", R"({"path": "/a/b?x=1&y=%20z"})", "GET", "/a/b?x=1&y=%20z", "", "", "", ""},
    {"path-unicode-space", R"({"path": "/ü b"})", "GET", "/%C3%BC%20b", "", "", "", ""},
    {"path-fragment", R"({"path": "/a#b"})", "GET", "/a", "", "", "", ""},
    {"path-double-slash", R"({"path": "//a//b"})", "GET", "//a//b", "", "", "", ""},
    {"data-text", R"({"method": "post", "data": "my post data"})", "POST", "/", "my post data", "", "", "12"},
    {"data-text-unicode", R"({"method": "post", "data": "Grüße"})", "POST", "/", "Grüße", "", "", "7"},
    {"data-form", R"({"method": "post", "data": {"a": "1 2", "b": ["x", "y&"], "n": 5}})", "POST", "/", "a=1+2&b=x&b=y%26&n=5", kForm, "", "20"},
    {"data-pairs", R"({"method": "post", "data": [["a", "1"], ["a", "2"]]})", "POST", "/", "a=1&a=2", kForm, "", "7"},
    {"json-object", R"({"method": "post", "json": {"k": "ü", "l": [1, 2.5, null, true]}})", "POST", "/", R"({"k": "\u00fc", "l": [1, 2.5, null, true]})", kJson, "", "42"},
    {"json-empty-object", R"({"method": "post", "json": {}})", "POST", "/", "{}", kJson, "", "2"},
    {"json-and-data", R"({"method": "post", "json": {"a": 1}, "data": "wins"})", "POST", "/", "wins", "", "", "4"},
    {"headers", R"({"headers": {"X-A": "1, 2|3", "User-Agent": "me"}})", "GET", "/", "", "", "", ""},
    {"header-content-type", R"({"method": "put", "data": "<a/>", "headers": {"Content-Type": "text/xml"}})", "PUT", "/", "<a/>", "text/xml", "", "4"},
    {"params", R"({"path": "/q?a=1", "params": {"b": "ä c", "l": [1, 2], "none": null}})", "GET", "/q?a=1&b=%C3%A4+c&l=1&l=2", "", "", "", ""},
    {"params-text", R"({"params": "raw=1&x"})", "GET", "/?raw=1&x", "", "", "", ""},
    {"cookies", R"({"cookies": {"k": "v", "l": "w"}})", "GET", "/", "", "", "k=v; l=w", ""},
};
// clang-format on

TEST_CASE("the same arguments make the request that the old client made") {
  for (const Recorded& recorded : kRecorded) {
    CAPTURE(recorded.name);
    const load::Request request = read(recorded.arguments);
    CHECK(request.method == recorded.method);
    CHECK(request.path == recorded.target);
    CHECK(request.body == recorded.body);
    CHECK(header(request, "content-type") == recorded.content_type);
    CHECK(header(request, "cookie") == recorded.cookie);
    const std::string length = request.has_body ? std::to_string(request.body.size()) : "";
    CHECK(length == recorded.content_length);
  }
}

TEST_CASE("what failed in the old client works: a pair as auth, a path without its slash") {
  CHECK(header(read("{auth: [u, p]}"), "authorization") == "Basic dTpw");
  CHECK(read("{path: x}").path == "/x");
  CHECK(read("{headers: {X-N: 5}}").headers.front().second == "5");
}

TEST_CASE("auth is instead of a header of that name, and cookies give way to theirs") {
  CHECK(header(read("{auth: [u, p], headers: {authorization: mine}}"), "Authorization") ==
        "Basic dTpw");
  CHECK(header(read("{cookies: {a: b}, headers: {cookie: mine}}"), "Cookie") == "mine");
}

TEST_CASE("a header without a value isn't sent") {
  CHECK(read("{headers: {X-A: ~, X-B: ''}}").headers ==
        std::vector<std::pair<std::string, std::string>>{{"X-B", ""}});
}

TEST_CASE("a list of pairs may have a header several times, and is checked as a map is") {
  CHECK(read("{headers: [[X-A, 1], [X-A, 1.10]]}").headers ==
        std::vector<std::pair<std::string, std::string>>{{"X-A", "1"}, {"X-A", "1.10"}});
  CHECK(problem("{headers: [[X-A, b], [\"c d\", e]]}") ==
        "\n  f.yaml:1:23: 'c d' can't name a header");
  CHECK(problem("{headers: [[X-A, \"b\\n\"]]}") ==
        "\n  f.yaml:1:18: request.headers.X-A has a control character");
  CHECK(problem("{headers: [[X-A, [b]]]}") ==
        "\n  f.yaml:1:18: request.headers.X-A must be a text, not a list");
  CHECK(problem("{headers: [[X-A]]}") ==
        "\n  f.yaml:1:11: request.headers must be a map of names and values, not a list");
}

TEST_CASE("the rest of the arguments says how the request is sent") {
  const load::Request request = read("{timeout: 1.5, allow_redirects: true, verify: false}");
  CHECK(*request.timeout == seconds(1.5));
  CHECK(*request.redirects_max == 30);
  CHECK_FALSE(request.tls.verify);
  const load::TlsSettings tls =
      read("{verify: ca.pem, cert: [c.pem, k.pem], tls: {min_version: 1.3, resume: no}}").tls;
  CHECK(tls.ca_file == "ca.pem");
  CHECK(tls.certificate_file == "c.pem");
  CHECK(tls.key_file == "k.pem");
  CHECK(tls.version_min == 3);
  CHECK_FALSE(tls.resume);
  CHECK(*read("{allow_redirects: no}").redirects_max == 0);
  CHECK_FALSE(read("{}").redirects_max);
  CHECK_FALSE(read("{}").timeout);
}

TEST_CASE("JSON is written as Python writes it") {
  const auto json = [](std::string_view text) { return to_json_text(*wire::parse_yaml(text)); };
  CHECK(json("[1, -2, 007, 1.5, 1e3, '1', yes, true, False, null, ~]") ==
        R"([1, -2, 7.0, 1.5, 1000.0, "1", "yes", true, false, null, null])");
  CHECK(json("123456789012345678901234567890") == "123456789012345678901234567890");
  CHECK(json("{a: {}, b: [], \"c\\n\": 'quo\"te'}") == R"({"a": {}, "b": [], "c\n": "quo\"te"})");
  CHECK(json("\"\xff\"") == "\"\\ufffd\"");
}

TEST_CASE("a value is sent as it was written, but for numbers in a JSON body") {
  CHECK(read("{headers: {X-V: 1.10}}").headers.front().second == "1.10");
  CHECK(read("{method: post, data: {a: 007, b: true}}").body == "a=007&b=true");
  CHECK(read("{method: post, json: {a: 1.10, b: 123456789012345678901234567890}}").body ==
        R"({"a": 1.1, "b": 123456789012345678901234567890})");
}

TEST_CASE("a fault deep in a value is led back to its place") {
  CHECK(problem("{data: [[a, b],\n        [c, [d, {e: f}]]]}") ==
        "\n  f.yaml:2:17: request.data.c must be a text or a list of texts, not a map");
  CHECK(problem("headers:\n  a: b\n  \"c d\": e") == "\n  f.yaml:3:3: 'c d' can't name a header");
}

TEST_CASE("nothing gets into a request's head that could end it") {
  CHECK(problem("{headers: {X: \"a\\r\\nEvil: 1\"}}") ==
        "\n  f.yaml:1:15: request.headers.X has a control character");
  CHECK(problem("{headers: {\"X\\nY\": a}}") == "\n  f.yaml:1:12: 'X\\nY' can't name a header");
  CHECK(problem("{path: \"/a\\nb\"}") == "\n  f.yaml:1:8: request.path has a control character");
  CHECK(problem("{method: \"get /\"}") ==
        "\n  f.yaml:1:10: request.method can't be 'GET /'; use get, post, put, ...");
  CHECK(problem("{cookies: {\"a\\r\": b, c: \"d\\n\", e: 'f;g', h: [i]}}") ==
        "\n  f.yaml:1:19: request.cookies.a\\x0d is no cookie"
        "\n  f.yaml:1:25: request.cookies.c is no cookie"
        "\n  f.yaml:1:35: request.cookies.e is no cookie"
        "\n  f.yaml:1:45: request.cookies.h is no cookie");
  // What may not stand in a URL is percent-encoded, so a query can't end the head either.
  CHECK(read("{params: \"a=\\r\\nb\"}").path == "/?a=%0D%0Ab");
  CHECK(read("{auth: [\"u\\n\", p]}").headers.front().second == "Basic dQo6cA==");
}

TEST_CASE("an argument of the wrong kind is a problem") {
  CHECK(problem("{headers: [a]}") ==
        "\n  f.yaml:1:11: request.headers must be a map of names and values, not a list");
  CHECK(problem("{headers: {a: [b]}}") ==
        "\n  f.yaml:1:15: request.headers.a must be a text, not a list");
  CHECK(problem("{data: [a]}") ==
        "\n  f.yaml:1:9: request.data must be a map, or a list of pairs [name, value], not 'a'");
  CHECK(problem("{params: {a: {b: c}}}") ==
        "\n  f.yaml:1:14: request.params.a must be a text or a list of texts, not a map");
  CHECK(problem("{auth: [u]}") ==
        "\n  f.yaml:1:8: request.auth must be a pair: [user, password]; or {digest: [user, "
        "password]}, {bearer: token}");
  CHECK(problem("{cookies: a}") ==
        "\n  f.yaml:1:11: request.cookies must be a map of names and values, or 'keep', not 'a'");
  CHECK(problem("{timeout: 0}") ==
        "\n  f.yaml:1:11: request.timeout must be a duration above 0, not '0'");
  CHECK(
      problem("{verify: [a]}") ==
      "\n  f.yaml:1:10: request.verify must be true, false, or a file of authorities, not a list");
  CHECK(read("{tls: {crl: revoked.pem}}").tls.crl_file == "revoked.pem");
  CHECK(
      problem("{verify: no, tls: {crl: revoked.pem}}") ==
      "\n  f.yaml:1:25: request.tls.crl is for certificates that are verified, which 'verify' says "
      "no to; leave one of them out");
  CHECK(problem("{tls: {min_version: 1.1, resumes: no}}") ==
        "\n  f.yaml:1:21: request.tls.min_version must be 1.2 or 1.3, not '1.1'"
        "\n  f.yaml:1:26: unknown key 'resumes'; did you mean 'resume'?");
}

}  // namespace
}  // namespace galileo::plan
