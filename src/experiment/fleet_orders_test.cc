// What the workers of a fleet are told is what one machine would do.
#include "experiment/fleet_orders.h"

#include <doctest/doctest.h>

#include "load/arrival.h"
#include "load/schedule.h"

using namespace galileo;
using namespace galileo::experiment;

TEST_CASE("clients with a rate are due on a fleet when they are on one machine, none together") {
  Plan plan;
  plan.seed = 7;
  load::ClientSpec spec;
  spec.count = 4;
  spec.arrival.kind = "constant_rate";
  spec.arrival.parameters = {25};
  spec.requests = 10;
  const Phase phase{"main", {spec}, {}};
  for (std::uint32_t i = 0; i < spec.count; ++i) {
    const wire::WorkloadOrder order = order_of(spec, phase, "w:s:0", plan, i, i, false);
    auto arrival = load::make_arrival({order.arrival, order.parameters, {}, order.process});
    REQUIRE(arrival.ok());
    (*arrival)->set_ahead(order.ahead);
    load::Schedule theirs(std::move(*arrival), Random(order.seed, order.stream), order.duration,
                          order.requests);
    auto ours = load::Schedule::make(spec, plan.seed, i, {}, {}, load::interleaved(i, spec.count));
    REQUIRE(ours.ok());
    const auto first = theirs.next();
    CHECK(first->at == std::chrono::milliseconds{10} * (i + 1));
    CHECK(ours->next()->at == first->at);
    for (int n = 1; n < 10; ++n) CHECK(theirs.next()->at == ours->next()->at);
    CHECK_FALSE(theirs.next());
  }
}
