#include "load/request_description.h"

#include <set>

#include "base/test_fixture.h"
#include "load/replay.h"
#include "load/request_source.h"
#include "load/targets_file.h"
#include "load/template_text.h"

namespace galileo::load {
namespace {

// All that a request may say.
Request whole() {
  Request request;
  request.method = "POST";
  request.path = "/a?b=galileo0template0000000z";
  request.headers = {{"X-A", "1"}, {"X-A", "ř"}};
  request.has_body = true;
  request.body = std::string("\xff\0", 2);
  request.timeout = std::chrono::milliseconds{1500};
  request.redirects_max = 3;
  request.tls = {false, "ca", "crl", "cert", "key", 3, false};
  request.http = {2, true, 7, 8, false};
  request.source = {"steps", {{"mark.000000", "qrand_int 1 9"}, {"data.file", "rows.csv"}}};
  request.checks = {{"ok", {"status 200", "time < 1s"}}};
  Step step;
  step.name = "login";
  step.request.method = "PUT";
  step.request.path = "/login";
  step.request.checks = {{"in", {"status 201"}}};
  step.takes = {{"token", "json /token"}};
  step.pause = std::chrono::seconds{2};
  request.steps = {step, step};
  request.steps[1].name = "look";
  request.steps[1].pause = Duration{0};
  request.steps[1].drawn_pause = "expovariate(1)";
  request.digest = DigestUser{"u", "p", true};
  request.keep_cookies = true;
  request.ok = wire::StatusSet::range(200, 299);
  request.like_requests = true;
  request.cookies_by_name = true;
  request.traceparent = 0.1;
  return request;
}

TEST_CASE("a request comes back as it was, whatever it says") {
  const auto read = decode_description(encode_description(whole()));
  REQUIRE_MESSAGE(read.ok(), read.error().to_text());
  CHECK(*read == whole());
  const auto plain = decode_description(encode_description({}));
  REQUIRE_MESSAGE(plain.ok(), plain.error().to_text());
  CHECK(*plain == Request{});
}

TEST_CASE("a description has these bytes") {
  Request request;
  request.path = "/x";
  request.headers = {{"A", "b"}};
  request.timeout = std::chrono::seconds{1};
  request.source = {"templates", {{"mark.000000", "useq"}, {"text.000000", "env SECRET"}}};
  request.checks = {{"ok", {"status 200"}}};
  CHECK(encode_description(request) ==
        R"({"version": 1, "method": "GET", "path": "/x", "headers": [["A", "b"]], )"
        R"("timeout_ns": 1000000000, "source": "templates", "parameters": )"
        R"({"mark.000000": "useq"}, "checks": [{"name": "ok", "conditions": ["status 200"]}]})");
  request = {};
  request.has_body = true;
  request.body = "\xff";
  CHECK(encode_description(request) ==
        R"({"version": 1, "method": "GET", "path": "/", "body": {"base64": "/w=="}})");
}

TEST_CASE("what isn't known, or couldn't be sent, is refused with its key") {
  const auto why = [](const std::string& rest) {
    const auto read =
        decode_description(R"({"version": 1, "method": "GET", "path": "/")" + rest + "}");
    return read.ok() ? std::string() : read.error().where + ": " + read.error().why;
  };
  CHECK(why("").empty());
  CHECK(why(R"(, "colour": 1)") == "colour: it isn't known here");
  CHECK(why(R"(, "headers": [["A\r\nB", "c"]])") == "headers: one of them can't be sent");
  CHECK(why(R"(, "headers": [["A", "b\r\nc: d"]])") == "headers: one of them can't be sent");
  CHECK(why(R"(, "timeout_ns": 0)").starts_with("timeout_ns: "));
  CHECK(why(R"(, "tls": {"verify": 1})") == "verify: it is a whole number");
  CHECK(why(R"(, "body": 3)") == "body: it isn't a text");
  CHECK(why(R"(, "body": {"base64": "*"})") == "body: it isn't a text");
  CHECK(why(R"(, "ok": "9xx?")") == "ok: it isn't known here");
  CHECK(why(R"(, "steps": [{"request": {"method": "GET", "path": "/", "steps": []}}])") ==
        "steps: it isn't known here");
  CHECK_FALSE(decode_description(R"({"method": "GET", "path": "/"})").ok());
  CHECK_FALSE(decode_description(R"({"version": 2, "method": "GET", "path": "/"})").ok());
  CHECK_FALSE(decode_description(R"({"version": 1, "method": "GET", "path": "x"})").ok());
  CHECK_FALSE(decode_description(R"({"version": 1, "method": "G T", "path": "/"})").ok());
  CHECK_FALSE(decode_description(R"({"version": 1, "method": "GET", "path": "/ a"})").ok());
}

TEST_CASE("each file and URL that a request names is replaced, and people read its first name") {
  TemplateMarks marks({});
  const std::string body = must(marks.take(
      "{{file 'a b.txt'}}{{raw base64 c.jpg}}{{base64 http://h/d}}{{rand_int 1 2}}", Fit::kJson));
  Request request;
  request.body = body;
  request.source = {"templates", marks.marks()};
  request.source.parameters["data.file"] = "rows.csv";
  std::vector<std::string> seen;
  must(each_content(request, [&](const std::string& name, bool may_be_url) -> Result<std::string> {
    seen.push_back(name + (may_be_url ? "?" : ""));
    return "content:" + name;
  }));
  CHECK(seen == std::vector<std::string>{"a b.txt?", "c.jpg?", "http://h/d?", "rows.csv"});
  const auto meaning = must(meaning_of("000001", request.source.parameters));
  CHECK(meaning.fit == Fit::kJson);
  CHECK(meaning.call.raw);
  CHECK(meaning.call.kind == TemplateCall::Kind::base64);
  CHECK(meaning.call.words.front().text == "content:c.jpg");
  CHECK(request.source.parameters.at("mark.000003") == "jrand_int 1 2");
  CHECK(called(request.source, "data.file") == "rows.csv");
  // Replaced again, at its receiver's, it is still called so.
  must(each_content(request, [](const std::string& name, bool) -> Result<std::string> {
    return "/here/" + name;
  }));
  CHECK(request.source.parameters.at("data.file") == "/here/content:rows.csv");
  CHECK(called(request.source, "data.file") == "rows.csv");
}

TEST_CASE("bodies that targets name go with them, and are found by their names") {
  const TestFolder folder;
  folder.write("deep/body", "a body");
  const std::string path =
      folder.write("targets", "GET http://h/a\n\nPOST http://h/b\n@deep/body\n");
  Request request;
  request.source = {"targets", {{"file", path}, {"folder", folder.path()}}};
  std::vector<std::string> seen;
  must(each_content(request, [&](const std::string& name, bool) -> Result<std::string> {
    seen.push_back(name);
    return name + ".moved";
  }));
  CHECK(seen == std::vector<std::string>{folder.file("deep/body"), path});
  CHECK_FALSE(request.source.parameters.contains("folder"));
  std::filesystem::rename(path, path + ".moved");
  std::filesystem::rename(folder.file("deep/body"), folder.file("deep/body.moved"));
  const auto sources = must(make_request_sources(request));
  CHECK(sources->name() == "targets of " + path);
  request.source.parameters.erase("body:deep/body");
  const auto without = make_request_sources(request);
  REQUIRE_FALSE(without.ok());
  CHECK(without.error().to_text().find("a target's body isn't here") != std::string::npos);
}

TEST_CASE("the shares of a replay are all of it, each at its time") {
  std::vector<Duration> times;
  for (int i = 0; i < 10; ++i) times.emplace_back(std::chrono::milliseconds{i * i});
  for (const std::size_t of : {std::size_t{1}, std::size_t{3}, std::size_t{10}}) {
    std::multiset<std::int64_t> all;
    for (std::size_t index = 0; index < of; ++index) {
      Duration at{0};
      for (const double gap : gaps_of_share(times, index, of)) {
        at += seconds(gap);
        all.insert(at.count());
      }
    }
    std::multiset<std::int64_t> wanted;
    for (const Duration& time : times) wanted.insert(time.count());
    CHECK(all == wanted);
  }
  CHECK(gaps_of_share(times, 11, 12).empty());
}

TEST_CASE("which requests a fixed one wouldn't say") {
  Request request;
  CHECK_FALSE(needs_description(request));
  request.source.kind = "app";
  CHECK_FALSE(needs_description(request));
  request.checks = {{"a", {"status 200"}}};
  CHECK(needs_description(request));
  request = {};
  request.source.kind = "replay";
  CHECK(needs_description(request));
}

}  // namespace
}  // namespace galileo::load
