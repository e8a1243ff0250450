#include "wire/trace_context.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace galileo;

namespace {

std::string text_of(const wire::Traceparent& of) {
  const auto text = wire::to_chars(of);
  return {text.data(), text.size()};
}

constexpr const char* kExample = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

}  // namespace

TEST_CASE("a traceparent is written and read as the recommendation has it") {
  const auto read = wire::parse_traceparent(kExample);
  REQUIRE(read);
  CHECK(read->trace == wire::TraceId{0x4bf92f3577b34da6u, 0xa3ce929d0e0e4736u});
  CHECK(read->span == 0x00f067aa0ba902b7u);
  CHECK(read->sampled);
  CHECK(text_of(*read) == kExample);
  CHECK(wire::to_text(read->trace) == "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK(wire::to_text(wire::TraceId{}).empty());
}

TEST_CASE("a traceparent that servers pass over is none, and one of a version to come is read") {
  const std::string good = kExample;
  const auto with = [&](std::size_t at, char c) {
    std::string text = good;
    text[at] = c;
    return text;
  };
  for (const std::string& bad :
       {std::string(), good.substr(1), good + "0", good + "-", with(0, 'f').replace(1, 1, "f"),
        with(2, '_'), with(3, 'A'), with(10, 'g'), with(35, '0'), with(52, '0'), with(53, 'x'),
        std::string("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
        std::string("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01")}) {
    INFO(bad);
    CHECK_FALSE(wire::parse_traceparent(bad));
  }
  CHECK(wire::parse_traceparent("cc" + good.substr(2) + "-what-comes"));
  CHECK_FALSE(wire::parse_traceparent("cc" + good.substr(2) + ".what-comes"));
  CHECK_FALSE(wire::parse_traceparent(with(54, '2'))->sampled);
}

TEST_CASE("ids are the same for the same seed and number, and others for any other") {
  std::set<std::string> seen;
  std::set<std::uint64_t> spans;
  for (std::uint64_t seed : {0u, 1u, 42u}) {
    for (std::uint64_t stream = 0; stream < 20; ++stream) {
      const wire::TraceIds ids(seed, stream);
      for (std::uint64_t number = 1; number <= 1000; ++number) {
        const wire::TraceId id = ids.of(number);
        CHECK_FALSE(id.is_none());
        CHECK(id == wire::TraceIds(seed, stream).of(number));
        seen.insert(wire::to_text(id));
        spans.insert(wire::span_of(id));
      }
    }
  }
  CHECK(seen.size() == 60'000);
  CHECK(spans.size() == 60'000);
  CHECK_FALSE(spans.contains(0));
  // A promise: who makes a run again finds its traces.
  CHECK(wire::to_text(wire::TraceIds(7, 0).of(1)) == "9e4960b7dcb2a6ee110f6dcfde425cbf");
}

TEST_CASE("the share of traces that are sampled is the share that was asked for") {
  const wire::TraceIds ids(1, 0);
  for (const double share : {0.0, 0.01, 0.1, 0.5, 1.0}) {
    int sampled = 0;
    for (std::uint64_t number = 1; number <= 100'000; ++number)
      sampled += wire::is_sampled(ids.of(number), share) ? 1 : 0;
    INFO(share);
    CHECK(sampled == doctest::Approx(share * 100'000).epsilon(0.05));
  }
  // Whoever is sampled at a small share is at a greater one.
  for (std::uint64_t number = 1; number <= 1'000; ++number) {
    if (wire::is_sampled(ids.of(number), 0.1)) CHECK(wire::is_sampled(ids.of(number), 0.2));
  }
  CHECK_FALSE(wire::is_sampled({1, ~std::uint64_t{0}}, 0));
  CHECK(wire::is_sampled({1, 0}, 1));
}
