// Tells a collector of a run while it goes on: its requests as spans, its counts as metrics, by
// OTLP/HTTP (wire/otlp_export.h). From the collector's desk, which mustn't wait, requests go into a
// bounded queue to a desk of its own, which sends them in batches and tries again what the
// collector can't take now. What doesn't get out is counted, with why, and told at the end; a
// collector that is dead or slow neither fails a run nor holds it up, but for a moment at its end
// (kEndWithin).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/random.h"
#include "experiment/run_observer.h"
#include "load/request_metrics.h"
#include "net/blocking_http.h"
#include "net/desk.h"
#include "wire/otlp_export.h"
#include "wire/uri.h"

namespace galileo::experiment {

class OtlpExporter final : public RunObserver {
 public:
  static constexpr std::size_t kQueueMost = 50'000;  // requests that wait
  static constexpr std::size_t kBatch = 1'000;       // of a message
  static constexpr Duration kEndWithin = std::chrono::seconds{5};

  // An Error (kUsage) where the address can't be one. `version` is ours.
  static Result<std::unique_ptr<OtlpExporter>> make(const plan::Otlp& to,
                                                    const std::string& version);
  ~OtlpExporter() override;
  OtlpExporter(const OtlpExporter&) = delete;
  OtlpExporter& operator=(const OtlpExporter&) = delete;

  void begin(const wire::Experiment& experiment, const plan::Plan& plan) override;
  void on_trace(const wire::Trace& trace, const wire::Names& names) override;
  void on_turn() override;
  void on_counts(const load::Begun& begun) override;
  std::vector<std::string> end() override;

 private:
  // What a client's requests are, as far as the plan says it.
  struct Asked {
    std::string method;
    std::string path;
  };
  // A producer's names by our numbers.
  struct Known {
    const wire::Names* names = nullptr;
    std::vector<std::int64_t> numbers;  // -1: not asked for
  };
  // Counts at a moment, as metrics tell them.
  struct Counts {
    load::RequestMetrics requests;
    load::Begun begun;
    Wall at = kNoWall;
  };
  enum class Sent : unsigned char { kTaken, kLater, kRefused };

  OtlpExporter(const plan::Otlp& to, wire::Uri url, std::string version);
  wire::NameId number_of(Known& known, wire::NameId id);
  bool is_wanted(const wire::Trace& trace) const;
  Counts counts_now() const;
  // At its own desk.
  Time work(Time now);
  void flush(Time until);
  bool build();
  wire::OtlpSpan span_of(const wire::Trace& trace);
  std::string metrics_message(const Counts& counts) const;
  Sent send(Duration within);
  Sent take_answer(const net::BlockingHttp::Answer& answer);
  void settle(Sent sent);
  void lose(std::uint64_t spans, const std::string& why);
  Duration next_pause();

  const plan::Otlp to_;
  const wire::Uri url_;
  const std::string version_;
  wire::OtlpResource resource_;
  std::map<std::string, Asked, std::less<>> asked_;  // by client_label(), or with "\n<step>"
  std::uint64_t seed_ = 0;
  Wall start_ = kNoWall;
  WallClock wall_clock_{};
  // Of the collector's desk.
  std::vector<Known> known_;
  std::map<std::string, wire::NameId, std::less<>> numbers_;
  std::vector<std::string> new_names_;
  std::vector<wire::Trace> pending_;
  std::uint64_t handed_over_ = 0;
  load::RequestMetrics counted_;
  Time counts_handed_over_{};
  RelaxedCounter settled_;   // spans that are out of the queue: its own desk's
  RelaxedCounter overflow_;  // that had no place in it
  RelaxedCounter intended_;  // the run's thread's
  RelaxedCounter begun_sent_;
  // Of its own desk.
  std::unique_ptr<net::BlockingHttp> http_;
  std::vector<std::string> names_;
  std::deque<wire::Trace> queue_;
  std::optional<Counts> counts_;  // that aren't told yet
  std::string message_;           // under way, gzipped; empty: none
  std::string_view path_;
  std::size_t message_spans_ = 0;
  Duration pause_{0};  // before the next attempt; 0: the last one went well
  std::string why_later_;
  std::uint64_t exported_ = 0;
  std::map<std::string, std::uint64_t> lost_;  // spans, by why
  std::string metrics_lost_;                   // why the last metrics aren't there
  Random draws_{0};
  net::Desk desk_;
};

}  // namespace galileo::experiment
