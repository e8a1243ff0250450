#include "load/ledger.h"

#include <doctest/doctest.h>

#include "base/random.h"

using namespace galileo;
using namespace galileo::load;
using wire::Failure;

TEST_CASE("any mix of traces balances, and any single wrong count doesn't") {
  Random random(5);
  for (int round = 0; round < 200; ++round) {
    Ledger one;
    Ledger other;
    for (int i = 0; i < 50; ++i) {
      wire::Trace trace;
      trace.failure = static_cast<Failure>(random.below(wire::kFailureCount));
      trace.retried = random.below(5) == 0;
      Ledger& ledger = random.below(2) ? one : other;
      ++ledger.intended;
      ledger.count(trace);
      ++(random.below(2) ? ledger.traces_stored : ledger.traces_spooled);
    }
    one.add(other);
    CHECK(one.intended == 50);
    CHECK_MESSAGE(one.balanced(), one.imbalance());
    for (std::uint64_t Ledger::* count :
         {&Ledger::intended, &Ledger::sent, &Ledger::answered, &Ledger::in_flight_at_end,
          &Ledger::traces_made, &Ledger::traces_stored, &Ledger::traces_lost}) {
      Ledger wrong = one;
      ++(wrong.*count);
      CHECK_FALSE(wrong.balanced());
    }
  }
}

TEST_CASE("A target is unreached when requests were sent and none of them found a connection") {
  Ledger ledger;
  CHECK_FALSE(ledger.unreached());
  ledger.sent = 2;
  ledger.failures[static_cast<std::size_t>(wire::Failure::connect_refused)] = 1;
  ledger.failures[static_cast<std::size_t>(wire::Failure::connect_timeout)] = 1;
  CHECK(ledger.unreached());
  ++ledger.sent;
  ++ledger.answered;
  CHECK_FALSE(ledger.unreached());
}
