// A log's times and requests as they are sent again: by their order, and by what they are like. The
// bounds on what stays of a log's bursts are those that users are promised.
#include "load/replay.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/random.h"
#include "base/test_fixture.h"

namespace galileo::load {
namespace {

using wire::RecordedRequest;
using wire::RecordFault;

constexpr Duration kSecond = std::chrono::seconds{1};

RecordedRequest request_at(Duration at, const std::string& target = "/") {
  RecordedRequest request;
  request.at = Wall{std::chrono::hours{24 * 365 * 50} + at};
  request.method = "GET";
  request.target = target;
  return request;
}

// A log whose rate is drawn anew every two minutes, as an exponential of a normal draw: much
// burstier than chance in windows of any of the sizes.
std::vector<Duration> bursty_log(std::uint64_t seed, double hours, double rps) {
  Random random(seed);
  std::vector<Duration> times;
  double at_s = 0;
  double rate = rps;
  double until_s = 0;
  while (at_s < hours * 3600) {
    if (at_s >= until_s) {
      rate = rps * std::exp(random.normalvariate(0, 0.7));
      until_s += 120;
    }
    at_s += random.expovariate(rate);
    times.push_back(from_seconds(at_s));
  }
  return times;
}

Replay replayed(const std::vector<Duration>& times, const ReplayOptions& options) {
  ReplayMaker maker(options);
  for (const Duration time : times) {
    RecordedRequest request = request_at(time);
    maker.request(request);
  }
  return must(maker.finish());
}

std::vector<Duration> times_of(const Replay& replay) {
  std::vector<Duration> times;
  for (const RequestList::Entry& entry : replay.list.entries()) times.push_back(entry.at);
  return times;
}

struct Counted {
  double mean = 0;
  double variance = 0;
  // By what it is burstier than chance.
  double excess() const { return (variance - mean) / (mean * mean); }
  double dispersion() const { return variance / mean; }
};

Counted counted(const std::vector<Duration>& times, Duration window) {
  std::vector<double> counts(static_cast<std::size_t>(times.back() / window));
  for (const Duration time : times) {
    const auto at = static_cast<std::size_t>(time / window);
    if (at < counts.size()) counts[at] += 1;
  }
  Counted of;
  const auto number = static_cast<double>(counts.size());
  for (const double count : counts) of.mean += count / number;
  for (const double count : counts)
    of.variance += (count - of.mean) * (count - of.mean) / (number - 1);
  return of;
}

}  // namespace

TEST_CASE("records out of order don't become waits, and the length is the log's over the speed") {
  for (const double speed : {0.1, 0.5, 1.0, 2.0, 7.0, 100.0}) {
    ReplayOptions options;
    options.speed = speed;
    ReplayMaker maker(options);
    for (const int at_ms : {5000, 0, 1500, 1500, 200, 76'000}) {
      RecordedRequest request = request_at(std::chrono::milliseconds{at_ms}, std::to_string(at_ms));
      maker.request(request);
    }
    const Replay replay = must(maker.finish());
    CHECK(replay.counts.out_of_order == 2);
    CHECK(replay.log_length == std::chrono::seconds{76});
    REQUIRE(replay.list.size() == 6);
    const auto& entries = replay.list.entries();
    CHECK(entries.front().at == Duration{0});
    CHECK(std::abs((entries.back().at - from_seconds(76 / speed)).count()) <= 1);
    CHECK(replay.list.text(entries[1].target) == "200");
    CHECK(std::is_sorted(entries.begin(), entries.end(),
                         [](const auto& a, const auto& b) { return a.at < b.at; }));
    const std::vector<double> gaps = gaps_of(replay.list);
    double sum = 0;
    for (const double gap : gaps) sum += gap;
    CHECK(sum == doctest::Approx(76 / speed));
  }
}

TEST_CASE("ends are set back by what the requests took, and others are said to be ends") {
  ReplayMaker maker(ReplayOptions{});
  for (const int took_ms : {3000, -1, 0}) {
    RecordedRequest request = request_at(10 * kSecond, std::to_string(took_ms));
    request.mark = wire::TimeMark::kEnd;
    if (took_ms >= 0) request.took = std::chrono::milliseconds{took_ms};
    maker.request(request);
  }
  RecordedRequest start = request_at(8 * kSecond, "start");
  start.took = kSecond;
  maker.request(start);
  const Replay replay = must(maker.finish());
  CHECK(replay.counts.set_back == 2);
  CHECK(replay.counts.ends == 1);
  CHECK(times_of(replay) == std::vector<Duration>{Duration{0}, kSecond, 3 * kSecond, 3 * kSecond});
  CHECK(replay.list.text(replay.list.entries()[0].target) == "3000");
}

TEST_CASE(
    "whole seconds are spread inside of their second, in the order of the lines, by the seed") {
  const auto spread = [](std::uint64_t seed) {
    ReplayOptions options;
    options.seed = seed;
    ReplayMaker maker(options);
    for (int i = 0; i < 3000; ++i) {
      RecordedRequest request = request_at(i / 1000 * 10 * kSecond, std::to_string(i));
      request.whole_second = true;
      maker.request(request);
    }
    return must(maker.finish());
  };
  const Replay replay = spread(1);
  CHECK(replay.counts.whole_seconds == 3000);
  double sum_s = 0;
  for (std::size_t i = 0; i < 3000; ++i) {
    const RequestList::Entry& entry = replay.list.entries()[i];
    CHECK(replay.list.text(entry.target) == std::to_string(i));
    sum_s += to_seconds(entry.at) - static_cast<double>(i / 1000 * 10);
  }
  CHECK(sum_s / 3000 == doctest::Approx(0.5).epsilon(0.05));
  CHECK(times_of(spread(1)) == times_of(replay));
  CHECK(times_of(spread(2)) != times_of(replay));
}

TEST_CASE(
    "a share of a log keeps by what it is burstier than chance, in windows of 1, 10 and 60 s") {
  for (const std::uint64_t seed : {1u, 2u}) {
    const std::vector<Duration> log = bursty_log(seed, 2, 30);
    ReplayOptions options;
    options.seed = seed;
    const std::vector<Duration> whole = times_of(replayed(log, options));
    for (const double share : {0.1, 0.5}) {
      options.share = share;
      const Replay thinned = replayed(log, options);
      CHECK(static_cast<double>(thinned.list.size()) ==
            doctest::Approx(share * static_cast<double>(log.size())).epsilon(0.02));
      for (const int window_s : kDispersionWindows_s) {
        CAPTURE(window_s);
        const double before = counted(whole, window_s * kSecond).excess();
        const double after = counted(times_of(thinned), window_s * kSecond).excess();
        CHECK(after == doctest::Approx(before).epsilon(0.1));
      }
      if (share > 0.1) continue;
      // Twice the same, and at another speed the same requests.
      CHECK(times_of(replayed(log, options)) == times_of(thinned));
      options.speed = 100;
      CHECK(replayed(log, options).list.size() == thinned.list.size());
      options.speed = 1;
    }
  }
}

TEST_CASE("copies of a log keep its index of dispersion, in windows of 1, 10 and 60 s") {
  for (const std::uint64_t seed : {1u, 2u}) {
    const std::vector<Duration> log = bursty_log(seed, 3, 4);
    ReplayOptions options;
    options.seed = seed;
    const Replay whole = replayed(log, options);
    for (const std::uint32_t copies : {2u, 5u, 10u}) {
      options.copies = copies;
      const Replay laid = replayed(log, options);
      CHECK(laid.list.size() == copies * log.size());
      CHECK(laid.list.entries().back().at == whole.list.entries().back().at);
      for (const int window_s : kDispersionWindows_s) {
        CAPTURE(window_s);
        CHECK(counted(times_of(laid), window_s * kSecond).dispersion() ==
              doctest::Approx(counted(times_of(whole), window_s * kSecond).dispersion())
                  .epsilon(0.1));
      }
      if (copies == 2) CHECK(times_of(replayed(log, options)) == times_of(laid));
    }
  }
}

TEST_CASE("copies of a log that has one rush hour keep its dispersion too") {
  // A day's wave: copies that are laid evenly would cancel it, copies that meet would double it.
  Random random(1);
  std::vector<Duration> log;
  double at_s = 0;
  while (at_s < 7200) {
    const double rate = 20 * (1.05 + std::sin(at_s / 7200 * 2 * 3.14159265));
    at_s += random.expovariate(rate);
    log.push_back(from_seconds(at_s));
  }
  ReplayOptions options;
  const double before = counted(times_of(replayed(log, options)), 60 * kSecond).dispersion();
  CHECK(before > 100);
  for (const std::uint32_t copies : {2u, 4u, 10u}) {
    options.copies = copies;
    const Replay laid = replayed(log, options);
    CHECK(counted(times_of(laid), 60 * kSecond).dispersion() ==
          doctest::Approx(before).epsilon(0.1));
    REQUIRE(laid.dispersion_ratio[2].has_value());
    CHECK(*laid.dispersion_ratio[2] == doctest::Approx(1).epsilon(0.06));
  }
}

TEST_CASE("a log of one request, or of one moment, has copies too") {
  ReplayOptions options;
  options.copies = 3;
  CHECK(replayed({kSecond}, options).list.size() == 3);
  const Replay replay = replayed({kSecond, kSecond}, options);
  CHECK(times_of(replay) == std::vector<Duration>(6, Duration{0}));
  CHECK(replay.log_length == Duration{0});
}

TEST_CASE("bodies that the log hasn't are skipped, empty or given, and counted") {
  using Bodies = ReplayOptions::Bodies;
  for (const Bodies bodies : {Bodies::kEmpty, Bodies::kSkip, Bodies::kGiven}) {
    ReplayOptions options;
    options.bodies = bodies;
    options.body = "given";
    ReplayMaker maker(options);
    for (const char* method : {"GET", "POST", "PUT", "DELETE", "PATCH"}) {
      RecordedRequest request = request_at(Duration{0});
      request.method = method;
      maker.request(request);
    }
    RecordedRequest recorded = request_at(kSecond);
    recorded.method = "POST";
    recorded.body = "recorded";
    recorded.has_body = true;
    maker.request(recorded);
    const Replay replay = must(maker.finish());
    const bool skips = bodies == Bodies::kSkip;
    CHECK(replay.counts.read == 6);
    CHECK(replay.counts.sent == (skips ? 3 : 6));
    CHECK(replay.counts.all_skipped() == (skips ? 3 : 0));
    CHECK(replay.counts.bodies == (skips ? 0 : 3));
    const auto& entries = replay.list.entries();
    CHECK(entries[0].body == 0);
    CHECK(replay.list.text(entries.back().body) == "recorded");
    if (skips) continue;
    CHECK(entries[1].body != 0);
    CHECK(replay.list.text(entries[1].body) == (bodies == Bodies::kGiven ? "given" : ""));
  }
}

TEST_CASE("more than half of the records unread is an error with the first of them") {
  const auto with = [](int good, int unread, int others) {
    ReplayMaker maker(ReplayOptions{});
    for (int i = 0; i < others; ++i) maker.skipped(RecordFault::no_request, 1, "-");
    for (int i = 0; i < unread; ++i)
      maker.skipped(RecordFault::no_time, static_cast<std::uint64_t>(7 + i), "what is this");
    for (int i = 0; i < good; ++i) {
      RecordedRequest request = request_at(Duration{i});
      maker.request(request);
    }
    return maker.finish();
  };
  const auto half = with(10, 10, 0);
  REQUIRE(half.ok());
  CHECK(half->counts.read == 20);
  CHECK(half->counts.read == half->counts.sent + half->counts.all_skipped());
  CHECK(half->counts.unread_number == 7);
  CHECK(with(1, 10, 10).ok());
  const auto more = with(10, 11, 0);
  REQUIRE_FALSE(more.ok());
  CHECK(more.error().why ==
        "11 of 21 records can't be read; the first one is record 7: no time that can be read: "
        "what is this");
  CHECK_FALSE(with(0, 0, 5).ok());
  CHECK_FALSE(with(0, 0, 0).ok());
}

TEST_CASE("the same texts are kept once") {
  ReplayMaker maker(ReplayOptions{});
  for (int i = 0; i < 100'000; ++i) {
    RecordedRequest request = request_at(Duration{i}, "/path/" + std::to_string(i % 1000));
    request.headers = {{"User-Agent", std::string(100, 'u')}};
    maker.request(request);
  }
  const Replay replay = must(maker.finish());
  CHECK(replay.list.bytes() < 100'000 * 24 + (1 << 22));
  std::size_t headers = 0;
  for (const RequestList::Entry& entry : replay.list.entries())
    replay.list.each_header(entry, [&](std::string_view name, std::string_view value) {
      headers += name == "User-Agent" && value.size() == 100 ? 1 : 0;
    });
  CHECK(headers == 100'000);
}

TEST_CASE("texts of any size are kept, small behind large") {
  TextTable table;
  std::vector<std::uint32_t> numbers;
  const auto text = [](std::size_t i) {
    return std::string(i % 7 == 0 ? 700'000 : i % 3 * 1000, static_cast<char>('a' + i % 26)) +
           std::to_string(i);
  };
  for (std::size_t i = 0; i < 3000; ++i) numbers.push_back(table.add(text(i % 1500)));
  CHECK(std::set<std::uint32_t>(numbers.begin(), numbers.end()).size() == 1500);
  const std::uint32_t empty = table.add("");
  CHECK(empty != 0);
  CHECK(table.add("") == empty);
  table.close();
  for (std::size_t i = 0; i < 1500; ++i) CHECK(table.text(numbers[i]) == text(i));
}

}  // namespace galileo::load
