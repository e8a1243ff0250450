#include "apps/frames.h"

#include <doctest/doctest.h>

#include "base/test_fixture.h"

using namespace galileo;
using namespace galileo::apps;

namespace {

std::string little_4(std::size_t value) {
  std::string made;
  for (int i = 0; i < 4; ++i) made += static_cast<char>((value >> (8 * i)) & 0xffu);
  return made;
}
std::string frame(char kind, const std::string& bytes) {
  return little_4(bytes.size()) + kind + bytes;
}

}  // namespace

TEST_CASE("frames are read in pieces of any size") {
  const std::string all =
      frame('L', "mark") + frame('R', "") + frame('O', "") + frame('E', std::string(100'000, 'x'));
  for (const std::size_t piece : {1u, 2u, 5u, 7u, 4096u, 1'000'000u}) {
    CAPTURE(piece);
    FrameReader reader;
    std::string kinds;
    std::size_t bytes = 0;
    for (std::size_t at = 0; at < all.size(); at += piece) {
      reader.take(std::string_view(all).substr(at, piece));
      while (const auto next = must(reader.next())) {
        kinds += static_cast<char>(next->kind);
        bytes += next->bytes.size();
      }
    }
    CHECK(kinds == "LROE");
    CHECK(bytes == 100'004);
    CHECK(!reader.is_cut());
  }
}

TEST_CASE("what isn't a frame is refused") {
  for (const std::string& wrong :
       {frame('X', "a"), std::string("hello, I am printed"), std::string("\xff\xff\xff\xffR", 5)}) {
    FrameReader reader;
    reader.take(wrong);
    CHECK(!reader.next().ok());
  }
  FrameReader reader;
  reader.take(frame('R', "abc").substr(0, 6));
  CHECK(!must(reader.next()));
  CHECK(reader.is_cut());
}

TEST_CASE("bytes that no JSON can carry are put into the body") {
  const std::string mark = "0123:";
  const std::string blob("\xff\0\xfe", 3);
  AppRequest request =
      must(parse_app_request(little_4(3) + little_4(2) + "{}" + little_4(3) + blob + little_4(0)));
  CHECK(request.json == "{}");
  REQUIRE(request.blobs.size() == 2);
  std::string body = "a 0123:0; b 0123:1; c";
  CHECK(put_blobs(body, mark, request).ok());
  CHECK(body == "a " + blob + " b  c");
  std::string elsewhere = "a 0123:0; b";
  const auto put = put_blobs(elsewhere, mark, request);
  REQUIRE(!put.ok());
  CHECK(put.error().why.find("only text") != std::string::npos);
  for (const std::string& wrong :
       {std::string(), little_4(0), little_4(1), little_4(1) + little_4(5) + "ab",
        little_4(1) + little_4(1) + "abc", little_4(5000)})
    CHECK(!parse_app_request(wrong).ok());
}

TEST_CASE("of much output the first and the last of it are kept") {
  KeptOutput kept;
  CHECK(kept.text().empty());
  kept.take("short");
  CHECK(kept.text() == "short");
  for (int i = 0; i < 100'000; ++i) kept.take("0123456789");
  kept.take("the end");
  const std::string text = kept.text();
  CHECK(text.starts_with("short0123"));
  CHECK(text.ends_with("the end"));
  CHECK(text.find("bytes left out") != std::string::npos);
  CHECK(text.size() < 2 * KeptOutput::kKept + 100);
  CHECK(kept.bytes() == 1'000'012);
}
