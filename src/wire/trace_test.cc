#include "wire/trace.h"

#include <doctest/doctest.h>

using namespace galileo;
using namespace galileo::wire;

TEST_CASE("each failure has a name of its own, a text and a group, and is found by its name") {
  for (int i = 1; i < kFailureCount; ++i) {
    const auto failure = static_cast<Failure>(i);
    CHECK_FALSE(failure_name(failure).empty());
    CHECK_FALSE(failure_text(failure).empty());
    CHECK(failure_group(failure) != FailureGroup::none);
    CHECK(failure_named(failure_name(failure)) == failure);
  }
  CHECK(failure_named("no such thing") == Failure::none);
  CHECK(failure_group(Failure::none) == FailureGroup::none);
}

TEST_CASE("a trace with its names is what stores and the bus carry") {
  Names names;
  Trace trace;
  trace.client = names.add("w:s:0");
  trace.id_prefix = names.add("0123456789");
  trace.service = names.add("s");
  trace.number = 42;
  trace.created = trace.dispatched = Wall{std::chrono::seconds{5}};
  trace.failure = Failure::timeout;
  const NamedTrace named = resolve(trace, names);
  CHECK(named.request_id == "0123456789:42");
  CHECK(named.client == "w:s:0");
  CHECK(named.server.empty());
  CHECK(named.intended == trace.created);
  CHECK(named.failure == "timeout");
  trace.closed_loop = true;
  CHECK(resolve(trace, names).intended == kNoWall);
}

TEST_CASE("a trace of the old wire says neither when it was due nor, maybe, a number") {
  Names names;
  Trace trace;
  trace.id_prefix = names.add("whatever:they:have");
  trace.created = Wall{std::chrono::seconds{5}};
  CHECK(resolve(trace, names).request_id == "whatever:they:have");
  CHECK(resolve(trace, names).intended == kNoWall);
}
