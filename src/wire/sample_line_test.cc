#include "wire/sample_line.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/text.h"
#include "wire/json.h"

namespace galileo::wire {
namespace {

std::string written(const Sample& sample) {
  std::string text;
  append_sample_line(text, sample);
  return text;
}

TEST_CASE("a reading is its topic and its line, both ways") {
  struct Case {
    std::string topic;
    std::string text;
    Sample sample;
  };
  const std::vector<Case> cases{
      {"telem/tn/cpu",
       "1795524823.691150601 95.833333",
       {Wall{Duration{1'795'524'823'691'150'601}}, "tn", "cpu", "", 95.833333}},
      {"telem/n1/psi_cpu/some",
       "1795528973.542348723 1299895016.000000",
       {Wall{Duration{1'795'528'973'542'348'723}}, "n1", "psi_cpu", "some", 1299895016}},
      {"telem/n1/docker_cgrp_net/0defd704ede8/eth0/rx",
       "1795528973.000000001 -0.500000",
       {Wall{Duration{1'795'528'973'000'000'001}}, "n1", "docker_cgrp_net", "0defd704ede8/eth0/rx",
        -0.5}},
  };
  for (const auto& [topic, text, wanted] : cases) {
    CAPTURE(topic);
    const Result<Sample> sample = parse_sample_line(topic, text);
    REQUIRE(sample.ok());
    CHECK(sample->at == wanted.at);
    CHECK(sample->node == wanted.node);
    CHECK(sample->metric == wanted.metric);
    CHECK(sample->subsystem == wanted.subsystem);
    CHECK(sample->value == wanted.value);
    CHECK(sample_topic(wanted) == topic);
    CHECK(written(wanted) == text);
  }
}

TEST_CASE("true and false are 1 and 0") {
  CHECK(parse_sample_line("telem/n/up", "1.5 true")->value == 1);
  CHECK(parse_sample_line("telem/n/up", "1.5 false")->value == 0);
  CHECK(parse_sample_line("telem/n/up", "1.5 True")->value == 1);
  CHECK(parse_sample_line("telem/n/up", "1.5 False")->value == 0);
}

TEST_CASE("the zero that the old telemd leaves away before its nanoseconds is put back") {
  CHECK(parse_sample_line("telem/n/cpu", "1795528974.43139650 1.0")->at ==
        Wall{Duration{1'795'528'974'043'139'650}});
  CHECK(parse_sample_line("telem/n/cpu", "1795528974.4313965 1.0")->at ==
        Wall{Duration{1'795'528'974'431'396'500}});
  CHECK(parse_sample_line("telem/n/cpu", "-1.00000000 1.0")->at == kNoWall);
}

TEST_CASE("what is no reading is refused with the topic and the reason") {
  struct Case {
    std::string topic;
    std::string text;
    std::string why;
  };
  const std::vector<Case> cases{
      {"telemcmd/n", "info", "it isn't below telem/"},
      {"telem/", "1.0 1", "the topic names no node"},
      {"telem//cpu", "1.0 1", "the topic names no node"},
      {"telem/n", "1.0 1", "the topic names no metric"},
      {"telem/n/", "1.0 1", "the topic names no metric"},
      {"telem/n//x", "1.0 1", "the topic names no metric"},
      {"telem/n/cpu", "", "'' doesn't begin with a time in seconds"},
      {"telem/n/cpu", "x 1", "'x 1' doesn't begin with a time in seconds"},
      {"telem/n/cpu", "1.0", "the value '' isn't a number"},
      {"telem/n/cpu", "1.0 ", "the value '' isn't a number"},
      {"telem/n/cpu", "1.0 nan", "the value 'nan' isn't a number"},
      {"telem/n/cpu", "1.0 inf", "the value 'inf' isn't a number"},
      {"telem/n/cpu", "1.0 1 2", "the value '1 2' isn't a number"},
      {"telem/n/cpu", "1.0 yes", "the value 'yes' isn't a number"},
  };
  for (const auto& [topic, text, why] : cases) {
    CAPTURE(topic);
    CAPTURE(text);
    const Result<Sample> sample = parse_sample_line(topic, text);
    REQUIRE_FALSE(sample.ok());
    CHECK(sample.error().why == why);
    CHECK(sample.error().where == topic);
    CHECK(sample.error().code == ErrorCode::kCorrupt);
  }
}

const std::filesystem::path kVectors = GALILEO_SOURCE_DIR "/../shared/vectors";

bool padded(std::string_view text) {
  return text.find(' ') - text.find('.') == 10;
}

TEST_CASE("every recorded reading is written again with the same bytes") {
  if (!std::filesystem::exists(kVectors)) {
    MESSAGE("skipped: the recordings of ../shared/vectors aren't here");
    return;
  }
  std::ifstream file(kVectors / "telemd.tsv");
  int readings = 0;
  for (std::string line; std::getline(file, line);) {
    CAPTURE(line);
    const std::vector<std::string_view> columns = split(line, '\t');
    REQUIRE(columns.size() == 2);
    const Result<Sample> sample = parse_sample_line(columns[0], columns[1]);
    REQUIRE(sample.ok());
    CHECK(sample_topic(*sample) == columns[0]);
    if (padded(columns[1])) CHECK(written(*sample) == columns[1]);
    ++readings;
  }
  CHECK(readings == 90);
}

// Each was published within milliseconds of its time, so its delay against the recorder's clock
// must be the same for all, in the first tenth of a second too.
TEST_CASE("the times of recorded readings are those at which they were published") {
  if (!std::filesystem::exists(kVectors)) {
    MESSAGE("skipped: the recordings of ../shared/vectors aren't here");
    return;
  }
  std::ifstream file(kVectors / "telemd.jsonl");
  std::optional<double> first;
  int mended = 0;
  for (std::string line; std::getline(file, line);) {
    const Result<Json> recorded = parse_json(line);
    REQUIRE(recorded.ok());
    const Json* topic = find(*recorded, "channel_or_key");
    if (!topic->text.starts_with(kTelemetryPrefix)) continue;
    const std::string& text = find(*recorded, "payload")->text;
    CAPTURE(text);
    const Result<Sample> sample = parse_sample_line(topic->text, text);
    REQUIRE(sample.ok());
    const double start = to_unix_seconds(sample->at) - *parse_number(find(*recorded, "t")->text);
    if (!first) first = start;
    CHECK(std::abs(start - *first) < 0.05);
    if (!padded(text)) ++mended;
  }
  CHECK(mended > 0);
}

}  // namespace
}  // namespace galileo::wire
