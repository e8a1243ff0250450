#include "wire/redirect.h"

#include <doctest/doctest.h>

namespace galileo::wire {
namespace {

const Wall kNow{std::chrono::seconds{1'795'000'000}};

struct Request {
  std::string method;
  http1::Headers headers;
  std::string body;
  bool has_body = false;
  bool may_be_tls = false;

  operator RequestParts() const {
    return {method, headers, has_body ? &body : nullptr, may_be_tls};
  }
};

Request request_of(std::string method, bool has_body = false) {
  Request request;
  request.method = std::move(method);
  request.has_body = has_body;
  if (has_body) request.body = "body";
  request.headers = {{"X-A", "1"}};
  return request;
}

// The next request after one answer, with what isn't the same for each left out.
std::string after(const Request& request, int status, const std::string& location,
                  const std::vector<std::string>& cookies = {}) {
  Redirect redirect;
  const auto followed =
      redirect.follow(request, *parse_uri("http://h:8080/a/b?c"), status, location, cookies, kNow);
  if (!followed.ok()) return followed.error().why;
  std::string text = redirect.bytes();
  for (const char* same : {" HTTP/1.1", "User-Agent: galileo\r\n", "Accept: */*\r\n"})
    text.erase(text.find(same), std::string(same).size());
  for (std::size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos;)
    text.replace(at, 2, "|");
  return text;
}

TEST_CASE("what an answer makes of a method and a body is what requests makes of them") {
  struct Row {
    int status;
    const char* method;
    bool has_body;
    const char* next;
  };
  const std::string kept = "|Host: h:8080|X-A: 1|Content-Type: t|Content-Length: 4||body";
  const std::string gone = "|Host: h:8080|X-A: 1||";
  const std::string empty = "|Host: h:8080|X-A: 1|Content-Length: 0||";
  const std::pair<Row, std::string> rows[] = {
      {{301, "POST", true, "GET"}, gone},       {{301, "PUT", true, "PUT"}, empty},
      {{301, "DELETE", true, "DELETE"}, empty}, {{301, "HEAD", false, "HEAD"}, gone},
      {{301, "GET", false, "GET"}, gone},       {{302, "POST", true, "GET"}, gone},
      {{302, "PUT", true, "GET"}, gone},        {{302, "DELETE", true, "GET"}, gone},
      {{302, "HEAD", false, "HEAD"}, gone},     {{302, "GET", false, "GET"}, gone},
      {{303, "POST", true, "GET"}, gone},       {{303, "PUT", true, "GET"}, gone},
      {{303, "PATCH", true, "GET"}, gone},      {{303, "HEAD", false, "HEAD"}, gone},
      {{307, "POST", true, "POST"}, kept},      {{307, "PUT", true, "PUT"}, kept},
      {{308, "POST", true, "POST"}, kept},      {{308, "PATCH", true, "PATCH"}, kept},
      {{303, "GET", true, "GET"}, gone},
  };
  for (const auto& [row, rest] : rows) {
    CAPTURE(row.status);
    CAPTURE(row.method);
    Request request = request_of(row.method, row.has_body);
    if (row.has_body) request.headers.emplace_back("Content-Type", "t");
    CHECK(after(request, row.status, "/t") == std::string(row.next) + " /t" + rest);
  }
}

TEST_CASE("headers about a body go with it, whatever they are called") {
  Request request = request_of("POST", true);
  request.headers = {{"content-type", "t"},      {"Content-Encoding", "gzip"},
                     {"Content-MD5", "x"},       {"Transfer-Encoding", "chunked"},
                     {"Expect", "100-continue"}, {"Digest", "d"},
                     {"X-Content", "stays"}};
  CHECK(after(request, 303, "/t") == "GET /t|Host: h:8080|X-Content: stays||");
}

TEST_CASE("credentials and a Host of one's own go to the same host, port and scheme only") {
  Request request = request_of("GET");
  request.headers = {{"authorization", "Basic x"},
                     {"Proxy-Authorization", "y"},
                     {"Cookie", "a=1"},
                     {"Host", "virtual"},
                     {"X-Key", "k"}};
  const std::string all =
      "|authorization: Basic x|Proxy-Authorization: y|Host: virtual|X-Key: k|Cookie: a=1||";
  CHECK(after(request, 302, "/t") == "GET /t" + all);
  CHECK(after(request, 302, "http://h:8080/t") == "GET /t" + all);
  CHECK(after(request, 302, "http://H:8080/t") == "GET /t" + all);
  CHECK(after(request, 302, "//h:8080/t") == "GET /t" + all);
  CHECK(after(request, 302, "http://h:8081/t") == "GET /t|Host: h:8081|X-Key: k||");
  CHECK(after(request, 302, "http://h/t") == "GET /t|Host: h|X-Key: k||");
  CHECK(after(request, 302, "http://other:8080/t") == "GET /t|Host: other:8080|X-Key: k||");
  CHECK(after(request, 302, "http://u:p@other:8080/t") == "GET /t|Host: other:8080|X-Key: k||");
}

TEST_CASE("a user in the location is who asks there, if it is the same host") {
  CHECK(after(request_of("GET"), 302, "http://u:p%40@h:8080/t") ==
        "GET /t|Host: h:8080|X-A: 1|Authorization: Basic dTpwQA==||");
}

TEST_CASE("a user for another host isn't who asks there later") {
  const Request request = request_of("GET");
  const Uri first = *parse_uri("http://h/");
  Redirect redirect;
  REQUIRE(redirect.follow(request, first, 302, "http://u:p@other/", {}, kNow).ok());
  REQUIRE(redirect.follow(request, first, 302, "/next", {}, kNow).ok());
  CHECK(redirect.to().host == "other");
  CHECK(redirect.bytes().find("Authorization") == std::string::npos);
}

TEST_CASE("credentials that another host didn't get are gone for good") {
  Request request = request_of("GET");
  request.headers = {{"Authorization", "x"}, {"Cookie", "a=1"}};
  const Uri first = *parse_uri("http://h/");
  Redirect redirect;
  REQUIRE(redirect.follow(request, first, 302, "http://other/", {}, kNow).ok());
  REQUIRE(redirect.follow(request, first, 302, "http://h/", {}, kNow).ok());
  CHECK(redirect.bytes().find("Authorization") == std::string::npos);
  CHECK(redirect.bytes().find("a=1") == std::string::npos);
}

TEST_CASE("cookies that are set on the way go where they belong, and not to the next request") {
  const Request request = request_of("GET");
  const Uri first = *parse_uri("http://h:8080/a/b");
  Redirect redirect;
  const auto next = [&](const std::string& location, std::vector<std::string> cookies) {
    REQUIRE(redirect.follow(request, first, 302, location, cookies, kNow).ok());
    const std::size_t at = redirect.bytes().find("Cookie: ");
    return at == std::string::npos
               ? std::string("none")
               : redirect.bytes().substr(at + 8, redirect.bytes().find("\r\n", at) - at - 8);
  };
  CHECK(next("/a/c", {"here=1", "all=2; path=/", "no=3; path=/x", "tls=4; secure"}) ==
        "here=1; all=2");
  CHECK(next("/d", {"all=5; path=/"}) == "all=5");
  CHECK(next("http://other/d", {}) == "none");
  CHECK(next("http://h:9090/a/d", {"other=6; path=/"}) == "here=1; all=5");
  CHECK(next("http://other/", {"all=; path=/; max-age=0"}) == "other=6");
  redirect.clear();
  CHECK(next("/a/c", {}) == "none");
}

TEST_CASE("who speaks TLS is led there, with the cookies that are for it alone") {
  Request request = request_of("GET");
  request.may_be_tls = true;
  const Uri first = *parse_uri("http://h/");
  Redirect redirect;
  REQUIRE(redirect.follow(request, first, 302, "https://h/a", {"plain=1; secure"}, kNow).ok());
  CHECK(redirect.to().route_host() == "https://h:443");
  CHECK(redirect.bytes().starts_with("GET /a HTTP/1.1\r\nHost: h\r\n"));
  CHECK(redirect.bytes().find("plain=1") == std::string::npos);
  REQUIRE(
      redirect.follow(request, first, 302, "https://h:8443/b", {"a=1; secure", "b=2"}, kNow).ok());
  CHECK(redirect.bytes().find("Host: h:8443\r\n") != std::string::npos);
  CHECK(redirect.bytes().find("Cookie: a=1; b=2\r\n") != std::string::npos);
  REQUIRE(redirect.follow(request, first, 302, "http://h/c", {}, kNow).ok());
  CHECK(redirect.bytes().find("Cookie: b=2\r\n") != std::string::npos);
}

TEST_CASE("a location without a way there is no redirect that can be followed") {
  const Request request = request_of("GET");
  CHECK(after(request, 302, "https://h/") == "https isn't supported here");
  CHECK(after(request, 302, "ftp://h/") == "the scheme is 'ftp'");
  CHECK(after(request, 302, "http:x") == "'http:' is followed by no host");
  CHECK(after(request, 302, "//") == "it has no valid host");
}

TEST_CASE("only the statuses that redirect, and only with a location, are followed") {
  for (const int status : {301, 302, 303, 307, 308}) CHECK(is_redirect(status, "/x"));
  for (const int status : {200, 201, 300, 304, 305, 306, 309, 399, 404})
    CHECK_FALSE(is_redirect(status, "/x"));
  CHECK_FALSE(is_redirect(302, ""));
}

}  // namespace
}  // namespace galileo::wire
