#include "route/policy.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace galileo::route {
namespace {

std::vector<Host> hosts_of(const std::vector<double>& weights) {
  std::vector<Host> hosts;
  for (const double weight : weights)
    hosts.push_back({"10.0.0." + std::to_string(hosts.size() + 1) + ":80", weight});
  return hosts;
}

std::unique_ptr<Policy> made(std::string_view name, const std::vector<double>& weights) {
  auto policy = make_policy(name, hosts_of(weights));
  REQUIRE_MESSAGE(policy.ok(), policy.error().to_text());
  return std::move(*policy);
}

// Hosts numbered from 1, as the recorded sequences have them.
std::vector<int> picks(Policy& policy, std::size_t count) {
  Random random(1);
  std::vector<int> list;
  for (std::size_t i = 0; i < count; ++i)
    list.push_back(static_cast<int>(policy.pick({random})) + 1);
  return list;
}

std::vector<int> counts(Policy& policy, std::size_t hosts, int picks, std::uint64_t seed = 1) {
  Random random(seed);
  std::vector<int> list(hosts);
  for (int i = 0; i < picks; ++i) ++list[policy.pick({random})];
  return list;
}

TEST_CASE("wrr goes on where it stood when the weights change, with the new ones") {
  const auto before = made("wrr", {1, 1, 1});
  CHECK(picks(*before, 4) == std::vector<int>{1, 2, 3, 1});
  const auto after = made("wrr", {1, 2, 1});
  after->go_on_from(*before, {0, 1, 2});
  // The second is next; in each four it has two.
  CHECK(picks(*after, 8) == std::vector<int>{2, 1, 2, 3, 2, 1, 2, 3});
  // The one before hasn't chosen yet, and had more hosts than there are now.
  const auto fresh = made("wrr", {3, 1});
  fresh->go_on_from(*made("wrr", {1, 1}), {0, 1});
  CHECK(picks(*fresh, 4) == picks(*made("wrr", {3, 1}), 4));
  const auto fewer = made("wrr", {1, 1});
  fewer->go_on_from(*after, {0, 1});
  CHECK(picks(*fewer, 2) == std::vector<int>{1, 2});
}

// Recorded from the original load balancer, by weights.
TEST_CASE("wrr chooses in the order of the original balancer") {
  struct Recorded {
    std::vector<double> weights;
    std::vector<int> targets;
  };
  const std::vector<Recorded> recorded{
      {{3, 1}, {1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 2}},
      {{5, 3, 2}, {1, 1, 1, 2, 1, 2, 3, 1, 2, 3, 1, 1, 1, 2, 1, 2, 3, 1, 2, 3}},
      {{1}, {1, 1, 1}},
      {{0, 1}, {2, 2, 2, 2, 2, 2}},
      {{1, 1}, {1, 2, 1, 2, 1, 2}},
      {{2, 2, 2}, {1, 2, 3, 1, 2, 3, 1, 2, 3}},
      {{100, 50}, {1, 1, 2, 1, 1, 2, 1, 1, 2}},
      {{1, 2, 3, 4}, {4, 3, 4, 2, 3, 4, 1, 2, 3, 4, 4, 3, 4, 2, 3, 4, 1, 2, 3, 4}},
      {{10, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2}},
      {{6, 4}, {1, 1, 2, 1, 2, 1, 1, 2, 1, 2, 1, 1, 2, 1, 2}},
      // The gcd of the weights above 0, as the worker takes it; the balancer took 1 here.
      {{0, 4, 2}, {2, 2, 3, 2, 2, 3}},
  };
  for (const Recorded& wanted : recorded)
    CHECK(picks(*made("wrr", wanted.weights), wanted.targets.size()) == wanted.targets);
}

TEST_CASE("wrr takes weights that aren't whole as they are, in the shortest order of theirs") {
  const std::vector<std::pair<std::vector<double>, std::vector<double>>> cases{
      {{0.5, 1}, {1, 2}},   {{0.1, 0.25}, {2, 5}},        {{1.0 / 3, 2.0 / 3, 1}, {1, 2, 3}},
      {{0.3, 0.1}, {3, 1}}, {{0.7, 0, 0.7}, {1, 0, 1}},   {{1e-12, 3e-12}, {1, 3}},
      {{2.5}, {1}},         {{0.00001, 1}, {1, 100'000}},
  };
  for (const auto& [given, whole] : cases) {
    CAPTURE(given[0]);
    CHECK(picks(*made("wrr", given), 200) == picks(*made("wrr", whole), 200));
  }
}

TEST_CASE("wrr keeps to its weights whatever they are") {
  for (const std::vector<double>& weights : std::vector<std::vector<double>>{
           {0.123456789, 0.987654321}, {1e300, 1e300, 1e300}, {3.14159, 2.71828, 1.41421}}) {
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    const auto list = counts(*made("wrr", weights), weights.size(), 100'000);
    for (std::size_t i = 0; i < list.size(); ++i)
      CHECK(list[i] / 100'000.0 == doctest::Approx(weights[i] / sum).epsilon(0.05));
  }
}

TEST_CASE("random draws hosts by their weights, and none without one") {
  const auto list = counts(*made("random", {0, 1, 3, 0, 6, 0}), 6, 100'000);
  CHECK(list[0] == 0);
  CHECK(list[3] == 0);
  CHECK(list[5] == 0);
  CHECK(std::abs(list[1] - 10'000) < 400);
  CHECK(std::abs(list[2] - 30'000) < 600);
  CHECK(std::abs(list[4] - 60'000) < 600);
  const auto large = counts(*made("random", {0, 1e308, 1e308}), 3, 10'000);
  CHECK(large[0] == 0);
  CHECK(std::abs(large[1] - 5000) < 250);
}

TEST_CASE("fixed keeps to the first host that has a weight") {
  CHECK(picks(*made("fixed", {0, 2, 5}), 4) == std::vector{2, 2, 2, 2});
}

TEST_CASE("least_request goes round idle hosts, and past busy ones") {
  const auto policy = made("least_request", {1, 1, 1});
  CHECK(picks(*policy, 6) == std::vector{1, 2, 3, 1, 2, 3});
  policy->began(0);
  policy->began(0);
  policy->began(2);
  CHECK(picks(*policy, 2) == std::vector{2, 2});
  policy->ended(2, {});
  policy->began(1);
  CHECK(picks(*policy, 2) == std::vector{3, 3});
}

TEST_CASE("least_request gives a heavier host more before it counts as busy") {
  const auto policy = made("least_request", {1, 3, 0});
  Random random(1);
  std::vector<int> list(3);
  for (int i = 0; i < 40; ++i) {
    const std::size_t host = policy->pick({random});
    policy->began(host);
    ++list[host];
  }
  CHECK(list == std::vector{10, 30, 0});
}

// Answers never come: what counts is how even the requests lie.
TEST_CASE("p2c keeps hosts more even than chance does") {
  const std::vector<double> weights(10, 1);
  const auto spread = [&](std::string_view name) {
    const auto policy = made(name, weights);
    Random random(3);
    std::vector<int> list(weights.size());
    for (int i = 0; i < 10'000; ++i) {
      const std::size_t host = policy->pick({random});
      policy->began(host);
      ++list[host];
    }
    const auto [least, most] = std::minmax_element(list.begin(), list.end());
    return *most - *least;
  };
  CHECK(spread("p2c") < 10);
  CHECK(spread("random") > 50);
}

TEST_CASE("p2c turns to the less busy of two, and back when it is idle again") {
  const auto policy = made("p2c", {1, 1});
  for (int i = 0; i < 100; ++i) policy->began(0);
  CHECK(counts(*policy, 2, 1000)[1] > 900);
  for (int i = 0; i < 100; ++i) policy->ended(0, {});
  CHECK(std::abs(counts(*policy, 2, 1000)[1] - 500) < 80);
}

Time at(double now) {
  return Time{} + seconds(now);
}

// How many of `count` choices at that time are the first host.
int first_of(Policy& policy, int count, double now) {
  Random random(5);
  int first = 0;
  for (int i = 0; i < count; ++i) first += policy.pick({random, 0, at(now)}) == 0 ? 1 : 0;
  return first;
}

TEST_CASE("ewma asks whom it doesn't know, and then the one that answers sooner") {
  const auto policy = made("ewma", {1, 1});
  using End = Outcome::End;
  const auto answers = [&](std::size_t host, double took, double now, End end = End::kAnswered) {
    policy->began(host);
    policy->ended(host, {seconds(took), end, at(now)});
  };
  answers(0, 0.010, 1);
  CHECK(first_of(*policy, 100, 1) < 20);  // the other may be faster
  answers(1, 0.002, 1);
  CHECK(first_of(*policy, 100, 1) < 20);
  answers(1, 0.100, 1.1);  // one slow answer is enough
  CHECK(first_of(*policy, 100, 1.1) > 80);
  SUBCASE("what it hears now and then counts more the longer it has heard nothing") {
    answers(0, 0.010, 20);
    CHECK(first_of(*policy, 100, 20) > 80);
    answers(0, 0.010, 60);
    CHECK(first_of(*policy, 100, 60) < 20);  // the slow one's time is long ago
  }
  SUBCASE("requests under way count") {
    for (int i = 0; i < 30; ++i) policy->began(0);
    CHECK(first_of(*policy, 100, 1.1) < 20);
  }
  SUBCASE("one that fails at once isn't taken for a fast one") {
    answers(0, 0.00001, 1.2, End::kFailed);
    CHECK(first_of(*policy, 100, 1.2) < 20);
  }
  SUBCASE("a request that was given up is slow or says nothing") {
    for (int i = 0; i < 50; ++i) answers(1, 0.00001, 3, End::kGivenUp);
    CHECK(first_of(*policy, 100, 3) > 80);
    answers(0, 0.5, 3, End::kGivenUp);
    CHECK(first_of(*policy, 100, 3) < 20);
  }
  SUBCASE("what it knows goes over to new weights, also in another order") {
    const auto after = made("ewma", {2, 1, 1});
    after->go_on_from(*policy, {1, 0, kNewHost});
    for (int i = 0; i < 30; ++i) after->began(2);
    CHECK(first_of(*after, 100, 1.1) < 60);  // above 80, were it not slow
  }
}

TEST_CASE("counts of requests under way go over to new weights") {
  for (const char* name : {"least_request", "p2c"}) {
    CAPTURE(name);
    const auto before = made(name, {1, 1});
    for (int i = 0; i < 100; ++i) before->began(1);
    const auto after = made(name, {1, 1});
    after->go_on_from(*before, {1, 0});
    CHECK(first_of(*after, 100, 0) < 20);
    const auto others = made(name, {1, 1});
    others->go_on_from(*before, {kNewHost, kNewHost});
    CHECK(std::abs(first_of(*others, 100, 0) - 50) < 25);
  }
}

TEST_CASE("ring_hash gives a key the same host, by weight, and moves few when hosts come and go") {
  constexpr std::size_t kKeys = 20'000;
  const auto hosts_by_key = [](const std::vector<Host>& hosts) {
    const auto policy = std::move(*make_policy("ring_hash", hosts));
    Random random(1);
    std::vector<std::string> chosen;
    for (std::size_t i = 0; i < kKeys; ++i)
      chosen.push_back(hosts[policy->pick({random, key_of(std::to_string(i))})].name);
    return chosen;
  };
  const std::vector<Host> hosts{{"a:1", 1}, {"b:1", 1}, {"c:1", 2}, {"d:1", 0}};
  const auto first = hosts_by_key(hosts);
  CHECK(hosts_by_key({hosts.rbegin(), hosts.rend()}) == first);
  const auto share = [&](const char* name) {
    return static_cast<double>(std::count(first.begin(), first.end(), name)) / kKeys;
  };
  CHECK(std::abs(share("a:1") - 0.25) < 0.05);
  CHECK(std::abs(share("b:1") - 0.25) < 0.05);
  CHECK(std::abs(share("c:1") - 0.50) < 0.05);
  CHECK(share("d:1") == 0);
  // Without b its keys are the others'; nobody else's move.
  const auto without = hosts_by_key({{"a:1", 1}, {"b:1", 0}, {"c:1", 2}});
  std::size_t moved = 0;
  for (std::size_t i = 0; i < kKeys; ++i)
    moved += first[i] != "b:1" && without[i] != first[i] ? 1 : 0;
  CHECK(moved < kKeys / 5);
}

TEST_CASE("every policy of the table leaves out hosts without weight and can do with one host") {
  for (const std::string& name : policy_names()) {
    CAPTURE(name);
    CHECK(picks(*made(name, {0.5}), 5) == std::vector{1, 1, 1, 1, 1});
    CHECK(picks(*made(name, {0, 7, 0}), 5) == std::vector{2, 2, 2, 2, 2});
    const auto list = counts(*made(name, std::vector<double>(64, 1)), 64, 6400);
    CHECK(std::accumulate(list.begin(), list.end(), 0) == 6400);
  }
}

TEST_CASE("the same seed makes the same choices") {
  for (const std::string& name : policy_names()) {
    const std::vector<double> weights{1, 2, 3, 4};
    CHECK(picks(*made(name, weights), 100) == picks(*made(name, weights), 100));
  }
}

TEST_CASE("a copy begins where the first one began, and goes its own way") {
  for (const std::string& name : policy_names()) {
    CAPTURE(name);
    const auto first = made(name, {1, 3, 0, 2});
    const auto second = first->copy();
    const std::vector<int> chosen = picks(*first, 50);
    CHECK(picks(*second, 50) == chosen);
    CHECK(picks(*made(name, {1, 3, 0, 2}), 50) == chosen);
    for (int i = 0; i < 9; ++i) second->began(0);
    const auto third = first->copy();
    CHECK(picks(*third, 50) == picks(*first, 50));
  }
}

TEST_CASE("weights and names that can't be are refused with the reason") {
  const auto why = [](std::string_view name, const std::vector<double>& weights) {
    const auto policy = make_policy(name, hosts_of(weights));
    REQUIRE_FALSE(policy.ok());
    return policy.error().to_text();
  };
  CHECK(why("wrr", {1, -1}) == "host 10.0.0.2:80 has the weight -1; weights are numbers from 0 up");
  CHECK(why("wrr", {std::nan("")}) ==
        "host 10.0.0.1:80 has the weight nan; weights are numbers from 0 up");
  CHECK(why("wrr", {0, 0}) ==
        "all hosts have the weight 0; give at least one host a weight above 0");
  CHECK(why("wrr", {}) == "a service has no hosts; give it at least one");
  CHECK(why("wrrr", {1}) == "unknown balancer 'wrrr'; did you mean 'wrr'?");
}

}  // namespace
}  // namespace galileo::route
