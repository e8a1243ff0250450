// How much of a result is the generator's own doing, and why: what the verdict goes by, percentile
// by percentile. Plain values and pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "load/own_times.h"

namespace galileo::analysis {

// A percentile of the latencies of all requests, and what it would have been less.
struct OwnShare {
  double share = 0;  // 0.99
  Duration latency{0};
  Duration own{0};   // without the generator's lateness in sending and reading
  Duration wait{0};  // without waiting for one of the connections that it may open, further
};

// Those of p50, p90, p95, p99 and p99.9 that enough requests lie past.
std::vector<OwnShare> own_shares(const load::OwnTimes& times);

// What may have kept the generator from its work, over the run.
struct GeneratorState {
  std::string worker;  // of a fleet; empty: this process, or all workers together
  std::vector<OwnShare> shares;
  Duration sent_late{0};  // together, of all requests
  Duration read_late{0};
  std::uint64_t waited = 0;  // requests that waited for a connection
  std::uint32_t connections_max = 0;
  Duration lasted{0};             // in which requests were due, the warm-up too
  double busiest_loop_share = 0;  // of that time, that the busiest loop's thread computed
  Duration waited_for_core{0};    // the loop that waited longest
  Duration ran{0};                // CPU time of that loop
  Duration stood_still{0};        // the loop that stood still longest, with nobody on its core
  std::uint64_t throttled_periods = 0;  // of the CPU quota
  Duration throttled{0};
  double steal_share = 0;       // of the machine's CPU time
  unsigned cores = 0;           // that the generator may use
  bool shares_machine = false;  // with what it loads
  double machine_share = 0;     // of the machine's CPU time, that the generator took
  // Whose this is together: the shares of all their requests, of all else the worst of one.
  std::vector<GeneratorState> workers;
};

// What a generator's process used.
struct CpuUse {
  double cpu_s = 0;
  Duration busiest_loop{0};
  unsigned machine_cores = 1;
};

// Puts it into the state as shares of the time in which requests were due: an answer that is waited
// for at the end makes no loop idler.
void take_shares(GeneratorState& state, const CpuUse& used, Duration lasted);

// The workers of a fleet together, all of whose requests are in `times`.
GeneratorState together(std::vector<GeneratorState> workers, const load::OwnTimes& times);

// Something that kept the generator from its work, for people: "its CPU quota held it back ...".
// The most telling first; empty: nothing was seen.
std::vector<std::string> causes(const GeneratorState& state);

// A ground for doubt.
struct Doubt {
  bool invalid = false;  // not only to be doubted
  std::string reason;
};

std::vector<Doubt> doubts_of_generator(const GeneratorState& state);

}  // namespace galileo::analysis
