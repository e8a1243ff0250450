// What all daemons of a node or a cluster begin and end with: signals end it, a page tells how it
// is, and its bus is waited for where it isn't there yet. What it does is made after it and goes
// before it. Made on the main thread, before any other one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bus/bus.h"
#include "commands/status_page.h"
#include "net/loop.h"
#include "net/signals.h"

namespace galileo::commands {

class BusDaemon {
 public:
  BusDaemon();

  // Blocking: the page first, then until the bus is there. False: a signal came before. Errors: an
  // address that can't be listened on, a bus that no waiting mends.
  Result<bool> begin(const std::optional<net::Address>& status, const bus::BusOptions& where);
  // What the page tells, of what was made by now: its metrics, and its trouble beside the bus.
  void tell(std::function<std::string()> metrics, std::function<std::string()> trouble = {});
  // Blocking: until a signal, or a stop of its loop; from then on there is no page.
  void run();

  net::Loop& control() { return control_; }
  bus::Bus& bus() { return *bus_; }

 private:
  std::string trouble() const;

  net::Loop control_;
  int signals_seen_ = 0;
  const net::Signals signals_;
  std::unique_ptr<bus::Bus> bus_;
  std::function<std::string()> metrics_;
  std::function<std::string()> trouble_;
  std::optional<StatusPage> page_;
};

}  // namespace galileo::commands
