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
      {"http://[fe80::1%25eth0]:81/", "[fe80::1%eth0]:81", "/"},
      {"http://[fe80::1%eth0]/", "[fe80::1%eth0]:80", "/"},
      {"http://exam%70le.org/", "example.org:80", "/"},
      {"http://example.org:080/", "example.org:80", "/"},
      {"http://127.0.0.1/", "127.0.0.1:80", "/"},
      {"http://1.2.3.example/", "1.2.3.example:80", "/"},
      {"http://web.1/", "web.1:80", "/"},
      {"http://example.org/a/../b/./c/..", "example.org:80", "/b/"},
      {"http://example.org/../a?b=/../c", "example.org:80", "/a?b=/../c"},
      {"http://example.org/%2e%2e/%7Ea", "example.org:80", "/%2e%2e/%7Ea"},
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

// As curl 7.88 sends them.
TEST_CASE("escapes in a user and a password are undone, and one without the other is sent") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"a%40b:p%3Aw", "a@b:p:w"}, {"me", "me:"}, {"me:", "me:"}, {":pw", ":pw"},
      {"%zz:%4", "%zz:%4"},       {"", ""},
  };
  for (const auto& [written, meant] : cases) {
    CAPTURE(written);
    const Result<Uri> uri = parse_uri("http://" + written + "@host/");
    REQUIRE(uri.ok());
    CHECK(uri->user_info == meant);
  }
}

TEST_CASE("the header Host leaves out the default port and an address's zone") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"h:80", "h"},
      {"h:8080", "h:8080"},
      {"h", "h"},
      {"h:080", "h"},
      {"EXAMPLE.org:80", "EXAMPLE.org"},
      {"[::1]:80", "[::1]"},
      {"[::1]", "[::1]"},
      {"[::1]:81", "[::1]:81"},
      {"[fe80::1%eth0]:80", "[fe80::1]"},
      {"[fe80::1%eth0]:8080", "[fe80::1]:8080"},
  };
  for (const auto& [host_port, header] : cases) CHECK(host_header(host_port) == header);
}

// RFC 3986, 5.4.1 and 5.4.2, with the base of that section; and what other references there are.
TEST_CASE("a reference leads where RFC 3986 says") {
  const Uri base = *parse_uri("http://a/b/c/d;p?q");
  const std::vector<std::pair<std::string, std::string>> cases{
      {"http://g", "g:80/"},
      {"g", "a:80/b/c/g"},
      {"./g", "a:80/b/c/g"},
      {"g/", "a:80/b/c/g/"},
      {"/g", "a:80/g"},
      {"//g", "g:80/"},
      {"?y", "a:80/b/c/d;p?y"},
      {"g?y", "a:80/b/c/g?y"},
      {"#s", "a:80/b/c/d;p?q"},
      {"g#s", "a:80/b/c/g"},
      {"g?y#s", "a:80/b/c/g?y"},
      {";x", "a:80/b/c/;x"},
      {"g;x", "a:80/b/c/g;x"},
      {"g;x?y#s", "a:80/b/c/g;x?y"},
      {"", "a:80/b/c/d;p?q"},
      {".", "a:80/b/c/"},
      {"./", "a:80/b/c/"},
      {"..", "a:80/b/"},
      {"../", "a:80/b/"},
      {"../g", "a:80/b/g"},
      {"../..", "a:80/"},
      {"../../", "a:80/"},
      {"../../g", "a:80/g"},
      {"../../../g", "a:80/g"},
      {"../../../../g", "a:80/g"},
      {"/./g", "a:80/g"},
      {"/../g", "a:80/g"},
      {"g.", "a:80/b/c/g."},
      {".g", "a:80/b/c/.g"},
      {"g..", "a:80/b/c/g.."},
      {"..g", "a:80/b/c/..g"},
      {"./../g", "a:80/b/g"},
      {"./g/.", "a:80/b/c/g/"},
      {"g/./h", "a:80/b/c/g/h"},
      {"g/../h", "a:80/b/c/h"},
      {"g;x=1/./y", "a:80/b/c/g;x=1/y"},
      {"g;x=1/../y", "a:80/b/c/y"},
      {"g?y/./x", "a:80/b/c/g?y/./x"},
      {"g?y/../x", "a:80/b/c/g?y/../x"},
      {"g#s/../x", "a:80/b/c/g"},
      {"//g:8080?x", "g:8080/?x"},
      {"//[::1]:81/x", "[::1]:81/x"},
      {"HTTP://g/x", "g:80/x"},
      {"a b", "a:80/b/c/a%20b"},
      {"\xc3\xbc", "a:80/b/c/%C3%BC"},
      {" /g ", "a:80/g"},
      {"./a:b", "a:80/b/c/a:b"},
      {"/a:b", "a:80/a:b"},
  };
  for (const auto& [reference, leads] : cases) {
    CAPTURE(reference);
    const Result<Uri> uri = resolve_reference(base, reference);
    REQUIRE(uri.ok());
    CHECK(uri->host_port() + uri->path == leads);
  }
  CHECK(resolve_reference(*parse_uri("http://a?q"), "x")->path == "/x");
  CHECK(resolve_reference(*parse_uri("http://u:p@a/"), "/x")->user_info == "u:p");
  CHECK(resolve_reference(*parse_uri("http://u:p@a/"), "//b/x")->user_info.empty());
}

TEST_CASE("a reference that leads nowhere is refused with the reason") {
  const Uri base = *parse_uri("http://a/b");
  const std::vector<std::pair<std::string, std::string>> cases{
      {"http:g", "'http:' is followed by no host"},
      {"mailto:me@b", "'mailto:' is followed by no host"},
      {"localhost:8080/x", "'localhost:' is followed by no host"},
      {"ftp://a/", "the scheme is 'ftp'"},
      {"//", "it has no valid host"},
      {"http://a b/", "it has no valid host"},
      {"//h:99999/", "its port isn't from 1 to 65535"},
      {"/a\x01", "it has a control character"},
  };
  for (const auto& [reference, why] : cases) {
    CAPTURE(reference);
    const Result<Uri> uri = resolve_reference(base, reference);
    REQUIRE_FALSE(uri.ok());
    CHECK(uri.error().why == why);
  }
}

TEST_CASE("what isn't a URL is refused with the reason") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "it has no valid host"},
      {"http://", "it has no valid host"},
      {"http:///path", "it has no valid host"},
      {"http://a b/", "it has no valid host"},
      {"http://a%20b/", "it has no valid host"},
      {"http://[::1/", "it has no valid host"},
      {"http://[]/", "it has no valid host"},
      {"http://[host]/", "it has no valid host"},
      {"http://[1.2.3.4]/", "it has no valid host"},
      {"http://[::1%]/", "it has no valid host"},
      {"http://[::1%a b]/", "it has no valid host"},
      {"http://a%0d%0ab/", "it has no valid host"},
      {"http://a%3ab/", "it has no valid host"},
      {"http://b\xc3\xbc"
       "cher.example/",
       "its host has letters beyond ASCII: write it as DNS has it, xn--..."},
      {"http://host/a\x01", "it has a control character"},
      {"http://host/a\r\nX-Evil: 1", "it has a control character"},
      {"http://ho\tst/", "it has a control character"},
      {"8080", "a number alone isn't a host"},
      {"8080/path", "a number alone isn't a host"},
      {"http://8080/", "a number alone isn't a host"},
      {"http://0x7f000001:80/", "a number alone isn't a host"},
      {"http://1.2/", "an address has four numbers from 0 to 255, as 127.0.0.1"},
      {"http://127.1:80/", "an address has four numbers from 0 to 255, as 127.0.0.1"},
      {"http://1.2.3.4.5/", "an address has four numbers from 0 to 255, as 127.0.0.1"},
      {"http://256.1.1.1/", "an address has four numbers from 0 to 255, as 127.0.0.1"},
      {"http://010.0.0.1/", "an address has four numbers from 0 to 255, as 127.0.0.1"},
      {"http://0x7f.0.0.1/", "an address has four numbers from 0 to 255, as 127.0.0.1"},
      {"http://" + std::string(254, 'a'), "it has no valid host"},
      {"http://host:0/", "its port isn't from 1 to 65535"},
      {"http://host:65536/", "its port isn't from 1 to 65535"},
      {"http://host:80x/", "its port isn't from 1 to 65535"},
      {"http://host:-1/", "its port isn't from 1 to 65535"},
      {"http://[::1]8080/", "its port isn't from 1 to 65535"},
      {"http:/path", "its port isn't from 1 to 65535"},
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

TEST_CASE("https is a URL like any, with a port of its own") {
  struct Row {
    const char* text;
    const char* host_port;
  };
  for (const Row& row : {Row{"https://h/x", "h:443"},
                         {"HTTPS://h:8443/x", "h:8443"},
                         {"https://[::1]/x", "[::1]:443"},
                         {"https://h:/x", "h:443"}}) {
    CAPTURE(row.text);
    const Result<Uri> uri = parse_uri(row.text);
    REQUIRE(uri.ok());
    CHECK(uri->scheme == "https");
    CHECK(uri->host_port() == row.host_port);
    CHECK(uri->path == "/x");
  }
  const Uri base = *parse_uri("https://h:8443/a");
  CHECK(resolve_reference(base, "/b")->scheme == "https");
  CHECK(resolve_reference(base, "//other/b")->port == 443);
  CHECK(resolve_reference(base, "http://h/b")->port == 80);
}

TEST_CASE("a host of https is told by its scheme in routes, and without its usual port in Host") {
  CHECK(parse_uri("https://h/x")->route_host() == "https://h:443");
  CHECK(parse_uri("http://h/x")->route_host() == "h:80");
  CHECK(speaks_tls("https://h:443"));
  CHECK_FALSE(speaks_tls("h:443"));
  CHECK(host_header("https://h:443") == "h");
  CHECK(host_header("https://h") == "h");
  CHECK(host_header("https://h:80") == "h:80");
  CHECK(host_header("https://[::1]:8443") == "[::1]:8443");
  CHECK(host_header("https://[fe80::1%eth0]:443") == "[fe80::1]");
  CHECK(host_header("h:443") == "h:443");
}

TEST_CASE("who speaks no TLS refuses https with what, why and the mend, and no password") {
  const Result<Uri> uri = parse_plain_uri("https://me:secret@h/x?y");
  REQUIRE_FALSE(uri.ok());
  CHECK(uri.error().code == ErrorCode::kUsage);
  CHECK(uri.error().what == "can't ask https://h:443/x?y");
  CHECK(uri.error().why == "https isn't supported here");
  CHECK(uri.error().hint.find("http://") != std::string::npos);
  CHECK(parse_plain_uri("http://h/x").ok());
  CHECK(parse_plain_uri("ftp://h/").error().why == "the scheme is 'ftp'");
}

TEST_CASE("what is percent-encoded is decoded to what it was") {
  const std::string odd = std::string("a b+c/\"%é\n") + '\0' + "~._-";
  CHECK(encode_percent(odd) == "a%20b%2Bc%2F%22%25%C3%A9%0A%00~._-");
  CHECK(decode_percent(encode_percent(odd)) == odd);
}

TEST_CASE("what isn't a URL is refused without its password") {
  const std::string told = parse_uri("http://me:secret@host:0/").error().to_text();
  CHECK(told.find("secret") == std::string::npos);
  CHECK(told.find("***@host:0") != std::string::npos);
  CHECK(parse_uri("me:secret@ho st").error().to_text().find("secret") == std::string::npos);
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
