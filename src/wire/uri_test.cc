#include "wire/uri.h"

#include <doctest/doctest.h>

#include <vector>

namespace galileo::wire {
namespace {

struct Taken {
  std::string_view text;
  std::string_view host_port;
  std::string_view path;
};

TEST_CASE("URLs that people write are taken apart") {
  const std::vector<Taken> cases{
      {"http://example.org", "example.org:80", "/"},
      {"http://example.org/", "example.org:80", "/"},
      {"http://example.org:8080/a/b?x=1&y=%20z", "example.org:8080", "/a/b?x=1&y=%20z"},
      {"HTTP://Example.org", "Example.org:80", "/"},
      {"example.org:8080", "example.org:8080", "/"},
      {"localhost/a://b", "localhost:80", "/a://b"},
      {"http://example.org?x=1", "example.org:80", "/?x=1"},
      {"http://example.org/a#b", "example.org:80", "/a"},
      {"http://example.org#b/c", "example.org:80", "/"},
      {"http://example.org:/a", "example.org:80", "/a"},
      {"http://[::1]:8080/", "[::1]:8080", "/"},
      {"http://[fe80::1]", "[fe80::1]:80", "/"},
      {"http://my_host-1.local./", "my_host-1.local.:80", "/"},
      {"  http://example.org/a\n", "example.org:80", "/a"},
      {"http://example.org//a//b", "example.org:80", "//a//b"},
      {"http://example.org/\xc3\xbc b", "example.org:80", "/%C3%BC%20b"},
  };
  for (const Taken& wanted : cases) {
    CAPTURE(wanted.text);
    const Result<Uri> uri = parse_uri(wanted.text);
    REQUIRE(uri.ok());
    CHECK(uri->scheme == "http");
    CHECK(uri->host_port() == wanted.host_port);
    CHECK(uri->path == wanted.path);
  }
}

TEST_CASE("a user and a password before the host are kept apart from it") {
  const Result<Uri> uri = parse_uri("http://me:a@b:c@host:81/x");
  REQUIRE(uri.ok());
  CHECK(uri->user_info == "me:a@b:c");
  CHECK(uri->host_port() == "host:81");
}

TEST_CASE("what is no URL is refused with the reason") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "it has no valid host"},
      {"http://", "it has no valid host"},
      {"http:///path", "it has no valid host"},
      {"http://a b/", "it has no valid host"},
      {"http://a%20b/", "it has no valid host"},
      {"http://[::1/", "it has no valid host"},
      {"http://[]/", "it has no valid host"},
      {"http://[host]/", "it has no valid host"},
      {"http://" + std::string(254, 'a'), "it has no valid host"},
      {"http://host:0/", "its port isn't from 1 to 65535"},
      {"http://host:65536/", "its port isn't from 1 to 65535"},
      {"http://host:80x/", "its port isn't from 1 to 65535"},
      {"http://host:-1/", "its port isn't from 1 to 65535"},
      {"http://[::1]8080/", "its port isn't from 1 to 65535"},
      {"http:/path", "its port isn't from 1 to 65535"},
      {"https://host/", "https isn't supported yet"},
      {"ftp://host/", "the scheme is 'ftp'"},
  };
  for (const auto& [text, why] : cases) {
    CAPTURE(text);
    const Result<Uri> uri = parse_uri(text);
    REQUIRE_FALSE(uri.ok());
    CHECK(uri.error().why == why);
    CHECK(uri.error().code == ErrorCode::kUsage);
  }
}

TEST_CASE("a path is made fit for the wire, and what is fit stays") {
  CHECK(encode_path("/a/b?x=1&y=%20z") == "/a/b?x=1&y=%20z");
  CHECK(encode_path("/\xc3\xbc b") == "/%C3%BC%20b");
  CHECK(encode_path("/a#b") == "/a");
  CHECK(encode_path("/100%") == "/100%25");
  CHECK(encode_path("/%zz%4") == "/%25zz%254");
  CHECK(encode_path("/a\r\nX-Evil: 1") == "/a%0D%0AX-Evil:%201");
  CHECK(encode_path("") == "");
}

TEST_CASE("a query's names and values are encoded as forms are") {
  CHECK(encode_query("1 2") == "1+2");
  CHECK(encode_query("y&=/?") == "y%26%3D%2F%3F");
  CHECK(encode_query("\xc3\xa4") == "%C3%A4");
  CHECK(encode_query("aZ09-._~") == "aZ09-._~");
}

// The vectors of RFC 4648, section 10, and bytes that use the alphabet's last digits.
TEST_CASE("base64 is read back, and what isn't it is refused") {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"})
    CHECK(from_base64(base64(text)) == text);
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  CHECK(from_base64(base64(all)) == all);
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zg===", "Z===", "====", "Zm9v\n", "Zh==", "Zm9=", "=Zg=", "Zg-_"})
    CHECK_FALSE(from_base64(bad));
}

TEST_CASE("base64 pads to fours") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xff\xfe\xfb\xf0") == "//778A==");
}

}  // namespace
}  // namespace galileo::wire
