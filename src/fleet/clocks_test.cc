#include "fleet/clocks.h"

#include "base/random.h"
#include "fleet/controller_fixture.h"

using namespace galileo;
using namespace galileo::fleet;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

const Wall kStart{std::chrono::seconds{1'700'000'000}};

// One exchange with a clock that is `offset` ahead, after so long there and so long back.
void exchange(ClockEstimator& estimator, Duration offset, Duration there, Duration back) {
  estimator.add(kStart, kStart + there + offset, kStart + there + back);
}

}  // namespace

TEST_CASE("Ways of the same length: the offset is exact, whatever it is") {
  for (const Duration offset :
       {Duration{0}, Duration{milliseconds{-250}}, Duration{std::chrono::hours{3}}}) {
    ClockEstimator estimator;
    CHECK_FALSE(estimator.result());
    exchange(estimator, offset, microseconds{300}, microseconds{300});
    REQUIRE(estimator.result());
    CHECK(estimator.result()->offset == offset);
    CHECK(estimator.result()->uncertainty == microseconds{300});
  }
}

TEST_CASE("Ways of any lengths: the true offset is always within the uncertainty") {
  Random random(11);
  for (int round = 0; round < 1000; ++round) {
    const Duration offset =
        microseconds{static_cast<std::int64_t>(random.below(2'000'000)) - 1'000'000};
    ClockEstimator estimator;
    Duration quickest = std::chrono::hours{1};
    for (int i = 0; i < 16; ++i) {
      const Duration there = microseconds{random.below(5000)};
      const Duration back = microseconds{random.below(200)};  // the way there takes most of it
      exchange(estimator, offset, there, back);
      quickest = std::min(quickest, there + back);
    }
    const ClockOffset told = *estimator.result();
    CHECK(told.uncertainty == quickest / 2);
    CHECK(std::chrono::abs(told.offset - offset) <= told.uncertainty + Duration{1});
  }
}

TEST_CASE("A slow exchange changes nothing, one that ended before it began says nothing") {
  ClockEstimator estimator;
  exchange(estimator, milliseconds{5}, microseconds{10}, microseconds{10});
  const auto told = estimator.result();
  exchange(estimator, milliseconds{5}, milliseconds{40}, microseconds{10});
  estimator.add(kStart, kStart, kStart - Duration{1});
  CHECK(estimator.result() == told);
}

TEST_CASE("Measured over the bus: a worker whose clock is ahead, and an old one without a clock") {
  const auto bus = bus::make_in_process();
  Controller controller(*bus);
  const net::RealClock clock;
  const WallClock& ours = controller.wall_clock();
  FakeWorker ahead(*bus, "ahead");
  int asked = 0;
  ahead.serve(clock_function("ahead"), [&](auto&) {
    ++asked;
    const Wall there = ours.wall(clock.now()) + std::chrono::seconds{2};
    return FakeWorker::json(std::to_string(there.time_since_epoch().count()));
  });
  const auto offset = must(controller.measure_clock("ahead"));
  REQUIRE(offset);
  CHECK(asked == kClockExchanges);
  CHECK(std::chrono::abs(offset->offset - std::chrono::seconds{2}) <= offset->uncertainty);
  CHECK(offset->uncertainty < std::chrono::seconds{1});
  FakeWorker old(*bus, "old");
  CHECK_FALSE(must(controller.measure_clock("old")));
}

TEST_CASE("What isn't a time is an Error that quotes it") {
  const auto bus = bus::make_in_process();
  Controller controller(*bus);
  FakeWorker odd(*bus, "odd");
  odd.serve(clock_function("odd"), [](auto&) { return FakeWorker::json("1.5"); });
  CHECK(failure_of(controller.measure_clock("odd")).why == "its answer '1.5' isn't a time");
}
