#include "wire/body_text.h"

#include <doctest/doctest.h>

#include <string>

using namespace galileo::wire;

TEST_CASE("a text is cut between characters, and bytes that are none anywhere") {
  CHECK(beginning("abc", 3) == "abc");
  CHECK(beginning("abc", 2) == "ab");
  CHECK(beginning("a\xc3\xbcz", 2) == "a");
  CHECK(beginning("a\xc3\xbcz", 3) == "a\xc3\xbc");
  CHECK(beginning("\xe2\x82\xac", 2).empty());
  CHECK(beginning("\xf0\x9f\x98\x80z", 3).empty());
  CHECK(beginning("\x80\x80\x80\x80\x80\x80", 5).size() == 5);
  CHECK(beginning("abc", 0).empty());
}

TEST_CASE("the charset of a content type, however it is written") {
  CHECK(charset_of("text/plain; charset=utf-8") == "utf-8");
  CHECK(charset_of("text/html;Charset=\"ISO-8859-1\"") == "iso-8859-1");
  CHECK(charset_of("a/b; boundary=x; charset = koi8-r ; q=1") == "koi8-r");
  for (const char* none : {"", "text/plain", "text/plain;", "text/plain; charset",
                           "; ;=;charset=", "text/plain; xcharset=a", "charset=utf-8"})
    CHECK(charset_of(none).empty());
}

TEST_CASE("a body becomes UTF-8 by its charset") {
  BodyText text;
  const auto of = [&](const char* type, std::string body) {
    return std::string(text.of(type, body));
  };
  CHECK(of("text/plain; charset=utf-8", "Gr\xc3\xbc\xc3\x9f") == "Grüß");
  CHECK(of("text/plain; charset=iso-8859-1", "Gr\xfc\xdf") == "Grüß");
  CHECK(of("application/json; charset=windows-1252", "5 \x80") == "5 €");
  CHECK(of("text/plain; charset=koi8-r", "\xf0\xd2\xc9") == "При");
  CHECK(of("text/plain; charset=utf-16le", std::string("a\0\xac\x20", 4)) == "a€");
  CHECK(of("text/plain; charset=shift_jis", "\x90\xa2\x8a\x45") == "世界");
  // The same charset again, from its first state on.
  CHECK(of("text/plain; charset=koi8-r", "\xf0") == "П");
}

TEST_CASE("what isn't part of its charset is marked, a cut end is left out") {
  BodyText text;
  const auto of = [&](const char* type, std::string body) {
    return std::string(text.of(type, body));
  };
  CHECK(of("text/plain; charset=us-ascii",
           "a\xff"
           "b") ==
        "a\xef\xbf\xbd"
        "b");
  CHECK(of("text/plain; charset=euc-jp", "\xc0\xa4\xb3") == "世");
  // glibc's iconv takes numbers beyond Unicode's, and this name for utf-8.
  CHECK(of("text/plain; charset=u\xfftf8", "\xf5\xb0\xb0\xb0") ==
        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  const std::string longer(10'000, '\xe4');
  CHECK(of("text/plain; charset=windows-1252", longer).size() == 20'000);
}

TEST_CASE("without a charset that is known: UTF-8 if it is, else Latin-1 if it is text") {
  BodyText text;
  const auto of = [&](const char* type, std::string body) {
    return std::string(text.of(type, body));
  };
  for (const char* type :
       {"text/plain", "TEXT/html; charset=x-no-such", "text/plain; charset=utf-8//IGNORE"}) {
    CAPTURE(type);
    CHECK(of(type, "Gr\xc3\xbc\xc3\x9f") == "Grüß");
    CHECK(of(type, "Gr\xfc\xdf") == "Grüß");
    // Kept only up to a limit that fell into a character; whole, it can't be UTF-8.
    CHECK(text.of(type, "Gr\xc3\xbc\xe4\xb8", true) == "Gr\xc3\xbc\xe4\xb8");
    CHECK(text.of(type, "Gr\xc3\xbc\xc3", true) == "Gr\xc3\xbc\xc3");
    CHECK(text.of(type, "Gr\xfc\xdf", true) == "Grüß");
    CHECK(text.of(type, "caf\xe9") == "café");
    CHECK(of(type, "\xb8") == "¸");
    CHECK(of(type, "").empty());
  }
  CHECK(of("application/octet-stream", "\xff\xfe") == "\xff\xfe");
  CHECK(of("", "\xfc") == "\xfc");
}

TEST_CASE("ever new charsets are no reason to keep ever more") {
  BodyText text;
  for (int i = 0; i < 1000; ++i)
    CHECK(text.of("text/plain; charset=x-" + std::to_string(i), "\xfc") == "ü");
  CHECK(text.of("text/plain; charset=iso-8859-1", "\xfc") == "ü");
}
