// A fleet of one, for who has no bus: a bus of this process alone, and a worker on it.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "bus/bus.h"
#include "fleet/worker.h"
#include "net/loop.h"

namespace galileo::commands {

class Standalone {
 public:
  // The worker is told by the environment what `galileo worker` is, and has this machine's name.
  static Result<std::unique_ptr<Standalone>> start();
  ~Standalone();
  Standalone(const Standalone&) = delete;
  Standalone& operator=(const Standalone&) = delete;

  bus::Bus& bus() { return *bus_; }
  // What its worker still has goes out, and nothing more comes. The bus stays until the end.
  void end_worker();

 private:
  Standalone() = default;

  std::string spool_folder_;  // made for it, and gone with it
  std::unique_ptr<bus::Bus> bus_;
  std::unique_ptr<net::LoopThread> control_;
  std::unique_ptr<fleet::Worker> worker_;
  bool runs_ = false;
};

}  // namespace galileo::commands
