#include "chaos/fault_book.h"

#include <doctest/doctest.h>

namespace galileo::chaos {
namespace {

using std::chrono::seconds;

constexpr Time kStart{seconds{100}};

wire::FaultOrder order(const std::string& id, const std::string& of = "e") {
  wire::FaultOrder one;
  one.name = "tc";
  one.words = {"qdisc", "add", id};
  one.id = id;
  one.of = of;
  return one;
}

Undo undo_of(const std::string& device) {
  return {{"qdisc", "del", "dev", device, "root"}, "10.0.0.1", 7, 0, 0, "e/1", "e"};
}

}  // namespace

TEST_CASE("a fault ends when its time is over, or when nobody renews it") {
  FaultBook book(seconds{30});
  wire::FaultOrder timed = order("timed");
  timed.lasts = seconds{10};
  wire::FaultOrder own_lease = order("own");
  own_lease.lease = seconds{50};
  book.add(timed, undo_of("a"), kStart);
  book.add(order("leased"), undo_of("b"), kStart);
  book.add(own_lease, undo_of("c"), kStart);
  book.add(order("nobody's", ""), undo_of("d"), kStart);
  CHECK(book.due(kStart + seconds{9}).empty());
  auto due = book.due(kStart + seconds{10});
  REQUIRE(due.size() == 1);
  CHECK(due[0].first->order.id == "timed");
  CHECK(due[0].second == "its time is over");
  book.remove(*due[0].first);
  CHECK(book.renew("other", kStart + seconds{20}) == 0);
  CHECK(book.renew("e", kStart + seconds{20}) == 2);
  CHECK(book.due(kStart + seconds{49}).empty());
  due = book.due(kStart + seconds{50});
  REQUIRE(due.size() == 1);
  CHECK(due[0].first->order.id == "leased");
  CHECK(due[0].second == "its experiment has gone silent");
  // What was begun last goes first: a filter before that which holds it.
  due = book.due(kStart + seconds{70});
  REQUIRE(due.size() == 2);
  CHECK(due[0].first->order.id == "own");
  CHECK(book.due(kStart + std::chrono::hours{9}).size() == 2);  // that of nobody stays
}

TEST_CASE("an order without an id means the fault of the same parameters") {
  FaultBook book(seconds{30});
  wire::FaultOrder plain = order("", "");
  book.add(plain, undo_of("a"), kStart);
  CHECK(book.find(plain));
  wire::FaultOrder other = plain;
  other.network = "10.0.0.2";
  CHECK_FALSE(book.find(other));
  CHECK_FALSE(book.find(order("x")));
  CHECK(book.find_undo(undo_of("a").words, "10.0.0.1"));
  CHECK_FALSE(book.find_undo(undo_of("a").words, ""));
  CHECK(book.of("e").empty());
}

TEST_CASE("what a killed agent has written is read by the next") {
  const std::vector<Undo> undos{undo_of("eth0"), {{}, "", 0, 4711, 99, "", ""}};
  const std::string text = to_text(undos);
  CHECK(parse_undos(text) == undos);
  CHECK(parse_undos(text + R"({"words": ["qdisc")") == undos);
  CHECK(parse_undos("").empty());
  CHECK(parse_undos("[]\n7\nnull\n{}\n{\"words\": 7}\n{\"group\": -5}\n").empty());
}

}  // namespace galileo::chaos
