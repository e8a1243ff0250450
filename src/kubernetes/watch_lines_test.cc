#include "kubernetes/watch_lines.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <vector>

namespace galileo::kubernetes {
namespace {

using Json = nlohmann::json;

TEST_CASE("lines are told whole wherever they are cut, and a half one at the end never") {
  const std::string text = "one\n\ntwo\nthree\nhal";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    WatchLines lines;
    std::vector<std::string> told;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      lines.feed(std::string_view(text).substr(at, piece), [&](std::string_view line) {
        told.emplace_back(line);
        return true;
      });
    }
    CHECK(told == std::vector<std::string>{"one", "", "two", "three"});
  }
}

TEST_CASE("a line of up to 4 MiB is told, a longer one counted and skipped") {
  WatchLines lines;
  std::vector<std::size_t> told;
  const auto feed = [&](std::size_t size) {
    const std::string text = std::string(size, 'x') + "\n";
    for (std::size_t at = 0; at < text.size(); at += 16384) {
      lines.feed(std::string_view(text).substr(at, 16384), [&](std::string_view line) {
        told.push_back(line.size());
        return true;
      });
    }
  };
  feed(kWatchLineMax);
  feed(kWatchLineMax + 1);
  feed(3);
  CHECK(told == std::vector<std::size_t>{kWatchLineMax, 3});
  CHECK(lines.skipped() == 1);
}

TEST_CASE("who has heard enough hears no more of what came with it") {
  WatchLines lines;
  int told = 0;
  lines.feed("a\nb\nc\n", [&](std::string_view) { return ++told < 2; });
  CHECK(told == 2);
}

TEST_CASE("each form of a history that is gone is found") {
  Json object;
  for (
      const char* const line : {
          R"({"type":"ERROR","object":{"kind":"Status","code":410}})",
          R"({"type":"ERROR","object":{"kind":"Status","reason":"Gone"}})",
          R"({"type":"ERROR","object":{"kind":"Status","reason":"Expired"}})",
          R"({"type":"ERROR","object":{"message":"too old resource version: 1"}
})",
          R"({"type":"ERROR","object":{"code":500,"message":"etcdserver: mvcc: required revision has been compacted"}})",
      }) {
    CAPTURE(line);
    CHECK(read_watch_line(line, object) == WatchChange::kExpired);
  }
  CHECK(is_expired(410, Json()));
  CHECK(is_expired(200, Json{{"code", 410}}));
  CHECK_FALSE(is_expired(200, Json()));
  CHECK_FALSE(is_expired(404, Json{{"code", 404}, {"reason", "NotFound"}}));
}

TEST_CASE("a line says what has become of its object, and what is none says nothing") {
  Json object;
  const auto read = [&](std::string_view line) { return read_watch_line(line, object); };
  CHECK(read(R"({"type":"ADDED","object":{"a":1}})") == WatchChange::kThere);
  CHECK(object == Json{{"a", 1}});
  CHECK(read(R"({"type":"MODIFIED","object":{}})") == WatchChange::kThere);
  CHECK(read(R"({"type":"DELETED","object":{}})") == WatchChange::kGone);
  CHECK(read(R"({"type":"BOOKMARK","object":{}})") == WatchChange::kBookmark);
  CHECK(read(R"({"type":"ERROR","object":{"code":500}})") == WatchChange::kTrouble);
  for (const char* const none :
       {"", " ", "{", "[]", "null", R"({"type":"ADDED"})", R"({"type":"ADDED","object":5})",
        R"({"type":5,"object":{}})", R"({"object":{}})", R"({"type":"NEW","object":{}})"}) {
    CAPTURE(none);
    CHECK(read(none) == WatchChange::kUnknown);
  }
}

}  // namespace
}  // namespace galileo::kubernetes
