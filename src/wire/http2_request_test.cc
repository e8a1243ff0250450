#include "wire/http2_request.h"

#include <doctest/doctest.h>

#include "wire/http1.h"

using namespace galileo::wire;

namespace {

std::string text_of(const Http2Request& request) {
  std::string text;
  for (const auto& field : request.fields())
    text += std::string(field.name) + "=" + std::string(field.value) + "|";
  return text;
}

std::string said(const std::string& headers, std::string_view scheme = "http") {
  const std::string bytes = "GET /a?b=1 HTTP/1.1\r\n" + headers + "\r\n";
  Http2Request request;
  REQUIRE(request.read(bytes, scheme));
  return text_of(request);
}

}  // namespace

TEST_CASE("a request's lines become fields, the Host its authority, names in lower case") {
  CHECK(said("Host: h:81\r\nX-Some: Value\r\nAccept:*/*\r\n") ==
        ":method=GET|:scheme=http|:authority=h:81|:path=/a?b=1|x-some=Value|accept=*/*|");
  CHECK(said("Host: h\r\n", "https") == ":method=GET|:scheme=https|:authority=h|:path=/a?b=1|");
  CHECK(said("Accept: a\r\nhost: h\r\nHOST: other\r\nAccept: b\r\n") ==
        ":method=GET|:scheme=http|:authority=h|:path=/a?b=1|accept=a|accept=b|");
  CHECK(said("Host:\r\n") == ":method=GET|:scheme=http|:path=/a?b=1|");
}

TEST_CASE("what is said of a connection of HTTP/1.1 alone isn't said to HTTP/2") {
  const std::string rest = ":method=GET|:scheme=http|:path=/a?b=1|";
  for (const std::string header :
       {"Connection: keep-alive", "connection: close", "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive", "Transfer-Encoding: chunked", "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", "TE: gzip"}) {
    CAPTURE(header);
    CHECK(said(header + "\r\n") == rest);
  }
  CHECK(said("TE: Trailers\r\n") == rest + "te=Trailers|");
  CHECK(said("X-Hop: 1\r\nConnection: x-hop, close ,X-Other\r\nX-Other: 2\r\nX-End: 3\r\n") ==
        rest + "x-end=3|");
  // What it names can't take the request's own fields away.
  CHECK(said("Connection: :path, :method\r\n") == rest);
}

TEST_CASE("a body comes as it is, and what isn't a request is refused") {
  const std::string body(3, '\0');
  const std::string bytes =
      http1::serialize_request("POST", "/", "h", {{"Content-Type", "a/b"}}, &body, false);
  Http2Request request;
  REQUIRE(request.read(bytes, "http"));
  CHECK(request.body() == body);
  CHECK(text_of(request).find("content-length=3|") != std::string::npos);
  for (const std::string bad : {"", "\r\n\r\n", "GET / HTTP/1.1\r\n", "GET  HTTP/1.1\r\n\r\n",
                                "GET\r\n\r\n", "G T / HTTP/1.1\r\nno colon\r\n\r\n",
                                "GET / HTTP/1.1\r\n: x\r\n\r\n", "G(T / HTTP/1.1\r\n\r\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(request.read(bad, "http"));
    CHECK(request.fields().empty());
    CHECK(request.body().empty());
  }
}

TEST_CASE("requests one after the other don't disturb each other") {
  Http2Request request;
  const std::string longer = "GET /long HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-B: 2\r\n\r\nbody";
  const std::string shorter = "HEAD / HTTP/1.1\r\nHost: b\r\n\r\n";
  REQUIRE(request.read(longer, "http"));
  REQUIRE(request.read(shorter, "http"));
  CHECK(text_of(request) == ":method=HEAD|:scheme=http|:authority=b|:path=/|");
  CHECK(request.body().empty());
}
