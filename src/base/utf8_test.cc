#include "base/utf8.h"

#include <doctest/doctest.h>

using namespace galileo;

TEST_CASE("text of every length of character is UTF-8 and stays as it is") {
  const std::string text = "a \xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf";
  CHECK(is_utf8(text));
  CHECK(make_utf8(text) == text);
  CHECK(is_utf8(""));
}

TEST_CASE("what only looks like UTF-8 is refused: overlong, surrogate, too high, cut, alone") {
  for (const char* text :
       {"\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\x80", "\xff"}) {
    CAPTURE(text);
    CHECK_FALSE(is_utf8(text));
    CHECK(is_utf8(make_utf8(text)));
  }
}

TEST_CASE("each byte that fits nowhere becomes one sign, what is around it stays") {
  CHECK(make_utf8("a\xffz") == "a\xef\xbf\xbdz");
  CHECK(make_utf8("\xe2\x82") == "\xef\xbf\xbd\xef\xbf\xbd");
  // The character after a cut one is whole.
  CHECK(make_utf8("\xe2\x82\xc3\xbc") == "\xef\xbf\xbd\xef\xbf\xbd\xc3\xbc");
}

TEST_CASE("a name can't clear the screen, set the title or move the cursor") {
  const std::string sign = "\xef\xbf\xbd";
  CHECK(without_controls("a\x1b[2J\x07z") == "a" + sign + "[2J" + sign + "z");
  CHECK(without_controls("\x1b]0;title\x07") == sign + "]0;title" + sign);
  CHECK(without_controls("one\r\ntwo\b\x7f") == "one" + sign + "\ntwo" + sign + sign);
  CHECK(without_controls("\xc2\x9b"
                         "2J \xff") == sign + "2J " + sign);  // CSI in one character
  CHECK(without_controls("\x1b[32mVALID\x1b[0m\tGrüße") == "\x1b[32mVALID\x1b[0m\tGrüße");
  CHECK(one_line("x\nverdict \x1b[32mVALID") == "x" + sign + "verdict " + sign + "[32mVALID");
}

TEST_CASE("a long name is cut between characters, and says so") {
  CHECK(shortened("grüße", 5) == "grüße");
  CHECK(shortened("grüße", 4) == "grü…");
  CHECK(shortened("grüße", 3) == "gr…");
  CHECK(shortened("", 3).empty());
}

TEST_CASE("ISO-8859-1 is the first 256 characters") {
  CHECK(utf8_of_latin1("Gr\xfc\xdf\x80\x7f") == "Grüß\xc2\x80\x7f");
  CHECK(utf8_of_latin1("").empty());
}
