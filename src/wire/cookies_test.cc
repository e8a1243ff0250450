#include "wire/cookies.h"

#include <doctest/doctest.h>

namespace galileo::wire {
namespace {

const Wall kNow{std::chrono::seconds{1'795'000'000}};  // in November 2026

Uri at(std::string_view url) {
  const Result<Uri> uri = parse_uri(url);
  REQUIRE(uri.ok());
  return *uri;
}

struct Case {
  const char* set;   // by http://www.example.org/a/b?c
  const char* to;    // asked then
  const char* sent;  // the cookies there
};

TEST_CASE("a cookie goes to the hosts and paths that it is for, and to no others") {
  const Case cases[] = {
      {"k=v", "http://www.example.org/a/x", "k=v"},
      {"k=v", "http://www.example.org:8080/a/x", "k=v"},
      {"k=v", "http://WWW.example.org/a", "k=v"},
      {"k=v", "http://www.example.org/", ""},
      {"k=v", "http://www.example.org/ab", ""},
      {"k=v; Path=/", "http://www.example.org/x", "k=v"},
      {"k=v; path=/x", "http://www.example.org/x?y", "k=v"},
      {"k=v; path=/x/", "http://www.example.org/x", ""},
      {"k=v; path=/x", "http://www.example.org/xy", ""},
      {"k=v; path=x", "http://www.example.org/a/y", "k=v"},
      {"k=v; path=/", "http://other.example.org/", ""},
      {"k=v; path=/", "http://example.org/", ""},
      {"k=v; path=/; Domain=example.org", "http://other.example.org/", "k=v"},
      {"k=v; path=/; Domain=.Example.org", "http://example.org/", "k=v"},
      {"k=v; path=/; domain=example.org", "http://badexample.org/", ""},
      {"k=v; path=/; domain=www.example.org", "http://a.www.example.org/", "k=v"},
      {"k=v; path=/; domain=", "http://www.example.org/", "k=v"},
      {"k=v; path=/; domain=org", "http://www.example.org/", ""},
      {"k=v; path=/; domain=other.org", "http://other.org/", ""},
      {"k=v; path=/; domain=other.org", "http://www.example.org/", ""},
      {"k=v; path=/; domain=ww.example.org", "http://www.example.org/", ""},
      {"k=v; path=/; Secure", "http://www.example.org/", ""},
      {"k=v; path=/; HttpOnly; SameSite=Strict", "http://www.example.org/", "k=v"},
      {" k = v w ; path=/", "http://www.example.org/", "k=v w"},
      {"k=; path=/", "http://www.example.org/", "k="},
      {"k=\"a\"; path=/", "http://www.example.org/", "k=\"a\""},
      {"k; path=/", "http://www.example.org/", ""},
      {"=v; path=/", "http://www.example.org/", ""},
      {"k=a\x01; path=/", "http://www.example.org/", ""},
      {"", "http://www.example.org/", ""},
  };
  for (const Case& one : cases) {
    CAPTURE(one.set);
    CAPTURE(one.to);
    CookieJar jar;
    jar.take(one.set, at("http://www.example.org/a/b?c"), kNow);
    CHECK(jar.header_for(at(one.to), "") == one.sent);
  }
}

TEST_CASE("a cookie of an address is that address's alone") {
  CookieJar jar;
  jar.take("a=1; domain=127.0.0.1; path=/", at("http://127.0.0.1:8080/"), kNow);
  jar.take("b=2; domain=0.0.1; path=/", at("http://127.0.0.1:8080/"), kNow);
  CHECK(jar.header_for(at("http://127.0.0.1:9090/"), "") == "a=1");
  CHECK(jar.header_for(at("http://127.0.0.2:8080/"), "").empty());
}

TEST_CASE("a cookie that is set again has its new value, and one that is over is gone") {
  const Uri here = at("http://h/");
  CookieJar jar;
  jar.take("k=1", here, kNow);
  SUBCASE("again") {
    jar.take("k=2", here, kNow);
    CHECK(jar.header_for(here, "") == "k=2");
  }
  SUBCASE("over by its age") {
    jar.take("k=; Max-Age=0; Expires=Fri, 01 Jan 2100 00:00:00 GMT", here, kNow);
    CHECK(jar.header_for(here, "").empty());
  }
  SUBCASE("a negative age") {
    jar.take("k=; max-age=-5", here, kNow);
    CHECK(jar.header_for(here, "").empty());
  }
  SUBCASE("over by its date") {
    jar.take("k=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", here, kNow);
    CHECK(jar.header_for(here, "").empty());
  }
  SUBCASE("an age to come wins over a date that is past") {
    jar.take("k=2; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", here, kNow);
    CHECK(jar.header_for(here, "") == "k=2");
  }
  SUBCASE("of another path it is another one, and the longer path comes first") {
    jar.take("k=2; path=/a", here, kNow);
    CHECK(jar.header_for(at("http://h/a"), "") == "k=2; k=1");
  }
}

TEST_CASE("what the user gave is sent with what answers set, which wins") {
  const Uri here = at("http://h/");
  CookieJar jar;
  CHECK(jar.header_for(here, "a=1; b=2") == "a=1; b=2");
  jar.take("b=3", here, kNow);
  jar.take("c=4", here, kNow);
  CHECK(jar.header_for(here, "a=1; b=2") == "a=1; b=3; c=4");
  CHECK(jar.header_for(here, ";;") == "b=3; c=4");
}

TEST_CASE("a jar is bounded, in number and size") {
  const Uri here = at("http://h/");
  CookieJar jar;
  for (int i = 0; i < 200; ++i) jar.take("k" + std::to_string(i) + "=v", here, kNow);
  const std::string sent = jar.header_for(here, "");
  CHECK(std::count(sent.begin(), sent.end(), '=') == CookieJar::kCookiesMax);
  CookieJar small;
  small.take("k=" + std::string(CookieJar::kCookieSizeMax, 'x'), here, kNow);
  CHECK(small.header_for(here, "").empty());
}

TEST_CASE("dates are read as they come") {
  using namespace std::chrono;
  const Wall wanted{sys_days{year{1994} / November / 6}.time_since_epoch() + hours{8} +
                    minutes{49} + std::chrono::seconds{37}};
  CHECK(parse_cookie_date("Sun, 06 Nov 1994 08:49:37 GMT") == wanted);
  CHECK(parse_cookie_date("Sunday, 06-Nov-94 08:49:37 GMT") == wanted);
  CHECK(parse_cookie_date("Sun Nov  6 08:49:37 1994") == wanted);
  CHECK(parse_cookie_date("6 NOVEMBER 1994 8:49:37") == wanted);
  CHECK(parse_cookie_date("Fri, 31 Dec 9999 23:59:59 GMT") > kNow);
  CHECK(parse_cookie_date("Mon, 01 Jan 1601 00:00:00 GMT") < kNow);
  for (const char* bad : {"", "0", "tomorrow", "06 Nov 1994", "06 Nov 1994 24:00:00",
                          "31 Feb 2030 00:00:00", "06 Foo 1994 08:49:37", "6 Nov 1 08:49:37"})
    CHECK_FALSE(parse_cookie_date(bad));
}

}  // namespace
}  // namespace galileo::wire
