// What the traces of a run add up to: latencies, rates, failures, and how they went over time. Fed
// trace by trace while the run goes on, or from a database afterwards; both give the same figures.
// Memory is bounded whatever the length of the run. Lives on one thread; hot: one add() a request.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analysis/latencies.h"
#include "base/histogram.h"
#include "load/ledger.h"
#include "wire/trace.h"

namespace galileo::analysis {

// The traces of one service, server or phase; warm-up left out.
struct GroupFigures {
  std::string name;
  Latencies latency;
  std::uint64_t intended = 0;
  std::uint64_t not_sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;
  std::uint64_t closed_loop = 0;
  Wall first = kNoWall;     // created
  Wall last_due = kNoWall;  // created
  Wall last = kNoWall;      // done
};

// Of the checks of one name; warm-up left out.
struct CheckFigures {
  std::string name;
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;

  std::uint64_t ran() const { return passed + failed; }
};

// What was done a second, over the time in which requests were due (docs/reference/glossary.md:
// span).
struct Rates {
  double span_s = 0;  // 0: not known, as of one request; then no rate is
  double offered_rps = 0;
  double sent_rps = 0;
  double achieved_rps = 0;
  double failed_rps = 0;
};

// The time from the first request due to the moment when the next one would have been: after the
// mean time between two; in a closed loop after the mean time of a request, when its lane sends
// again. How late the last answer came has no part in it.
Rates rates_of(const GroupFigures& group);

// One stretch of time of the series, for the report's charts; warm-up is in them. A request counts
// in the stretch in which it became due, was sent or was over, each count by its own moment.
struct Bucket {
  std::uint64_t offered = 0;  // became due
  std::uint64_t sent = 0;
  std::uint64_t achieved = 0;  // were answered
  std::uint64_t failed = 0;
  std::uint64_t over = 0;  // of those sent: ended, however
  Histogram latency{Histogram::Grain::kCoarse};
  Histogram dispatch{Histogram::Grain::kCoarse};
};

// What the live view shows: the rates of the last second, of counts (experiment/live_rates.h), and
// times. What too few requests lie past isn't known.
struct LiveFigures {
  double offered_rps = 0;
  double achieved_rps = 0;
  double failed_rps = 0;
  std::optional<Duration> p50;
  std::optional<Duration> p99;
  std::optional<Duration> dispatch_p99;
  bool so_far = false;  // the times are of the whole run until now
};

// The times of the requests that were over in the last second; of all so far where those say more.
void set_times(LiveFigures& figures, const Histogram& latency_last, const Histogram& dispatch_last,
               const Histogram& latency, const Histogram& dispatch);

// Who feeds it owns it: the collector, on its desk, while a run goes on; load_stored_result()
// afterwards. It can be read on the feeding thread at any time, on others once that is done.
// Nothing here fails: a trace that lacks a time counts where the times that it has allow it.
class Summary {
 public:
  static constexpr std::size_t kBucketsMax = 600;
  static constexpr std::size_t kServersMax = 200;  // further ones are counted together
  static constexpr std::size_t kStepsMax = 1'001;  // so many have names, and the rest one
  static constexpr const char* kWarmup = "warmup";

  // `start`: where the series begin; `width`: of a bucket at first, doubled as the run gets long.
  explicit Summary(Wall start, Duration width = std::chrono::milliseconds{100});

  // A trace's names as places in this summary's tables: asked for once a name, used for each trace.
  struct Places {
    static constexpr std::uint32_t kNone = static_cast<std::uint32_t>(-1);
    std::uint32_t service = 0;
    std::uint32_t server = 0;
    std::uint32_t phase = 0;
    std::uint32_t step = 0;
    std::uint32_t worker = kNone;
    std::uint32_t missed_check = kNone;
  };
  std::uint32_t service_place(std::string_view name) { return place(services_, name, kServersMax); }
  std::uint32_t server_place(std::string_view name) { return place(servers_, name, kServersMax); }
  std::uint32_t phase_place(std::string_view name) { return place(phases_, name, kServersMax); }
  std::uint32_t step_place(std::string_view name) { return place(steps_, name, kStepsMax); }
  std::uint32_t worker_place(std::string_view name) { return place(workers_, name, kServersMax); }
  std::uint32_t missed_check_place(std::string_view name);
  // What the checks came to: traces tell of the first that failed only.
  void set_checks(std::vector<CheckFigures> checks) { checks_ = std::move(checks); }

  void add(const wire::Trace& trace, const Places& places);
  // Adds one from a database; old ones lack some of the times.
  void add(const wire::NamedTrace& trace);

  const Latencies& latencies() const { return latency_; }         // from due to over
  const Histogram& latency() const { return latency_.answered; }  // of those that were answered
  const Histogram& dispatch_error() const { return dispatch_; }   // open loop: from due to acted on
  const Latencies& service_times() const { return service_time_; }  // from sent to over
  const std::vector<GroupFigures>& services() const { return services_.rows; }
  const std::vector<GroupFigures>& servers() const { return servers_.rows; }
  const std::vector<GroupFigures>& phases() const { return phases_.rows; }
  // Of requests of scenarios; those of none have no name.
  const std::vector<GroupFigures>& steps() const { return steps_.rows; }
  const std::vector<CheckFigures>& checks() const { return checks_; }
  // Of a fleet, while the run goes on: databases don't tell.
  const std::vector<GroupFigures>& workers() const { return workers_.rows; }
  // How often a check was the first that its answer failed, while the run goes on.
  const std::vector<std::pair<std::string, std::uint64_t>>& missed_checks() const {
    return missed_checks_;
  }
  const std::map<int, std::uint64_t>& status_codes() const { return status_codes_; }
  const load::Ledger& ledger() const { return ledger_; }      // of all traces, warm-up too
  std::uint64_t warmup() const { return warmup_; }            // traces left out of the statistics
  std::uint64_t counted() const { return counted_; }          // traces in the statistics
  std::uint64_t failed() const { return failed_; }            // of those
  std::uint64_t not_sent() const { return not_sent_; }        // of those
  std::uint64_t closed_loop() const { return closed_loop_; }  // of those
  std::uint64_t bytes_in() const { return bytes_in_; }
  std::uint64_t bytes_out() const { return bytes_out_; }

  // Over the spans of all phases: what lies between them isn't in them.
  Rates rates() const;
  // The time in which requests were due, the warm-up's too: what the generator was at work. 0: not
  // known.
  Duration due_span() const;
  double offered_rps() const { return rates().offered_rps; }
  double achieved_rps() const { return rates().achieved_rps; }
  // How long after the last request was due the last one was over.
  Duration tail() const;
  // When the first request that counts was due; kNoWall: there was none.
  Wall first_due() const { return first_created_; }

  Wall start() const { return start_; }
  Duration width() const { return width_; }
  const std::vector<Bucket>& buckets() const { return buckets_; }

  // The times of the second before `now`.
  LiveFigures live(Wall now) const;

 private:
  // Looks for a name without making a text of it.
  struct HashName {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>{}(name);
    }
  };
  struct Table {
    std::vector<GroupFigures> rows;
    std::unordered_map<std::string, std::uint32_t, HashName, std::equal_to<>> places;
  };
  // A quarter of a second of the live figures.
  struct Quarter {
    std::int64_t number = -1;
    Histogram latency{Histogram::Grain::kCoarse};
    Histogram dispatch{Histogram::Grain::kCoarse};
  };

  static std::uint32_t place(Table& table, std::string_view name, std::size_t most);
  static void add_to_group(GroupFigures& group, const wire::Trace& trace,
                           wire::FailureGroup became);
  void add_to_series(const wire::Trace& trace, bool answered, bool failed);
  void add_to_live(const wire::Trace& trace, bool answered);
  Bucket* bucket(Wall at);
  Quarter& quarter(Wall at);

  const Wall start_;
  Duration width_;
  std::vector<Bucket> buckets_;
  Latencies latency_;
  Histogram dispatch_;
  Latencies service_time_;
  Table services_;
  Table servers_;
  Table phases_;
  Table steps_;
  Table workers_;
  std::vector<std::pair<std::string, std::uint64_t>> missed_checks_;
  std::vector<CheckFigures> checks_;
  std::map<int, std::uint64_t> status_codes_;
  load::Ledger ledger_;
  std::uint64_t warmup_ = 0;
  std::uint64_t counted_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t not_sent_ = 0;
  std::uint64_t closed_loop_ = 0;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
  Wall first_created_ = kNoWall;
  Wall last_created_ = kNoWall;
  Wall last_done_ = kNoWall;
  std::array<Quarter, 8> quarters_;
  Quarter late_;  // takes what came too late to be shown
};

}  // namespace galileo::analysis
