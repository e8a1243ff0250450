#include "wire/line_protocol.h"

#include <doctest/doctest.h>

#include <limits>

using namespace galileo::wire;

TEST_CASE("a point is a line") {
  std::string out;
  PointWriter writer(out);
  writer.point("telemetry").tag("metric", "cpu").tag("node", "n1").real("value", 0.25);
  CHECK(writer.at(1'795'500'000'000'000'001));
  writer.point("traces").tag("client", "w:a:1").integer("status", -1).boolean("closed_loop", true);
  CHECK(writer.at(-1));
  CHECK(out ==
        "telemetry,metric=cpu,node=n1 value=0.25 1795500000000000001\n"
        "traces,client=w:a:1 status=-1i,closed_loop=true -1\n");
}

TEST_CASE("what the protocol gives a meaning to is escaped") {
  std::string out;
  PointWriter writer(out);
  writer.point("m").tag("a", "x, y=z").text("t", "say \"hi\\\"\nthere").text("u", "");
  CHECK(writer.at(0));
  CHECK(out == "m,a=x\\,\\ y\\=z t=\"say \\\"hi\\\\\\\"\nthere\",u=\"\" 0\n");
}

TEST_CASE("a tag's text is told apart from any other, and read back") {
  const auto with_zero = std::string("a\0b", 3);
  const std::string texts[] = {"plain", "two\nlines", "end\\", "\\,", "100%", "%41",    "%%41",
                               "%4",    "%4\n",       "%25",   "ü",   " ",    with_zero};
  for (const std::string& text : texts) {
    CHECK(text_of_tag(tag_text(text)) == text);
    for (const char c : tag_text(text)) {
      CHECK(c != '\n');
      CHECK(c != '\\');
    }
    for (const std::string& other : texts)
      CHECK((tag_text(text) == tag_text(other)) == (text == other));
  }
  CHECK(tag_text("two\nlines\\") == "two%0Alines%5C");
  CHECK(tag_text("100% and %41") == "100% and %2541");
  CHECK(tag_text("a\xff") == "a\xef\xbf\xbd");
}

TEST_CASE("what the protocol can't say is left out, and a point without fields is none") {
  std::string out = "before\n";
  PointWriter writer(out);
  writer.point("m").tag("empty", "").real("inf", std::numeric_limits<double>::infinity());
  writer.real("nan", std::numeric_limits<double>::quiet_NaN());
  CHECK_FALSE(writer.at(1));
  CHECK(out == "before\n");
}

TEST_CASE("a raw tag is written as the old system's client does") {
  std::string out;
  PointWriter writer(out);
  writer.point("m").raw_tag("a", "1\n2\t3\\").real("v", 1);
  CHECK(writer.at(5));
  CHECK(out == "m,a=1\\n2\\t3\\  v=1 5\n");
}
