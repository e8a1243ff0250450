#include "wire/trace_line.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "wire/json.h"

namespace galileo::wire {
namespace {

std::string written(const TraceLine& line) {
  std::string text;
  append_trace_line(text, line);
  return text;
}

TraceLine answered() {
  TraceLine line;
  line.trace.request_id = "d1f4675d85:1";
  line.trace.client = "node-a:case:3";
  line.trace.service = "case";
  line.trace.created = Wall{Duration{1'795'528'517'976'194'600}};
  line.trace.sent = Wall{Duration{1'795'528'517'977'311'400}};
  line.trace.done = Wall{Duration{1'795'528'517'982'922'100}};
  line.trace.status = 200;
  line.trace.server = "127.0.0.1:46747";
  line.trace.headers = R"({"X-List": "a, b,c"})";
  line.trace.response = "boom, twice";
  line.has_response = true;
  return line;
}
constexpr std::string_view kAnswered =
    R"(d1f4675d85:1,node-a:case:3,case,1795528517.9761946,1795528517.9773114,1795528517.9829221,200,127.0.0.1:46747,None,{"X-List": "a| b|c"},boom, twice)";

TEST_CASE("an answered request is the old system's line, both ways") {
  CHECK(written(answered()) == kAnswered);
  const Result<TraceLine> line = parse_trace_line(kAnswered);
  REQUIRE(line.ok());
  const NamedTrace& trace = line->trace;
  const NamedTrace wanted = answered().trace;
  CHECK(trace.request_id == wanted.request_id);
  CHECK(trace.client == wanted.client);
  CHECK(trace.service == wanted.service);
  CHECK(trace.created == wanted.created);
  CHECK(trace.sent == wanted.sent);
  CHECK(trace.done == wanted.done);
  CHECK(trace.status == 200);
  CHECK(trace.server == wanted.server);
  CHECK(trace.headers == wanted.headers);
  CHECK(trace.response == wanted.response);
  CHECK(line->has_response);
  CHECK(line->exp_id.empty());
  CHECK(trace.intended == kNoWall);
  CHECK(trace.failure.empty());
}

TEST_CASE("a request that never left has no time of sending, and no answer") {
  const std::string text =
      "c1a501d21a:1,node-a:x:25,x,1795528541.9365401,-1.0000000,1795528541.9378281,-1,None,None,"
      "None,None";
  const Result<TraceLine> line = parse_trace_line(text);
  REQUIRE(line.ok());
  CHECK(line->trace.sent == kNoWall);
  CHECK(line->trace.status == -1);
  CHECK(line->trace.server.empty());
  CHECK(line->trace.headers.empty());
  CHECK(line->trace.response.empty());
  CHECK_FALSE(line->has_response);
  CHECK(written(*line) == text);
}

TEST_CASE("a response loses the white space at its ends, and its newlines become text") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"one\ntwo\r\nthree\n", "one\\ntwo\r\\nthree"},
      {"  \t padded \n\n", "padded"},
      {"\x1c\x0b a \x1f", "a"},
      {"\xc2\xa0\xe2\x80\x83"
       "a\xe3\x80\x80\xc2\x85",
       "a"},
      {"\xc3\xa4", "\xc3\xa4"},
      {"   ", ""},
      {"", ""},
      {"None", "None"},
      {"a\xff", "a\xef\xbf\xbd"},
  };
  for (const auto& [response, wanted] : cases) {
    CAPTURE(wanted);
    TraceLine line = answered();
    line.trace.response = response;
    const std::string text = written(line);
    CHECK(text.substr(text.rfind("},") + 2) == wanted);
  }
}

TEST_CASE("no response is told from an empty one") {
  TraceLine line = answered();
  line.trace.response.clear();
  CHECK(written(line).ends_with("},"));
  CHECK(parse_trace_line(written(line))->has_response);
  line.has_response = false;
  CHECK(written(line).ends_with("},None"));
  CHECK_FALSE(parse_trace_line(written(line))->has_response);
}

TEST_CASE("names that hold commas or newlines don't break the line") {
  TraceLine line = answered();
  line.trace.client = "a,b\nc";
  line.trace.headers = "{\n}";
  line.exp_id = "202611241250-dd92";
  const Result<TraceLine> again = parse_trace_line(written(line));
  REQUIRE(again.ok());
  CHECK(again->trace.client == "a|b c");
  CHECK(again->trace.headers == "{ }");
  CHECK(again->exp_id == "202611241250-dd92");
}

TEST_CASE("a line that isn't UTF-8 is kept with the sign for it") {
  const Result<TraceLine> line = parse_trace_line(std::string(kAnswered) + "\xff");
  REQUIRE(line.ok());
  CHECK(line->trace.response == "boom, twice\xef\xbf\xbd");
}

TEST_CASE("a line that is no trace is refused with the reason") {
  const std::string good = "id:1,c,s,1.0,2.0,3.0,200,h,None,None,None";
  REQUIRE(parse_trace_line(good).ok());
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "it has 1 fields, not 11"},
      {"id:1,c,s,1.0,2.0,3.0,200,h,None,None", "it has 10 fields, not 11"},
      {",c,s,1.0,2.0,3.0,200,h,None,None,None", "its request_id is empty"},
      {"id:1,c,s,x,2.0,3.0,200,h,None,None,None", "created is 'x', not a time in seconds"},
      {"id:1,c,s,1.0,,3.0,200,h,None,None,None", "sent is '', not a time in seconds"},
      {"id:1,c,s,1.0,2.0,1e9,200,h,None,None,None", "done is '1e9', not a time in seconds"},
      {"id:1,c,s,s,1.0,2.0,3.0,200,h,None,None,None", "created is 's', not a time in seconds"},
      {"id:1,c,s,1.0,2.0,3.0,2x,h,None,None,None", "status is '2x', not a whole number"},
      {"id:1,c,s,1.0,2.0,3.0,,h,None,None,None", "status is '', not a whole number"},
      {"id:1,c,s,1.0,2.0,3.0,99999999999,h,None,None,None",
       "status is '99999999999', not a whole number"},
      {good + "\n", "it holds a newline"},
      {"\n" + good, "it holds a newline"},
      {std::string(kTraceLineMax + 1, 'x'), "it has 16777217 bytes, more than 16777216"},
  };
  for (const auto& [text, why] : cases) {
    CAPTURE(text.substr(0, 100));
    const Result<TraceLine> line = parse_trace_line(text);
    REQUIRE_FALSE(line.ok());
    CHECK(line.error().why == why);
    CHECK(line.error().code == ErrorCode::kCorrupt);
  }
}

TEST_CASE("None stands for any missing time and status") {
  const Result<TraceLine> line = parse_trace_line("i,c,s,None,None,None,None,None,None,None,None");
  REQUIRE(line.ok());
  CHECK(line->trace.created == kNoWall);
  CHECK(line->trace.status == -1);
}

// "what the old recorder stores": headers with commas, a response with its newlines, None as NULL.
void check_recorded(const std::string& text) {
  CAPTURE(text);
  const Result<TraceLine> line = parse_trace_line(text);
  REQUIRE(line.ok());
  CHECK(written(*line) == text);
  CHECK(line->trace.created.time_since_epoch() > std::chrono::seconds{1'795'000'000});
  CHECK(line->trace.headers.find('|') == std::string::npos);
  CHECK(line->trace.response.find("\\n") == std::string::npos);
  const bool none = text.ends_with(",None");
  CHECK(line->has_response == !none);
  if (!line->trace.headers.empty()) {
    const Result<Json> headers = parse_json(line->trace.headers);
    REQUIRE(headers.ok());
    CHECK(headers->kind == Json::Kind::kObject);
  }
}

TEST_CASE("every recorded line is written again with the same bytes") {
  const std::filesystem::path vectors = GALILEO_SOURCE_DIR "/../shared/vectors";
  if (!std::filesystem::exists(vectors)) {
    MESSAGE("skipped: the recordings of ../shared/vectors aren't here");
    return;
  }
  int lines = 0;
  for (const char* name : {"traces.jsonl", "bus-session.jsonl"}) {
    std::ifstream file(vectors / name);
    for (std::string line; std::getline(file, line);) {
      const Result<Json> recorded = parse_json(line);
      REQUIRE(recorded.ok());
      const Json* channel = find(*recorded, "channel_or_key");
      if (channel->text != kTraceChannel || find(*recorded, "command")->text != "PUBLISH") continue;
      check_recorded(find(*recorded, "payload")->text);
      ++lines;
    }
  }
  CHECK(lines > 100);
}

// The bodies of those answers whose charset is theirs on the bus, from the raw answer to the line.
TEST_CASE("recorded answers become the recorded fields") {
  const std::filesystem::path path = GALILEO_SOURCE_DIR "/../shared/vectors/traces.jsonl";
  if (!std::filesystem::exists(path)) {
    MESSAGE("skipped: the recordings of ../shared/vectors aren't here");
    return;
  }
  std::ifstream file(path);
  int answers = 0;
  for (std::string line; std::getline(file, line);) {
    const Result<Json> recorded = parse_json(line);
    REQUIRE(recorded.ok());
    const std::string& name = find(*recorded, "name")->text;
    const std::string& payload = find(*recorded, "payload")->text;
    const std::string& answer = find(*recorded, "answer")->text;
    const std::size_t head = answer.find("\r\n\r\n");
    // Redirects answer elsewhere; what is beyond ASCII depends on the charset, which isn't ours.
    const bool ascii = std::all_of(answer.begin(), answer.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (head == std::string::npos || !ascii || name == "redirect" || payload.ends_with("None"))
      continue;
    CAPTURE(name);
    TraceLine trace = *parse_trace_line(payload);
    trace.trace.response = answer.substr(head + 4);
    CHECK(written(trace) == payload);
    ++answers;
  }
  CHECK(answers >= 12);
}

}  // namespace
}  // namespace galileo::wire
