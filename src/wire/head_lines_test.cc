#include "wire/head_lines.h"

#include <doctest/doctest.h>

namespace galileo::wire {
namespace {

const std::string kMessage =
    "POST /a HTTP/1.1\r\nHost: h\r\nCookie: a=b\r\nX: y\r\n\r\nCookie: c\r\n";

TEST_CASE("a header is found in the head, whatever its case, and not in the body") {
  CHECK(header_of(kMessage, "cookie") == "a=b");
  CHECK(header_of(kMessage, "HOST") == "h");
  CHECK(header_of(kMessage, "Cook").empty());
  CHECK(header_of("POST X: y HTTP/1.1\r\n\r\nX: y\r\n", "X").empty());
  CHECK(header_of("", "X").empty());
}

TEST_CASE("a header is set behind the request line, once, and the body stays") {
  std::string message = kMessage;
  set_header(message, "Authorization", "Digest x");
  CHECK(message.starts_with("POST /a HTTP/1.1\r\nAuthorization: Digest x\r\nHost: h\r\n"));
  set_header(message, "authorization", "Digest y");
  set_header(message, "Cookie", "e=f");
  CHECK(message ==
        "POST /a HTTP/1.1\r\nCookie: e=f\r\nauthorization: Digest y\r\nHost: h\r\nX: y\r\n\r\n"
        "Cookie: c\r\n");
  set_header(message, "authorization", "");
  set_header(message, "cookie", "a=b");
  set_header(message, "cookie", "");
  CHECK(message == "POST /a HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\nCookie: c\r\n");
}

TEST_CASE("headers that are there several times go together") {
  std::string message = "GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\na: 3\r\n\r\n";
  set_header(message, "A", "4");
  CHECK(message == "GET / HTTP/1.1\r\nA: 4\r\nB: 2\r\n\r\n");
}

}  // namespace
}  // namespace galileo::wire
