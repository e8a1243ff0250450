#include "store/copy.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <optional>
#include <random>

#include "base/text.h"
#include "wire/trace_fields.h"

namespace galileo::store {
namespace {

// The size of one transaction.
constexpr std::uint64_t kRowsAtOnce = 10'000;
constexpr std::size_t kBytesAtOnce = std::size_t{8} << 20;

// RowNumbers are bytes of a spool, in which a record takes some.
constexpr RowNumber kRowStep = 64;

// Puts rows into the target by transactions of bounded size; remembers the first failure, and takes
// no rows after it.
class Copy {
 public:
  Copy(Store& to, const std::string& id, const CopyOptions& options)
      : to_(to), id_(id), options_(options) {}

  bool node_info(const wire::NodeInfo& info) {
    return put(counts_.node_infos, info.value.size(),
               [&](RowNumber row) { return to_.put_node_info(id_, row, info); });
  }
  bool trace(const wire::NamedTrace& named) {
    return put(counts_.traces, named.headers.size() + named.response.size(), [&](RowNumber row) {
      return to_.put_trace(id_, row, again_.of(named), again_.names());
    });
  }
  bool sample(const wire::Sample& sample) {
    counts_.infinite_left_out += std::isinf(sample.value) ? 1 : 0;  // unless the target has them
    return put(counts_.samples, 0, [&](RowNumber row) { return to_.put_sample(id_, row, sample); });
  }
  bool event(const wire::Event& event) {
    return put(counts_.events, event.value.size(),
               [&](RowNumber row) { return to_.put_event(id_, row, event); });
  }

  // The rows that are left; tells what failed, now or before.
  Result<CopyCounts> finish() {
    commit();
    if (failure_) {
      to_.rollback();
      return *failure_;
    }
    return counts_;
  }

 private:
  template <class Put>
  bool put(std::uint64_t& count, std::size_t bytes, Put&& put_row) {
    if (failure_) return false;
    if (!begun_) keep(to_.begin());
    begun_ = true;
    if (!failure_) keep(put_row((counts_.rows() + 1) * kRowStep));
    ++count;
    ++rows_;
    bytes_ += bytes;
    if (rows_ >= kRowsAtOnce || bytes_ >= kBytesAtOnce) commit();
    return !failure_;
  }
  void commit() {
    if (failure_ || !begun_) return;
    keep(to_.commit());
    if (failure_) return;
    begun_ = false;
    rows_ = 0;
    bytes_ = 0;
    if (!options_.go_on(counts_))
      failure_ = Error{ErrorCode::kInterrupted, "the import was ended", to_.where(), {}, {}};
  }
  void keep(const Result<void>& result) {
    if (!result.ok() && !failure_) failure_ = result.error();
  }

  Store& to_;
  const std::string& id_;
  const CopyOptions& options_;
  TraceAgain again_;
  CopyCounts counts_;
  std::uint64_t rows_ = 0;
  std::size_t bytes_ = 0;
  bool begun_ = false;
  std::optional<Error> failure_;
};

Result<CopyCounts> copy_rows(Store& from, Store& to, const std::string& id,
                             const CopyOptions& options) {
  Copy copy(to, id, options);
  const auto read = [&]() -> Result<void> {
    TRY(from.each_node_info(id, [&](const wire::NodeInfo& info) { return copy.node_info(info); }));
    TRY(from.each_trace(id, [&](const wire::NamedTrace& trace) { return copy.trace(trace); }));
    TRY(from.each_sample(id, [&](const wire::Sample& sample) { return copy.sample(sample); }));
    return from.each_event(id, [&](const wire::Event& event) { return copy.event(event); });
  }();
  auto copied = copy.finish();
  if (!read.ok() && copied.ok()) return read.error();
  return copied;
}

Result<CopyCounts> count_rows(Store& store, const std::string& id) {
  const StoredRows counts = TRY(store.counts(id));
  CopyCounts all{0, counts.traces, counts.telemetry, counts.events};
  TRY(store.each_node_info(id, [&](const wire::NodeInfo&) { ++all.node_infos; }));
  return all;
}

// Whether what is written to the one is read in the other: however they are called, they are one
// database. Tried with an experiment that nobody has.
Result<bool> are_one(Store& from, Store& to) {
  std::error_code none;
  if (std::filesystem::equivalent(from.where(), to.where(), none)) return true;
  wire::Experiment probe;
  std::random_device device;
  probe.id = fmt::format("probe-{:08x}{:08x}", device(), device());
  probe.name = "whether two databases are one";
  probe.status = kImporting;
  TRY(to.save_experiment(probe));
  const auto found = from.experiment(probe.id);
  TRY(to.remove(probe.id));
  return TRY(found).has_value();
}

Result<void> check_same(const CopyCounts& copied, const CopyCounts& there, const std::string& whose,
                        const std::string& where, const std::string& hint) {
  const auto text = [](const CopyCounts& counts) {
    return fmt::format("{} traces, {} values, {} events and {} node infos",
                       format_count(counts.traces), format_count(counts.samples),
                       format_count(counts.events), format_count(counts.node_infos));
  };
  const std::string wanted = text(copied);
  const std::string found = text(there);
  if (wanted == found) return {};
  return Error{ErrorCode::kIo, "the copy isn't whole", where,
               fmt::format("{} were copied, {} has {}", wanted, whose, found), hint};
}

// Makes room for the experiment; refuses to where the target has something of that id.
Result<void> make_room(Store& to, const std::string& id, bool replace) {
  const auto there = TRY(to.experiment(id));
  const bool unfinished = there && there->status == kImporting;
  if (!replace && !unfinished && (there || TRY(count_rows(to, id)).rows() > 0)) {
    return Error{ErrorCode::kUsage, fmt::format("can't import experiment {}", id), to.where(),
                 there ? "the database has an experiment of that id already"
                       : "the database has rows of that id already, though no experiment",
                 "--replace removes what is there first, or name another database with --db"};
  }
  return to.remove(id);
}

// All but making room and cleaning up.
Result<CopyCounts> copy_whole(Store& from, Store& to, const wire::Experiment& experiment,
                              const CopyOptions& options) {
  const std::string& id = experiment.id;
  wire::Experiment begun = experiment;
  begun.status = kImporting;
  TRY(to.save_experiment(begun));
  CopyCounts copied = TRY(copy_rows(from, to, id, options));
  TRY(check_same(copied, TRY(count_rows(from, id)), "the source", from.where(),
                 "rows come or go there while it is read: try again when its run is over"));
  const CopyCounts stored = TRY(count_rows(to, id));
  if (stored.samples + copied.infinite_left_out == copied.samples)
    copied.samples = stored.samples;
  else
    copied.infinite_left_out = 0;
  TRY(check_same(copied, stored, "the target", to.where(),
                 "check that no other program writes this experiment, and try again"));
  const std::string metadata = TRY(from.metadata(id));
  TRY(to.begin());
  const auto saved = [&]() -> Result<void> {
    if (!metadata.empty()) TRY(to.save_metadata(id, metadata));
    TRY(to.save_experiment(experiment));
    return to.commit();
  }();
  if (!saved.ok()) {
    to.rollback();
    return saved.error();
  }
  TRY(to.sync());
  return copied;
}

}  // namespace

const wire::Trace& TraceAgain::of(const wire::NamedTrace& named) {
  // A field's place says which number its name has.
  const auto name = [this](std::size_t place, std::string_view text) -> wire::NameId {
    if (text.empty()) return 0;
    const auto number = static_cast<wire::NameId>(place + 1);
    names_.set(number, std::string(text));
    return number;
  };
  const wire::RequestId id = wire::split_request_id(named.request_id);
  trace_ = {};
  wire::copy_values(trace_, named);
  trace_.number = id.number;
  trace_.id_prefix = name(wire::field_place::request_id, id.prefix);
#define TRACE_NAME(member, ...) trace_.member = name(wire::field_place::member, named.member);
#define TRACE_HEADERS(member, ...) trace_.member = named.member;
#define TRACE_RESPONSE(member, ...) trace_.member = named.member;
#include "wire/trace_fields.def"
  trace_.failure = wire::failure_named(named.failure);
  if (trace_.failure == wire::Failure::none)
    trace_.foreign_failure = name(wire::field_place::failure, named.failure);
  return trace_;
}

Result<CopyCounts> copy_experiment(Store& from, Store& to, wire::Experiment experiment,
                                   const CopyOptions& options) {
  if (from.where() == to.where() || (options.replace && TRY(are_one(from, to))))
    return Error{ErrorCode::kUsage, fmt::format("can't import experiment {}", experiment.id),
                 to.where(), "source and target are the same database",
                 "name another one with --db"};
  if (!options.name.empty()) experiment.name = options.name;
  TRY(make_room(to, experiment.id, options.replace));
  auto copied = copy_whole(from, to, experiment, options);
  // Where even that fails it is left as kImporting, and the next import begins anew.
  if (!copied.ok()) static_cast<void>(to.remove(experiment.id).ok());
  return copied;
}

}  // namespace galileo::store
