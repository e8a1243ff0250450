// Logs as files: found out, unpacked, and told in plain values.
#include "load/replay_file.h"

#include <doctest/doctest.h>

#include "base/test_fixture.h"

namespace galileo::load {
namespace {

std::string log_of(int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += "{\"start_time\":\"2026-11-30T10:00:0" + std::to_string(i % 10) +
            ".5Z\",\"method\":\"GET\",\"path\":\"/" + std::to_string(i) + "\"}\n";
  return text;
}

}  // namespace

TEST_CASE("a log is read whatever its size is beside what its format is seen from") {
  const TestFolder folder;
  for (const int count : {1, 10, 2000}) {
    ReplayFile file;
    file.path = folder.write("log", log_of(count));
    const Replay replay = must(read_replay(file));
    CHECK(replay.list.size() == static_cast<std::size_t>(count));
    CHECK(replay.counts.read == static_cast<std::uint64_t>(count));
  }
}

TEST_CASE("what people write of a replay") {
  CHECK(must(parse_replay_speed("2")) == 2);
  CHECK(must(parse_replay_speed("x0.5")) == 0.5);
  CHECK(must(parse_replay_speed("×100")) == 100);
  for (const char* wrong : {"", "0", "0.09", "101", "fast", "-1", "nan"})
    CHECK_FALSE(parse_replay_speed(wrong).ok());
  CHECK(must(parse_replay_share("0.1")) == 0.1);
  CHECK(must(parse_replay_share("10 %")) == doctest::Approx(0.1));
  for (const char* wrong : {"", "0", "1.1", "101%", "-1", "half"})
    CHECK_FALSE(parse_replay_share(wrong).ok());
}

TEST_CASE("a replay in plain values is the same replay") {
  ReplayFile file;
  file.path = "a log";
  file.format = "json";
  REQUIRE(set_log_field("took=a.b:ms", file.log.fields).ok());
  REQUIRE(set_log_field("time=t", file.log.fields).ok());
  file.log.mark = wire::TimeMark::kEnd;
  file.log.host = "*";
  file.log.client_spans = true;
  file.options = {0.1,    0.3,  7,   9'000'000'000'000'000'000u, ReplayOptions::Bodies::kGiven,
                  "body", true, true};
  const ReplayFile again = must(replay_of_parameters(replay_parameters(file)));
  CHECK(replay_parameters(again) == replay_parameters(file));
  CHECK(again.options.seed == file.options.seed);
  CHECK(again.options.share == file.options.share);
  CHECK(again.log.fields.took == "a.b");
  CHECK(again.log.fields.took_unit_s == 1e-3);
  CHECK(again.log.mark == wire::TimeMark::kEnd);
  CHECK(again.options.bodies == ReplayOptions::Bodies::kGiven);
  const ReplayFile plain = must(replay_of_parameters(replay_parameters({"log", {}, {}, {}})));
  CHECK_FALSE(plain.log.mark.has_value());
  CHECK(plain.options.bodies == ReplayOptions::Bodies::kEmpty);
  CHECK(plain.options.speed == 1);
  CHECK_FALSE(replay_of_parameters({}).ok());
}

}  // namespace galileo::load
