// Readings that may block, each instrument's apart from the others': a file on a machine that
// doesn't answer, a sensor behind a slow bus, a process that waits for its memory. They are made at
// desks, mostly one, which works through what is due in one go; where a reading keeps its desk for
// longer, the others are taken to another desk, up to a bound. A reading that comes to no end by
// its deadline gives no value; what hangs for good keeps its desk, and is left behind with it at
// the end.
//
// Lives on the loop that it is made with, but for the readings themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/loop.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {

struct InstrumentCounters;

class Apart {
 public:
  // `sink` gets samples on `loop`; `clock` is asked at the desks, also of those left behind: it
  // holds no reference to anything that ends before the process. Both outlive this.
  Apart(net::Loop& loop, Sink<wire::Sample>& sink, std::string node, MomentClock clock);
  // Waits a moment for readings under way.
  ~Apart();
  Apart(const Apart&) = delete;
  Apart& operator=(const Apart&) = delete;

  class Job;
  // `counters` is where what comes of its readings is counted.
  Job& add(std::string name, std::unique_ptr<Instrument> instrument, InstrumentCounters& counters);
  // A reading is due. False: the one before isn't over yet.
  bool ask(Job& job);
  // Begins those that were asked for.
  void begin();

 private:
  class Desk;
  void serve();
  void finish(Job& job, Time now);
  void look(Time now);
  void set_timer();

  net::Loop& loop_;
  Sink<wire::Sample>& sink_;
  const std::string node_;
  const MomentClock clock_;
  std::vector<std::unique_ptr<Job>> jobs_;
  std::vector<std::unique_ptr<Desk>> desks_;
  std::vector<Job*> waiting_;
  net::Timer timer_;
};

}  // namespace galileo::telemetry
