#include "experiment/node_watch.h"

#include <doctest/doctest.h>

namespace galileo::experiment {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kLasts = seconds{40};

// One node that is looked at each second.
struct Node {
  NodeSilence silence;
  Time now{seconds{1000}};
  int version = 1;

  // Until it changes; how long that took.
  std::optional<Duration> wait(Duration longest, Duration renewed_every = Duration{0}) {
    const Time began = now;
    while (now - began < longest) {
      now += seconds{1};
      const bool is_renewed =
          renewed_every > Duration{0} && (now - began) % renewed_every < seconds{1};
      if (is_renewed) ++version;
      if (silence.on_lease("node1", std::to_string(version), kLasts, now)) return now - began;
    }
    return std::nullopt;
  }
};

}  // namespace

TEST_CASE("a node whose lease isn't renewed is silent soon, and heard of when it is") {
  Node node;
  CHECK_FALSE(node.wait(seconds{100}, seconds{10}));
  CHECK_FALSE(node.silence.is_silent("node1"));
  // At most a second after its last renewal it was seen, and at most 15 after one was due.
  const auto took = node.wait(seconds{100});
  REQUIRE(took);
  CHECK(*took >= seconds{20});
  CHECK(*took <= seconds{24});
  CHECK(node.silence.is_silent("node1"));
  CHECK(node.silence.unheard("node1", node.now) >= seconds{20});
  ++node.version;
  CHECK(node.wait(seconds{2}) == seconds{1});
  CHECK_FALSE(node.silence.is_silent("node1"));
}

TEST_CASE("a renewal that is missed once is no silence") {
  Node node;
  CHECK_FALSE(node.wait(seconds{100}, seconds{20}));
}

TEST_CASE("time in which nobody could look isn't silence, however long") {
  // Given an API server that is away for a minute, or a process that was stopped.
  Node node;
  CHECK_FALSE(node.wait(seconds{10}, seconds{10}));
  node.now += seconds{60};
  // The kubelet needs some seconds to find it again.
  CHECK_FALSE(node.wait(seconds{10}));
  // What it did before and after is counted as one.
  CHECK(node.wait(seconds{20}));
}

TEST_CASE("a node without a lease, and one that was never looked at, isn't silent") {
  NodeSilence silence;
  CHECK_FALSE(silence.is_silent("node1"));
  CHECK(silence.unheard("node1", Time{seconds{5}}) == Duration{0});
  CHECK_FALSE(silence.on_lease("node1", "1", kLasts, Time{seconds{0}}));
  for (int i = 1; i < 22; ++i)
    CHECK_FALSE(silence.on_lease("node1", "1", kLasts, Time{seconds{i}}));
  CHECK(silence.on_lease("node1", "1", kLasts, Time{seconds{22}}));
  silence.forget("node1");
  CHECK_FALSE(silence.is_silent("node1"));
  CHECK_FALSE(silence.on_lease("node1", "1", kLasts, Time{seconds{23}}));
}

TEST_CASE("leases that last otherwise are judged by their own time") {
  NodeSilence silence;
  CHECK_FALSE(silence.on_lease("node1", "1", seconds{10}, Time{seconds{0}}));
  CHECK_FALSE(silence.on_lease("node1", "1", seconds{10}, Time{milliseconds{4400}}));
  CHECK(silence.on_lease("node1", "1", seconds{10}, Time{milliseconds{5500}}));
}

TEST_CASE("nodes are looked at seldom while no renewal is due, and silent as soon as ever") {
  Node node;
  int looks = 0;
  const auto wait = [&](Duration longest, Duration renewed_every) -> std::optional<Duration> {
    const Time began = node.now;
    while (node.now - began < longest) {
      node.now += milliseconds{250};
      if (renewed_every > Duration{0} && (node.now - began) % renewed_every < milliseconds{250})
        ++node.version;
      if (node.silence.next_look("node1") > node.now) continue;
      ++looks;
      if (node.silence.on_lease("node1", std::to_string(node.version), kLasts, node.now))
        return node.now - began;
    }
    return std::nullopt;
  };
  CHECK_FALSE(wait(seconds{300}, milliseconds{10'250}));
  CHECK(looks <= 130);
  const auto took = wait(seconds{100}, Duration{0});
  REQUIRE(took);
  CHECK(*took <= seconds{24});
}

TEST_CASE("of hundreds of nodes each is looked at less often, and a silent one is found still") {
  NodeSilence silence;
  const Duration apart = seconds{20};
  CHECK_FALSE(silence.on_lease("node1", "1", kLasts, Time{seconds{0}}, apart));
  CHECK(silence.next_look("node1") == Time{seconds{20}});
  CHECK_FALSE(silence.on_lease("node1", "1", kLasts, Time{seconds{20}}, apart));
  CHECK(silence.on_lease("node1", "1", kLasts, Time{seconds{41}}, apart));
}

}  // namespace galileo::experiment
