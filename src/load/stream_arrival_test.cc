#include "load/stream_arrival.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "load/schedule.h"

namespace galileo::load {
namespace {

std::vector<Duration> drain(Arrival& arrival) {
  Random random(1);
  std::vector<Duration> times;
  while (const auto at = arrival.next(random)) times.push_back(*at);
  return times;
}

TEST_CASE("a stream in chunks is due when the whole list would be, to the nanosecond") {
  std::vector<double> list;
  Random random(3);
  for (int i = 0; i < 1000; ++i) list.push_back(random.uniform(-0.001, 0.003));
  ArrivalSpec spec{"prerecorded", {}, list, "static"};
  const std::vector<Duration> whole = drain(**make_arrival(spec));
  REQUIRE(whole.size() == 1000);
  StreamArrival stream;
  std::vector<Duration> times;
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t size = std::min<std::size_t>(1 + random.below(40), list.size() - at);
    stream.append({list.begin() + static_cast<std::ptrdiff_t>(at),
                   list.begin() + static_cast<std::ptrdiff_t>(at + size)});
    at += size;
    for (const Duration due : drain(stream)) times.push_back(due);
    CHECK(stream.waiting());
  }
  stream.end();
  CHECK_FALSE(stream.waiting());
  CHECK(drain(stream).empty());
  CHECK(times == whole);
}

TEST_CASE("a stream asks for more when half of it is used, and counts its room") {
  StreamArrival stream;
  Random random(1);
  CHECK(stream.wants_more());
  CHECK(stream.room() == kStreamCapacity);
  stream.append(std::vector<double>(kStreamCapacity, 0.001));
  CHECK(stream.room() == 0);
  for (std::size_t i = 1; i < kStreamCapacity / 2; ++i) stream.next(random);
  CHECK_FALSE(stream.wants_more());
  stream.next(random);
  CHECK(stream.wants_more());
  CHECK(stream.room() == kStreamCapacity / 2);
  CHECK(stream.taken() == kStreamCapacity / 2);
  stream.end();
  CHECK_FALSE(stream.wants_more());
}

TEST_CASE("what is appended after the end isn't taken") {
  StreamArrival stream;
  stream.append({1});
  stream.end();
  stream.append({1});
  CHECK(drain(stream).size() == 1);
}

TEST_CASE("a stream that goes beyond the horizon has ended") {
  StreamArrival stream;
  stream.append({1, 1e300, 1});
  CHECK(drain(stream).size() == 1);
  CHECK_FALSE(stream.waiting());
  CHECK(stream.room() == kStreamCapacity);
}

TEST_CASE("an entry that isn't a number is named") {
  CHECK(check_inter_arrivals({0, -1, 1e300}).ok());
  for (const double wrong : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    const auto checked = check_inter_arrivals({1, wrong});
    REQUIRE_FALSE(checked.ok());
    CHECK(checked.error().what == "inter-arrival 2 of the list isn't finite");
  }
}

TEST_CASE("a schedule over a stream waits for it, and ends with its number of requests") {
  auto owned = std::make_unique<StreamArrival>();
  StreamArrival& stream = *owned;
  Schedule schedule(std::move(owned), Random(1), std::nullopt, 3);
  CHECK_FALSE(schedule.next());
  CHECK(schedule.waiting());
  stream.append({0.5, 0.5});
  CHECK(schedule.next()->at == seconds(0.5));
  CHECK(schedule.next()->number == 2);
  CHECK_FALSE(schedule.next());
  CHECK(schedule.waiting());
  stream.append({0.5, 0.5, 0.5});
  CHECK(schedule.next()->at == seconds(1.5));
  CHECK_FALSE(schedule.next());
  CHECK_FALSE(schedule.waiting());
}

TEST_CASE("a duration ends a schedule over a stream for good") {
  auto owned = std::make_unique<StreamArrival>();
  owned->append({1, 1, 1});
  Schedule schedule(std::move(owned), Random(1), seconds(2), std::nullopt);
  CHECK(schedule.next());
  CHECK(schedule.next());
  CHECK_FALSE(schedule.next());
  CHECK_FALSE(schedule.waiting());
}

}  // namespace
}  // namespace galileo::load
