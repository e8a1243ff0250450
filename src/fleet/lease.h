// The lease of a fleet (docs/wire/daemon.md): one at a time has it, renews it while it lives, and
// orders workers about only while it does. Two things keep a holder that was stopped for a while
// from acting: by its own clock, which goes on meanwhile, it knows that its time is over; and what
// it sends through a bus fenced with fence() the server refuses, whatever the holder believes.
//
// Made, asked and ended by one thread; is_held() by any. Blocking. The bus outlives it, and is best
// one of its own, whose calls end well within the lease.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/counters.h"
#include "base/result.h"
#include "bus/bus.h"
#include "net/boot_clock.h"
#include "net/desk.h"
#include "wire/lease.h"

namespace galileo::fleet {

inline constexpr Duration kLeaseLasts = std::chrono::seconds{15};

class FleetLease {
 public:
  struct Options {
    std::string holder;  // make_holder()
    std::string kind;    // "daemon", "run"
    std::string what;    // the experiment, for others' messages
    Duration lasts = kLeaseLasts;
  };

  // `on_lost`: at the lease's desk, once a claim, when it is over without give_back().
  FleetLease(bus::Bus& bus, Options options, std::function<void()> on_lost = {});
  ~FleetLease();
  FleetLease(const FleetLease&) = delete;
  FleetLease& operator=(const FleetLease&) = delete;

  // One try. Nothing: it is ours from now on, under a new claim; else whose it is.
  Result<std::optional<wire::LeaseText>> take();
  // Others may take it at once.
  void give_back();

  // By our own clock: false from the moment on from which others may have it.
  bool is_held() const;
  std::uint64_t claim() const { return text_.claim; }
  Duration lasts() const { return options_.lasts; }
  // What make_fenced() wants, of the present claim.
  bus::Holds fence() const;

 private:
  Result<bool> claim_once();
  Time renew(Time now);
  Result<bool> renew_once();
  void lose();

  bus::Bus& bus_;
  const Options options_;
  const std::function<void()> on_lost_;
  const net::BootClock clock_;
  wire::LeaseText text_;
  std::string encoded_;
  RelaxedTime held_until_;  // by clock_; Time{}: it isn't held
  net::Desk desk_;
};

// "<host>-<pid>-<8 hex digits>", another one each time.
std::string make_holder(const std::string& host);

// "daemon labhost-4711-9f3a12cd (pid 4711 on labhost) has had the fleet for 12.0s, for 'first'".
std::string to_text(const wire::LeaseText& lease, Wall now);

}  // namespace galileo::fleet
