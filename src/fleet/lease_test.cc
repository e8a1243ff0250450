// The lease of a fleet, on a bus in the process: who has it, under which number, and what becomes
// of who has lost it.
#include "fleet/lease.h"

#include "bus/fenced.h"
#include "fleet/controller_fixture.h"

using namespace galileo;
using namespace galileo::fleet;

namespace {

using std::chrono::milliseconds;

FleetLease::Options options(const std::string& holder, Duration lasts) {
  return {holder, "daemon", "first", lasts};
}

std::optional<wire::LeaseText> on(bus::Bus& bus) {
  const auto text = must(bus.text(std::string(bus::kFleetLease)));
  return text ? std::optional(must(wire::decode_lease(*text))) : std::nullopt;
}

}  // namespace

TEST_CASE("one has the fleet at a time, and each claim has a larger number") {
  const auto bus = bus::make_in_process();
  FleetLease a(*bus, options("a", std::chrono::seconds{60}));
  FleetLease b(*bus, options("b", std::chrono::seconds{60}));
  CHECK_FALSE(must(a.take()).has_value());
  CHECK(a.is_held());
  const auto others = must(b.take());
  REQUIRE(others.has_value());
  CHECK(others->holder == "a");
  CHECK(to_text(*others, others->since + std::chrono::seconds{12}).find("daemon a") == 0);
  CHECK_FALSE(b.is_held());
  a.give_back();
  CHECK_FALSE(a.is_held());
  CHECK_FALSE(must(b.take()).has_value());
  CHECK(b.claim() > a.claim());
  CHECK(on(*bus)->holder == "b");
}

TEST_CASE("it is renewed while its holder lives, and lost to who takes it") {
  const auto bus = bus::make_in_process();
  int lost = 0;
  FleetLease a(*bus, options("a", milliseconds{400}), [&] { ++lost; });
  REQUIRE_FALSE(must(a.take()).has_value());
  net::pause_thread(milliseconds{900});
  CHECK(a.is_held());
  CHECK(on(*bus)->claim == a.claim());
  const auto fenced = bus::make_fenced(*bus, a.fence(), "another's");
  CHECK(fenced->change({bus::set_text("k", "a")}).ok());
  must(bus->change({bus::set_text(std::string(bus::kFleetLease), "somebody's")}));
  CHECK(fenced->change({bus::set_text("k", "b")}).error().code == ErrorCode::kInterrupted);
  CHECK(eventually([&] { return !a.is_held(); }));
  CHECK(must(bus->text("k")) == "a");
  CHECK(must(bus->text(std::string(bus::kFleetLease))) == "somebody's");
}

TEST_CASE("a server that has forgotten all is told again; one where it has expired isn't") {
  const auto bus = bus::make_in_process();
  FleetLease a(*bus, options("a", milliseconds{500}));
  REQUIRE_FALSE(must(a.take()).has_value());
  const std::uint64_t claim = a.claim();
  must(bus->change({bus::remove_key(std::string(bus::kFleetLease)),
                    bus::remove_key(std::string(bus::kFleetClaims))}));
  CHECK(eventually([&] { return on(*bus).has_value(); }));
  CHECK(on(*bus)->claim == claim);
  CHECK(a.is_held());
  must(bus->change({bus::remove_key(std::string(bus::kFleetLease))}));
  CHECK(eventually([&] { return !a.is_held(); }));
  CHECK_FALSE(on(*bus).has_value());
  FleetLease b(*bus, options("b", milliseconds{500}));
  REQUIRE_FALSE(must(b.take()).has_value());
  CHECK(b.claim() > claim);
}
