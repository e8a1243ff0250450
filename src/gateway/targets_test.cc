#include "gateway/targets.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>

namespace galileo::gateway {
namespace {

using End = route::Outcome::End;

struct Fixture {
  Random random{1};
  std::map<std::string, Target> targets;
  Function function;
  Time now{std::chrono::seconds{100}};

  void set(const std::string& policy, std::initializer_list<std::pair<const char*, double>> pairs,
           FunctionPlaces* places = nullptr) {
    std::vector<Function::Member> members;
    for (const auto& [name, weight] : pairs) {
      const bool is_gateway = name[0] == 'g';
      auto& target = targets.try_emplace(name, name, is_gateway).first->second;
      members.push_back({&target, weight});
    }
    REQUIRE(function.set(policy, std::move(members), places).ok());
  }
  Function::Wish wish(bool applications_only = false) {
    return {{random, 7, now}, applications_only};
  }
  Function::Exchange begun(const Function::Wish& how) {
    Function::Exchange exchange;
    if (!function.begin(how, exchange)) CHECK(exchange.function == nullptr);
    return exchange;
  }
  std::string chosen(const Function::Wish& how) {
    Function::Exchange exchange = begun(how);
    if (!exchange.function) return "none";
    const std::string name = exchange.target->name();
    function.end(exchange, End::kAnswered, now);
    return name;
  }
  std::string order(int count) {
    std::string names;
    for (int i = 0; i < count; ++i) names += chosen(wish());
    return names;
  }
};

TEST_CASE("loops go through one order together, also when the weights change") {
  std::deque<FunctionPlaces> places;  // of each weights
  Fixture loops[3];
  const auto set = [&](std::initializer_list<std::pair<const char*, double>> pairs) {
    places.emplace_back();
    for (Fixture& loop : loops) loop.set("wrr", pairs, &places.back());
  };
  std::size_t turn = 0;
  const auto order = [&](int count) {
    std::string names;
    for (int i = 0; i < count; ++i) {
      names += loops[turn % 3].chosen(loops[turn % 3].wish());
      turn += 1 + turn % 2;  // not in turn
    }
    return names;
  };
  set({{"a", 3}, {"b", 1}});
  CHECK(order(8) == "aaabaaab");
  CHECK(order(2) == "aa");
  set({{"a", 1}, {"b", 2}, {"c", 1}});
  Fixture alone;
  alone.set("wrr", {{"a", 3}, {"b", 1}});
  CHECK(alone.order(10) == "aaabaaabaa");
  alone.set("wrr", {{"a", 1}, {"b", 2}, {"c", 1}});
  CHECK(order(12) == alone.order(12));
  // Requests of gateways have an order of their own.
  set({{"a", 1}, {"g", 1}, {"b", 1}});
  std::string of_gateways;
  for (int i = 0; i < 6; ++i) of_gateways += loops[i % 3].chosen(loops[i % 3].wish(true));
  CHECK((of_gateways == "ababab" || of_gateways == "bababa"));
}

TEST_CASE(
    "a function's requests end at the targets where they began, whatever its weights become") {
  Fixture f;
  f.set("least_request", {{"a", 1}, {"b", 1}});
  Function::Exchange first = f.begun(f.wish());
  const std::string busy = first.target->name();
  const std::string other = busy == "a" ? "b" : "a";
  // In another order it is known where there is something under way.
  f.set("least_request", {{"c", 1}, {"b", 1}, {"a", 1}});
  for (int i = 0; i < 6; ++i) CHECK(f.chosen(f.wish()) != busy);
  // It goes and comes back as a new one; what ends then belongs to the old one.
  f.set("least_request", {{other.c_str(), 1}});
  f.set("least_request", {{"a", 1}, {"b", 1}});
  f.function.end(first, End::kAnswered, f.now);
  CHECK(f.function.under_way() == 0);
  CHECK(f.targets.at(busy).uses == 0);
  const std::string names = f.order(6);
  CHECK(std::count(names.begin(), names.end(), 'a') == 3);
}

TEST_CASE("another policy begins anew; a target may be there twice") {
  Fixture f;
  f.set("wrr", {{"a", 1}, {"b", 1}, {"a", 1}});
  CHECK(f.order(6) == "abaaba");
  f.set("wrr", {{"a", 1}, {"a", 1}, {"b", 1}});
  Function::Exchange exchange = f.begun(f.wish());
  f.set("random", {{"b", 1}});
  f.function.end(exchange, End::kAnswered, f.now);
  CHECK(f.order(3) == "bbb");
  f.set("wrr", {{"a", 0}, {"b", 0}});
  CHECK(f.order(4) == "abab");
}

TEST_CASE("what came from a gateway goes to applications only") {
  Fixture f;
  f.set("wrr", {{"g", 5}, {"a", 1}, {"b", 0}});
  for (int i = 0; i < 4; ++i) CHECK(f.chosen(f.wish(true)) == "a");
  CHECK(f.function.serves(true));
  f.set("wrr", {{"g", 5}, {"a", 0}});
  CHECK(f.chosen(f.wish(true)) == "none");
  CHECK_FALSE(f.function.serves(true));
  CHECK(f.chosen(f.wish()) == "g");
  f.set("wrr", {});
  CHECK(f.chosen(f.wish()) == "none");
}

TEST_CASE(
    "who was tried, rests or is full is passed over, and who rests is rather asked than nobody") {
  Fixture f;
  for (const char* policy :
       {"wrr", "fixed", "ring_hash", "least_request", "p2c", "ewma", "random"}) {
    CAPTURE(policy);
    f.set(policy, {{"a", 1}, {"b", 1}, {"c", 0}});
    std::vector<Target*> tried{&f.targets.at("a")};
    Function::Wish wish = f.wish();
    wish.tried = &tried;
    CHECK(f.chosen(wish) == "b");
    tried.push_back(&f.targets.at("b"));
    CHECK(f.chosen(wish) == "none");
    f.targets.at("b").ejected_until = f.now + std::chrono::seconds{1};
    for (int i = 0; i < 4; ++i) CHECK(f.chosen(f.wish()) == "a");
    tried.pop_back();
    CHECK(f.chosen(wish) == "b");
    f.targets.at("b").ejected_until = {};
  }
}

TEST_CASE("a target has no more requests than it may, whoever counts them") {
  Fixture f;
  f.set("wrr", {{"a", 3}, {"b", 1}});
  TargetShare a;
  TargetShare b;
  f.targets.at("a").share = &a;
  f.targets.at("b").share = &b;
  Function::Wish wish = f.wish();
  wish.under_way_max = 2;
  CHECK(b.under_way.take(2));  // another loop's
  std::vector<Function::Exchange> begun(4);
  CHECK(f.function.begin(wish, begun[0]));
  CHECK(f.function.begin(wish, begun[1]));
  CHECK(f.function.begin(wish, begun[2]));
  CHECK(begun[2].target->name() == "b");
  CHECK_FALSE(f.function.begin(wish, begun[3]));
  f.function.end(begun[1], End::kFailed, f.now);
  CHECK(f.function.begin(wish, begun[3]));
  CHECK(begun[3].target->name() == "a");
  CHECK(a.under_way.load() == 2);
}

TEST_CASE("a rate lets its burst through and then one each interval") {
  SharedRate rate;
  const auto passed = [&](double from, double to, double step) {
    int count = 0;
    for (double at = from; at < to; at += step)
      count += rate.take(Time{} + seconds(at), seconds(0.1), 5) ? 1 : 0;
    return count;
  };
  CHECK(passed(100, 100.001, 0.0001) == 5);
  CHECK(passed(100.05, 101.05, 0.01) == 10);
  CHECK(passed(200, 200.001, 0.0001) == 5);
}

}  // namespace
}  // namespace galileo::gateway
