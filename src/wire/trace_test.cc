#include "wire/trace.h"

#include <doctest/doctest.h>

#include <string_view>
#include <vector>

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

// Spools of earlier versions hold places: a new reason goes to the end of this list, as of the
// .def.
TEST_CASE("each failure keeps the place that spools know it by") {
  const std::vector<std::string_view> by_place{
      "no_route",        "no_address",         "no_connection",  "no_socket",      "stopped",
      "connect_refused", "connect_timeout",    "connect_failed", "timeout",        "reset",
      "closed",          "bad_response",       "head_too_large", "body_too_large", "status",
      "unfinished",      "too_many_redirects", "bad_redirect",   "tls_expired",    "tls_other_name",
      "tls_untrusted",   "tls_self_signed",    "tls_alert",      "tls_failed",     "not_tls",
      "not_made",        "step_skipped",       "no_value",       "check",          "http2_reset",
      "http2_refused",   "http2_calm",         "http2_rejected", "http2_ended",    "http2_broken",
      "http2_window",    "http2_flood",        "not_http2",      "tls_revoked",    "paused"};
  REQUIRE(by_place.size() == static_cast<std::size_t>(kFailureCount) - 1);
  for (std::size_t i = 0; i < by_place.size(); ++i)
    CHECK(failure_name(static_cast<Failure>(i + 1)) == by_place[i]);
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
