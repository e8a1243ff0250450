#include "fleet/trace_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace galileo::fleet {
namespace {

constexpr Duration kLookEvery = std::chrono::milliseconds{100};
constexpr std::uint64_t kSegmentsInLimit = 16;
constexpr std::uint64_t kOneSegment = std::uint64_t(-1);

// Room comes by whole segments, so there must be several.
TraceLog::Options fitted(TraceLog::Options options) {
  if (options.bytes_max > 0 && options.segment_bytes != kOneSegment)
    options.segment_bytes = std::min(options.segment_bytes, options.bytes_max / kSegmentsInLimit);
  return options;
}

}  // namespace

// What the desk does with one loop's traces.
class TraceLog::Loop final : public load::TraceVisitor {
 public:
  Loop(TraceLog& log, store::ProducerId producer)
      : ring(ring_bytes(log.options_.response_max)), log_(log), producer_(producer) {}

  void on_name(wire::NameId id, std::string_view name) override {
    names_.set(id, std::string(name));
    log_.spool_->name(producer_, id, name);
  }

  void on_trace(const wire::Trace& trace) override {
    if (RunCounts* counts = this->counts(trace.client))
      count(*counts, trace, names_.at(trace.phase) == "warmup");
    if (log_.options_.counts_requests) log_.requests_.add(trace, names_);
    if (!log_.tracing_ || !log_.options_.keep) return;
    if (!log_.has_room()) {
      ++log_.refused_;
      return;
    }
    log_.spool_->trace(producer_, trace);
    log_.written_.add(1);
  }

  // A new segment is whole in itself: it has all names.
  void repeat_names(store::SpoolWriter& spool) const {
    for (std::size_t id = 0; id < names_.size(); ++id) {
      const auto number = static_cast<wire::NameId>(id);
      spool.name(producer_, number, names_.at(number));
    }
  }

  load::TraceRing ring;

 private:
  RunCounts* counts(wire::NameId client) {
    if (assignments_ != log_.assignments_) {
      known_.clear();
      assignments_ = log_.assignments_;
    }
    if (client >= known_.size()) known_.resize(client + 1);
    Known& known = known_[client];
    if (!known.asked) known = {true, log_.counts_of(names_.at(client))};
    return known.counts;
  }

  struct Known {
    bool asked = false;
    RunCounts* counts = nullptr;
  };
  TraceLog& log_;
  const store::ProducerId producer_;
  wire::Names names_;
  std::vector<Known> known_;  // by the client's number
  std::uint64_t assignments_ = 0;
};

// A message may take a quarter of a ring. Headers as JSON are up to six times what was read.
std::size_t TraceLog::ring_bytes(std::size_t response) {
  constexpr std::size_t kHeaders = std::size_t{512} * 1024;
  return std::max(load::TraceRing::kBytes, 4 * (response + kHeaders));
}

TraceLog::TraceLog(const Options& options) : options_(fitted(options)) {
  for (std::size_t i = 0; i < options.loops; ++i)
    loops_.push_back(std::make_unique<Loop>(*this, static_cast<store::ProducerId>(i)));
}

TraceLog::~TraceLog() {
  stop();
}

Result<std::unique_ptr<TraceLog>> TraceLog::open(const Options& options) {
  TRY(make_folders(options.folder));
  std::unique_ptr<TraceLog> log(new TraceLog(options));
  TRY(log->begin_segment());
  return log;
}

load::TraceSink& TraceLog::sink(std::size_t loop) {
  return loops_[loop]->ring;
}

Result<void> TraceLog::begin_segment() {
  const std::string id = fmt::format("{}-{}-{:06}", options_.worker, options_.boot, segments_ + 1);
  auto spool = TRY(store::SpoolWriter::create(fmt::format("{}/{}.spool", options_.folder, id),
                                              {options_.bytes_max, store::WhenFull::kStop}));
  ++segments_;
  wire::Experiment experiment;
  experiment.id = id;
  experiment.name = "traces of worker " + options_.worker;
  experiment.creator = "galileo worker";
  experiment.created = experiment.start = options_.created;
  experiment.status = wire::kRunning;
  spool->experiment(experiment, {});
  for (const auto& loop : loops_) loop->repeat_names(*spool);
  std::swap(spool_, spool);
  if (!spool) return {};
  bytes_before_ += spool->size();
  refused_ += spool->traces_lost();
  return spool->close();
}

void TraceLog::start() {
  desk_.start("traces", [this](Time) { return tick(); }, kNever);
  desk_.call([this] {
    const Time now = desk_.clock().now();
    look_at_size(now);
    desk_.set_next(now + pace_.wait());
  });
}

Time TraceLog::tick() {
  pace_.took(drain_rings());
  auto flushed = spool_->flush();
  if (flushed.ok() && spool_->flushed() > options_.segment_bytes) flushed = begin_segment();
  trouble_ = flushed.ok() ? std::nullopt : std::optional<Error>(flushed.error());
  look_at_size(desk_.clock().now());
  return desk_.clock().now() + pace_.wait();
}

// All segments are asked, also those that earlier processes have left: whoever takes them out
// deletes them. A segment has more disk than it holds, by a share that an eighth covers.
void TraceLog::look_at_size(Time now) {
  if (options_.bytes_max == 0) return;
  if (looked_ == Time{} || now - looked_ >= kLookEvery) {
    looked_ = now;
    std::uint64_t used = 0;
    for (const std::string& path :
         spool_segments(options_.folder, options_.worker, options_.boot)) {
      const auto file = open_file(path, FileMode::kRead);
      if (file.ok()) used += (*file)->disk_use().value_or(0);
    }
    // Once it is full there is a piece of room before it goes on.
    const std::uint64_t most = options_.bytes_max - options_.bytes_max / 8;
    is_full_ = used > (is_full_ ? most - options_.bytes_max / 8 : most);
    bytes_until_ = bytes_before_ + spool_->size() + (is_full_ ? 0 : most - std::min(most, used));
  }
  if (is_full_)
    trouble_ = Error{ErrorCode::kIo, "no more traces are kept", options_.folder,
                     "those that wait there take the disk that --spool-max allows",
                     "let the bus or the database take them, or raise --spool-max"};
}

// Not only as of the last look: as much as a ring holds may come at once.
bool TraceLog::has_room() {
  if (options_.bytes_max == 0) return true;
  is_full_ = is_full_ || bytes_before_ + spool_->size() >= bytes_until_;
  return !is_full_;
}

std::size_t TraceLog::drain_rings() {
  std::size_t taken = 0;
  for (const auto& loop : loops_) taken += loop->ring.drain(*loop);
  return taken;
}

void TraceLog::stop() {
  if (!desk_.is_running()) return;
  desk_.stop();
  drain_rings();
  const auto closed = spool_->close();
  trouble_ = closed.ok() ? std::nullopt : std::optional<Error>(closed.error());
  spool_.reset();  // and its lock, by which the outlet sees that nothing more will come
}

void TraceLog::set_tracing(bool on) {
  desk_.post([this, on] {
    drain_rings();  // what was made before is treated as before
    tracing_ = on;
  });
}

std::string TraceLog::metrics_page() {
  if (!options_.counts_requests || !desk_.is_running()) return {};
  load::RequestMetrics copy;
  desk_.call([&] { copy = requests_; });
  return copy.page();
}

void TraceLog::assign(const std::string& run, const std::vector<std::string>& clients) {
  desk_.call([&] {
    drain_rings();
    std::unique_ptr<RunCounts>& counts = runs_[run];
    if (!counts) counts = std::make_unique<RunCounts>();
    for (const std::string& client : clients) run_of_[client] = counts.get();
    ++assignments_;
  });
}

void TraceLog::forget(const std::string& run) {
  desk_.call([&] {
    drain_rings();
    const auto found = runs_.find(run);
    if (found == runs_.end()) return;
    std::erase_if(run_of_, [&](const auto& entry) { return entry.second == found->second.get(); });
    ++assignments_;
    runs_.erase(found);
  });
}

TraceLog::RunCounts* TraceLog::counts_of(const std::string& client) {
  const auto found = run_of_.find(client);
  return found == run_of_.end() ? nullptr : found->second;
}

void TraceLog::count(RunCounts& counts, const wire::Trace& trace, bool warmup) {
  counts.ledger.count(trace);
  if (counts.first_created == kNoWall || trace.created < counts.first_created)
    counts.first_created = trace.created;
  ++counts.offered_last;
  const bool answered = trace.failure == wire::Failure::none;
  const bool failed = wire::failure_group(trace.failure) == wire::FailureGroup::failed;
  counts.answered_last += answered;
  counts.failed_last += failed;
  const auto add = [warmup](Histogram& whole, Histogram& last, Duration value) {
    if (!warmup) whole.add(value);
    last.add(value);
  };
  if (answered) add(counts.latency, counts.latency_last, trace.done - trace.created);
  if (!trace.closed_loop && trace.dispatched != kNoWall)
    add(counts.dispatch_error, counts.dispatch_error_last, trace.dispatched - trace.created);
}

void TraceLog::fill(wire::RunReport& report, bool next) {
  desk_.call([&] {
    drain_rings();
    for (const auto& loop : loops_) report.traces_lost += loop->ring.lost();
    report.traces_lost += spool_->traces_lost() + refused_;
    const auto found = runs_.find(report.run);
    if (found == runs_.end()) return;
    RunCounts& counts = *found->second;
    const load::Ledger& ledger = counts.ledger;
    report.started = counts.first_created;
    report.sent = ledger.sent;
    report.answered = ledger.answered;
    report.retried = ledger.retried;
    report.traces_made = ledger.traces_made;
    for (std::size_t i = 1; i < ledger.failures.size(); ++i) {
      if (ledger.failures[i] > 0)
        report.failures[std::string(wire::failure_name(static_cast<wire::Failure>(i)))] =
            ledger.failures[i];
    }
    report.latency = counts.latency;
    report.dispatch_error = counts.dispatch_error;
    report.latency_last = counts.latency_last;
    report.dispatch_error_last = counts.dispatch_error_last;
    report.offered_last = counts.offered_last;
    report.answered_last = counts.answered_last;
    report.failed_last = counts.failed_last;
    report.number = counts.reports + 1;
    if (!next) return;
    ++counts.reports;
    counts.latency_last.clear();
    counts.dispatch_error_last.clear();
    counts.offered_last = counts.answered_last = counts.failed_last = 0;
  });
}

std::string TraceLog::trouble() {
  std::string text;
  if (!desk_.is_running()) return trouble_ ? trouble_->to_text() : text;
  desk_.call([&] {
    if (trouble_) text = trouble_->to_text();
  });
  return text;
}

std::vector<std::string> spool_segments(const std::string& folder, const std::string& worker,
                                        const std::string& boot) {
  std::vector<std::string> paths;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    // The boot has 8 digits and the segment 6: a worker whose name begins with ours is another one.
    if (name.starts_with(worker + "-") && name.ends_with(".spool") &&
        name.size() == worker.size() + std::string_view("-01234567-000001.spool").size())
      paths.push_back(entry.path().string());
  }
  const std::string ours = fmt::format("/{}-{}-", worker, boot);
  std::sort(paths.begin(), paths.end(), [&](const std::string& one, const std::string& other) {
    const auto place = [&](const std::string& path) {
      return std::pair<bool, const std::string&>(path.find(ours) != std::string::npos, path);
    };
    return place(one) < place(other);
  });
  return paths;
}

}  // namespace galileo::fleet
