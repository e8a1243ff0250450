#include "store/influxdb_sender.h"

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "store/store_fixture.h"
#include "wire/json.h"

using namespace galileo;
using namespace galileo::store;

namespace {

// A write is answered when its answer is asked for.
class TestServer : public LineServer {
 public:
  virtual Result<HttpAnswer> write(const std::string& bucket, std::string_view lines) = 0;
  Result<void> make_bucket(const std::string&) override { return {}; }
  Time now() override { return now_; }
  void wait(Duration duration) override { now_ += duration; }
  const std::string& where() const override { return where_; }

  std::string packed(std::string_view lines) override { return std::string(lines); }
  void begin_write(const std::string& bucket, std::string packed_lines) override {
    REQUIRE_FALSE(under_way);
    under_way = {bucket, std::move(packed_lines)};
  }
  bool advance_write() override {
    REQUIRE(under_way);
    return is_at_work;
  }
  Result<HttpAnswer> end_write() override {
    REQUIRE(under_way);
    const auto [bucket, lines] = *std::exchange(under_way, {});
    return write(bucket, lines);
  }
  void abandon_write() override {
    REQUIRE(under_way);
    under_way.reset();
  }

  std::optional<std::pair<std::string, std::string>> under_way;  // bucket, lines
  bool is_at_work = true;

 protected:
  Time now_{std::chrono::seconds{1000}};

 private:
  const std::string where_ = "influxdb://test";
};

// Answers as its script says, then with 204; its time passes only while somebody waits for it.
class ScriptedServer final : public TestServer {
 public:
  std::deque<Result<HttpAnswer>> script;
  std::vector<std::string> written;  // all that came
  std::vector<std::string> buckets;  // that were made
  std::vector<Duration> waits;

  Result<HttpAnswer> write(const std::string&, std::string_view lines) override {
    written.emplace_back(lines);
    if (script.empty()) return HttpAnswer{204, {}, {}};
    auto answer = script.front();
    script.pop_front();
    return answer;
  }
  Result<void> make_bucket(const std::string& bucket) override {
    buckets.push_back(bucket);
    return {};
  }
  void wait(Duration duration) override {
    waits.push_back(duration);
    now_ += duration;
  }
};

HttpAnswer answer(int status, const std::string& message = "",
                  std::optional<Duration> retry_after = {}) {
  return {status, R"({"code": "x", "message": )" + wire::json_text(message) + "}", retry_after};
}

LineBatch batch_of(const std::vector<std::string>& lines) {
  LineBatch batch;
  for (const std::string& line : lines) {
    batch.text += line + "\n";
    batch.end_line();
  }
  return batch;
}

struct Sender {
  std::vector<std::string> refused;
  ScriptedServer server;
  LineSender sender{server, std::chrono::seconds{10}, 1, [this](const LineSender::Refused& one) {
                      refused.push_back(std::string(one.line) + ": " + std::string(one.why));
                    }};
};

}  // namespace

TEST_CASE("lines that the server names as bad are dropped, the others go on") {
  Sender s;
  const LineBatch batch =
      batch_of({"a v=1 1", "b v=x 2", "c t=\"two\nlines': no\" 3", "d v=4 4", "e,= v=5 5"});
  s.server.script.push_back(answer(400,
                                   "unable to parse 'b v=x 2': invalid boolean\n"
                                   "unable to parse 'e,= v=5 5': missing tag key"));
  must(s.sender.send("x", batch));
  CHECK(s.server.written ==
        std::vector<std::string>{batch.text, "a v=1 1\n", "c t=\"two\nlines': no\" 3\nd v=4 4\n"});
  CHECK(s.refused ==
        std::vector<std::string>{"b v=x 2: invalid boolean", "e,= v=5 5: missing tag key"});
  CHECK(s.sender.refused() == 2);
}

TEST_CASE("a bad line is found by halves where the server doesn't name it, or cuts it") {
  Sender s;
  std::set<std::string> stored;
  struct Picky final : TestServer {
    std::set<std::string>& stored;
    explicit Picky(std::set<std::string>& set) : stored(set) {}
    Result<HttpAnswer> write(const std::string&, std::string_view lines) override {
      if (lines.find("bad") != std::string_view::npos)
        return answer(400, "unable to parse 'x ba...': invalid");
      for (std::size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1)
        stored.emplace(lines.substr(at, lines.find('\n', at) - at));
      return HttpAnswer{204, {}, {}};
    }
  } picky(stored);
  std::vector<std::string> refused;
  LineSender sender(picky, std::chrono::seconds{1}, 1,
                    [&](const LineSender::Refused& one) { refused.emplace_back(one.line); });
  std::vector<std::string> lines;
  for (int i = 0; i < 1000; ++i)
    lines.push_back(fmt::format("x {}=1 {}", i % 333 == 7 ? "bad" : "v", i));
  must(sender.send("x", batch_of(lines)));
  CHECK(refused == std::vector<std::string>{"x bad=1 7", "x bad=1 340", "x bad=1 673"});
  CHECK(stored.size() == 997);
}

TEST_CASE("lines that were dropped from a batch are looked for, and told one by one") {
  Sender s;
  const LineBatch batch = batch_of({"a v=1 1", "b v=2 2", "c v=3 3"});
  const auto partial =
      answer(422, "failure writing points: partial write: type conflict dropped=1");
  s.server.script = {partial, answer(204), partial, answer(204), partial};
  must(s.sender.send("x", batch));
  CHECK(s.server.written == std::vector<std::string>{batch.text, "a v=1 1\n", "b v=2 2\nc v=3 3\n",
                                                     "b v=2 2\n", "c v=3 3\n"});
  REQUIRE(s.refused.size() == 1);
  CHECK(s.refused[0].starts_with("c v=3 3: failure writing points"));
}

TEST_CASE("where too many were dropped to look for each, all of them are counted") {
  struct Dropping final : TestServer {
    Result<HttpAnswer> write(const std::string&, std::string_view lines) override {
      const auto count = std::count(lines.begin(), lines.end(), '\n');
      return answer(422, fmt::format("partial write: dropped {0} points outside retention policy "
                                     "dropped={0} for database: x",
                                     count));
    }
  } dropping;
  LineSender sender(dropping, std::chrono::seconds{1}, 1, [](const LineSender::Refused&) {});
  must(sender.send("x", batch_of(std::vector<std::string>(5000, "a v=1 1"))));
  CHECK(sender.refused() == 5000);
}

TEST_CASE("a batch that is too large is halved, a line that is too large is dropped") {
  Sender s;
  const LineBatch batch = batch_of({"a v=1 1", "large v=2 2"});
  s.server.script = {answer(413, "too large"), answer(204), answer(413, "too large")};
  must(s.sender.send("x", batch));
  CHECK(s.server.written == std::vector<std::string>{batch.text, "a v=1 1\n", "large v=2 2\n"});
  CHECK(s.refused == std::vector<std::string>{"large v=2 2: too large"});
}

TEST_CASE("a bucket that isn't there is made once") {
  Sender s;
  const LineBatch batch = batch_of({"a v=1 1"});
  const auto missing = answer(404, "bucket \"x\" not found");
  s.server.script = {missing};
  must(s.sender.send("x", batch));
  CHECK(s.server.buckets == std::vector<std::string>{"x"});
  CHECK(s.server.written.size() == 2);
  s.server.script = {missing, missing};
  const auto again = s.sender.send("x", batch);
  REQUIRE_FALSE(again.ok());
  CHECK(again.error().code == ErrorCode::kNotFound);
}

TEST_CASE("a wrong token or organisation is an Error at once, with the mend") {
  for (const auto& [status, message, hint] :
       {std::tuple{401, "unauthorized access", "token"},
        std::tuple{404, "organization name \"x\" not found", "organisation"}}) {
    Sender s;
    s.server.script = {answer(status, message)};
    const auto sent = s.sender.send("x", batch_of({"a v=1 1"}));
    REQUIRE_FALSE(sent.ok());
    CHECK(sent.error().why.find(message) != std::string::npos);
    CHECK(sent.error().hint.find(hint) != std::string::npos);
    CHECK(s.server.waits.empty());
    CHECK(s.sender.refused() == 0);
  }
}

TEST_CASE("a server that can't now is tried again, later each time, and given up after a while") {
  Sender s;
  const Error cut{ErrorCode::kUnavailable, "can't reach InfluxDB", "x", "connection reset", {}};
  s.server.script = {answer(503, "busy"), cut, answer(500, "engine: cache full"),
                     answer(429, "slow")};
  must(s.sender.send("x", batch_of({"a v=1 1"})));
  CHECK(s.server.written.size() == 5);
  REQUIRE(s.server.waits.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    const Duration step = std::chrono::milliseconds{100 << i};
    CHECK(s.server.waits[i] >= step / 2);
    CHECK(s.server.waits[i] <= step);
  }
  s.server.script.assign(100, answer(503, "busy"));
  const Time before = s.server.now();
  const auto sent = s.sender.send("x", batch_of({"a v=1 1"}));
  REQUIRE_FALSE(sent.ok());
  CHECK(sent.error().code == ErrorCode::kUnavailable);
  CHECK(sent.error().why.find("busy") != std::string::npos);
  CHECK(s.server.now() - before <= std::chrono::seconds{10});
  CHECK(s.server.now() - before >= std::chrono::seconds{4});
}

TEST_CASE("a server that asks to wait is left alone that long, by later calls too") {
  Sender s;
  s.server.script = {answer(429, "slow", std::chrono::seconds{3})};
  must(s.sender.send("x", batch_of({"a v=1 1"})));
  CHECK(s.server.waits == std::vector<Duration>{std::chrono::seconds{3}});
  s.server.script = {answer(503, "down", std::chrono::seconds{60})};
  CHECK_FALSE(s.sender.send("x", batch_of({"a v=1 1"})).ok());
  const std::size_t written = s.server.written.size();
  CHECK_FALSE(s.sender.send("x", batch_of({"a v=1 1"})).ok());
  CHECK(s.server.written.size() == written);
  s.server.wait(std::chrono::seconds{60});
  must(s.sender.send("x", batch_of({"a v=1 1"})));
}

TEST_CASE("a server that is too slow for large batches gets smaller ones") {
  struct Slow final : TestServer {
    std::set<std::string> stored;
    int timeouts = 0;
    Result<HttpAnswer> write(const std::string&, std::string_view lines) override {
      if (std::count(lines.begin(), lines.end(), '\n') > 500) {
        now_ += std::chrono::seconds{10};
        ++timeouts;
        return Error{ErrorCode::kUnavailable, "can't reach InfluxDB", "x", "timed out", {}};
      }
      for (std::size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1)
        stored.emplace(lines.substr(at, lines.find('\n', at) - at));
      return HttpAnswer{204, {}, {}};
    }
  } slow;
  LineSender sender(slow, std::chrono::seconds{10}, 1, [](const LineSender::Refused&) {});
  std::vector<std::string> lines;
  for (int i = 0; i < 10'000; ++i) lines.push_back(fmt::format("x v=1 {}", i));
  const LineBatch batch = batch_of(lines);
  int calls = 1;
  while (!sender.send("x", batch).ok() && calls < 20) ++calls;
  CHECK(calls < 20);
  CHECK(slow.stored.size() == 10'000);
}

TEST_CASE("the next lines are made while the server works at those before") {
  Sender s;
  LineBatch first = batch_of({"a v=1 1"});
  must(s.sender.begin("x", first));
  CHECK(first.size() == 0);
  CHECK(first.text.empty());
  REQUIRE(s.server.under_way);
  CHECK(s.server.written.empty());
  CHECK(s.sender.advance());
  s.server.is_at_work = false;
  CHECK_FALSE(s.sender.advance());
  LineBatch second = batch_of({"b v=2 2", "c v=3 3"});
  must(s.sender.begin("y", second));
  CHECK(s.server.written == std::vector<std::string>{"a v=1 1\n"});
  REQUIRE(s.server.under_way);
  CHECK(s.server.under_way->first == "y");
  must(s.sender.end());
  CHECK(s.server.written.back() == "b v=2 2\nc v=3 3\n");
  CHECK_FALSE(s.server.under_way);
  CHECK_FALSE(s.sender.advance());
  must(s.sender.end());  // nothing is left of it
  CHECK(s.server.written.size() == 2);
}

TEST_CASE("what became of lines that were begun is told by the next call, and seen to by it") {
  Sender s;
  LineBatch batch = batch_of({"a v=1 1", "b v=x 2"});
  s.server.script = {answer(503, "busy"), answer(400, "unable to parse 'b v=x 2': invalid")};
  must(s.sender.begin("x", batch));
  CHECK(s.server.waits.empty());
  batch = batch_of({"c v=3 3"});
  must(s.sender.begin("x", batch));
  CHECK(s.server.waits.size() == 1);
  CHECK(s.refused == std::vector<std::string>{"b v=x 2: invalid"});
  CHECK(s.server.written.back() == "a v=1 1\n");
  must(s.sender.end());
  CHECK(s.server.written.back() == "c v=3 3\n");

  s.server.script = {answer(401, "unauthorized access")};
  batch = batch_of({"d v=4 4"});
  must(s.sender.begin("x", batch));
  batch = batch_of({"e v=5 5"});
  CHECK_FALSE(s.sender.begin("x", batch).ok());
  CHECK_FALSE(s.server.under_way);
  must(s.sender.end());
  CHECK(s.server.written.back() == "d v=4 4\n");
}

TEST_CASE("lines that are given up aren't waited for, and don't come back") {
  Sender s;
  LineBatch batch = batch_of({"a v=1 1"});
  must(s.sender.begin("x", batch));
  s.sender.abandon();
  CHECK_FALSE(s.server.under_way);
  must(s.sender.send("x", batch_of({"b v=2 2"})));
  CHECK(s.server.written == std::vector<std::string>{"b v=2 2\n"});
}
