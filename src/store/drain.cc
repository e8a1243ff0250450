#include "store/drain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/log.h"
#include "base/text.h"

namespace galileo::store {

// Puts records into the store; remembers the first failure, since a visitor returns nothing.
class Drain::Rows final : public SpoolVisitor {
 public:
  // `committed`: up to where the store's last word was that it has the spool.
  Rows(const SpoolReader& reader, Store& store, const std::uint64_t& committed, MayWrite may_write)
      : reader_(reader), store_(store), committed_(committed), may_write_(std::move(may_write)) {}

  void on_experiment(const wire::Experiment& seen, std::string_view metadata) override {
    so_far.experiment = seen;
    save(seen, metadata);
  }
  void on_end(const wire::Experiment& seen, std::string_view metadata) override {
    so_far.ended = true;
    save(seen, metadata);
  }
  void on_node_info(const wire::NodeInfo& info) override {
    if (may_put()) keep(store_.put_node_info(so_far.experiment.id, reader_.record_at(), info));
  }
  void on_trace(const wire::Trace& trace, const wire::Names& names) override {
    ++so_far.traces;
    if (may_put()) keep(store_.put_trace(so_far.experiment.id, reader_.record_at(), trace, names));
  }
  void on_sample(const wire::Sample& sample) override {
    left_out += std::isfinite(sample.value) ? 0 : 1;
    if (may_put()) keep(store_.put_sample(so_far.experiment.id, reader_.record_at(), sample));
  }
  void on_event(const wire::Event& event) override {
    if (may_put()) keep(store_.put_event(so_far.experiment.id, reader_.record_at(), event));
  }

  // What a failed step takes back.
  struct Progress {
    wire::Experiment experiment;
    bool ended = false;
    std::uint64_t traces = 0;
  };
  Progress so_far;
  std::optional<Error> failure;
  std::uint64_t left_out = 0;  // values that are none, which a database may have no place for
  bool is_behind = false;      // that failed since the store has less than it has answered for

  // A transaction is only begun when there is something to put: idle, a drain locks nobody out.
  void begin() {
    if (begun_ || failure) return;
    keep(store_.begin());
    begun_ = !failure;
    if (begun_) look_behind();
    if (begun_ && !failure) look_ended();
    if (begun_ && !failure && may_write_ && !may_write_())
      failure = not_ours("others may have it by now");
  }
  Result<void> commit(std::uint64_t position) {
    begin();
    if (!failure) keep(store_.save_spool_position(so_far.experiment.id, position));
    if (!failure) keep(store_.commit());
    if (failure) return *failure;
    begun_ = false;
    return {};
  }
  void take_back(const Progress& progress) {
    if (begun_) store_.rollback();
    begun_ = false;
    so_far = progress;
    failure.reset();
    is_behind = false;
  }

 private:
  // Within the transaction: a store connects anew by itself, and what answers then may be a server
  // that was killed in between and came back with less.
  void look_behind() {
    if (so_far.experiment.id.empty() || committed_ == 0) return;
    const auto stored = store_.spool_position(so_far.experiment.id);
    if (!stored.ok()) failure = stored.error();
    if (!stored.ok() || stored->value_or(0) >= committed_) return;
    is_behind = true;
    failure = Error{ErrorCode::kUnavailable,
                    "the database has lost what it had stored",
                    store_.where(),
                    {},
                    {}};
  }
  // Within the transaction, too.
  void look_ended() {
    ended_.reset();
    if (so_far.experiment.id.empty()) return;
    auto stored = store_.experiment(so_far.experiment.id);
    // A database that is only written to can't be asked.
    if (!stored.ok() && stored.error().code == ErrorCode::kUsage) return;
    if (!stored.ok()) failure = stored.error();
    if (!stored.ok() || !*stored || !wire::is_final((*stored)->status)) return;
    if (so_far.ended && (*stored)->status == so_far.experiment.status) return;
    ended_ = std::move(**stored);
    if (may_write_) failure = not_ours("others have ended it as " + ended_->status);
  }
  Error not_ours(std::string why) const {
    return Error{ErrorCode::kInterrupted,
                 "nothing of it is written any more",
                 so_far.experiment.id,
                 std::move(why),
                 {}};
  }
  static bool is_same_end(const wire::Experiment& one, const wire::Experiment& other) {
    constexpr Duration kNear = std::chrono::milliseconds{1};  // what a database may leave of it
    return one.status == other.status && std::chrono::abs(one.end - other.end) <= kNear;
  }
  void save(const wire::Experiment& seen, std::string_view metadata) {
    begin();
    if (ended_ && !is_same_end(*ended_, seen)) return;
    if (!failure) keep(store_.save_experiment(seen));
    if (!failure && !metadata.empty()) keep(store_.save_metadata(seen.id, metadata));
  }
  // Rows that belong to no experiment would be put again each time.
  bool may_put() {
    begin();
    if (!failure && so_far.experiment.id.empty())
      failure = Error{ErrorCode::kCorrupt,
                      "can't drain the spool",
                      {},
                      "it doesn't begin with its experiment",
                      {}};
    return !failure;
  }
  void keep(const Result<void>& result) {
    if (!result.ok()) failure = result.error();
  }

  const SpoolReader& reader_;
  Store& store_;
  const std::uint64_t& committed_;
  const MayWrite may_write_;
  bool begun_ = false;
  std::optional<wire::Experiment> ended_;  // in the store, otherwise than the spool says
};

// A commit that failed, perhaps only its answer.
struct Drain::Unanswered {
  SpoolReader::Place place;
  Rows::Progress progress;
};

namespace {

// How much of the spool a step holds in memory, and a database in one transaction.
constexpr std::size_t kDrainedAtOnce = std::size_t{8} << 20;

// So often a database may lose the same again: somebody may kill it each time, but not for ever.
constexpr int kTimesBehindMax = 5;

// Only the experiment's record, which comes first: its id is needed to ask how far the store is.
struct FirstRecord final : SpoolVisitor {
  void on_experiment(const wire::Experiment& seen, std::string_view) override { experiment = seen; }
  wire::Experiment experiment;
};

}  // namespace

Drain::Drain(std::unique_ptr<SpoolReader> reader, Store& store, MayWrite may_write)
    : reader_(std::move(reader)),
      start_(reader_->place()),
      store_(store),
      rows_(std::make_unique<Rows>(*reader_, store, committed_, std::move(may_write))),
      refused_at_open_(store.refused()),
      refused_before_(refused_at_open_) {}

Drain::~Drain() = default;

Result<std::unique_ptr<Drain>> Drain::open(const std::string& spool_path, Store& store,
                                           MayWrite may_write) {
  FirstRecord first;
  auto state = SpoolReader::State::kEnd;
  {
    auto reader = TRY(SpoolReader::open(spool_path));
    state = TRY(reader->read(first, 1));
  }
  std::unique_ptr<Drain> drain(
      new Drain(TRY(SpoolReader::open(spool_path)), store, std::move(may_write)));
  if (!first.experiment.id.empty())
    TRY(drain->go_on_with(first.experiment));
  else if (state == SpoolReader::State::kMore)
    TRY(drain->name_by_file());
  return drain;
}

// Goes on from where the store has the spool's rows.
Result<void> Drain::go_on_with(const wire::Experiment& experiment) {
  const auto position = TRY(store_.spool_position(experiment.id));
  if (!position) return {};
  TRY(reader_->skip_to(*position));
  left_out_is_known_ = false;
  committed_ = *position;
  rows_->so_far.experiment = experiment;
  // What was given back before that is in the store; where more was, only the store knows how much
  // of it isn't.
  missing_before_ = reader_->missing();
  if (reader_->position() > *position) {
    const StoredRows stored = TRY(store_.counts(experiment.id));
    lost_before_ = reader_->rows().behind({stored.traces, stored.telemetry + stored.events});
  }
  return {};
}

// Where the first record is damaged the file's name still says whose it is.
Result<void> Drain::name_by_file() {
  wire::Experiment experiment;
  experiment.id = std::filesystem::path(reader_->path()).stem().string();
  experiment.status = wire::kRunning;
  TRY(go_on_with(experiment));
  if (!TRY(store_.experiment(experiment.id))) TRY(store_.save_experiment(experiment));
  rows_->so_far.experiment = experiment;
  return {};
}

Result<bool> Drain::step(std::size_t records_max) {
  if (is_unsure_ && TRY(look_where_it_is())) return true;
  const SpoolReader::Place place = reader_->place();
  const Rows::Progress progress = rows_->so_far;
  auto moved = [&]() -> Result<bool> {
    at_end_ = TRY(reader_->read(*rows_, records_max, kDrainedAtOnce)) == SpoolReader::State::kEnd;
    if (rows_->failure) return *rows_->failure;
    if (reader_->position() == place.position) return false;
    auto committed = rows_->commit(reader_->position());
    if (!committed.ok()) {
      unanswered_ = std::make_unique<Unanswered>(Unanswered{reader_->place(), rows_->so_far});
      return committed.error();
    }
    committed_ = reader_->position();
    refused_ = store_.refused().since(refused_at_open_);
    return true;
  }();
  if (moved.ok()) return moved;
  const bool is_behind = rows_->is_behind;
  is_unsure_ = unanswered_ || moved.error().code == ErrorCode::kUnavailable;
  reader_->go_to(place);
  rows_->take_back(progress);
  if (is_behind) return true;
  return moved;
}

// How far the store really is, after a failure. True where that was news, and the drain is there
// now.
Result<bool> Drain::look_where_it_is() {
  const std::string id = (unanswered_ ? unanswered_->progress : rows_->so_far).experiment.id;
  const std::uint64_t stored = id.empty() ? 0 : TRY(store_.spool_position(id)).value_or(0);
  const bool is_behind = stored < committed_;
  if (is_behind && stored == behind_at_ && ++times_behind_ > kTimesBehindMax)
    return Error{ErrorCode::kIo, "the database doesn't keep what it is given", store_.where(),
                 fmt::format("{} times it came back with as little", times_behind_),
                 "look at its log and its disk; what it hasn't is in the spool"};
  if (is_behind && stored != behind_at_) times_behind_ = 1;
  if (is_behind) behind_at_ = stored;
  if (is_behind) TRY(go_back("the database has lost what it had stored; it is put again"));
  is_unsure_ = false;
  const auto unanswered = std::move(unanswered_);
  if (is_behind) {
    committed_ = stored;
    return true;
  }
  if (!unanswered || stored != unanswered->place.position) return false;
  committed_ = stored;
  refused_ = store_.refused().since(refused_at_open_);
  reader_->go_to(unanswered->place);
  rows_->so_far = unanswered->progress;
  return true;
}

// Goes to where the store is, behind what it has answered for.
Result<void> Drain::go_back(const char* why) {
  const std::uint64_t passed = reader_->rows().traces;
  const SpoolReader::Place place = reader_->place();
  const std::uint64_t committed = committed_;
  auto gone = [&]() -> Result<void> {
    reader_->go_to(start_);
    missing_before_ = {};
    rows_->left_out = 0;
    left_out_is_known_ = true;
    return go_on_with(rows_->so_far.experiment);
  }();
  if (!gone.ok()) {
    reader_->go_to(place);
    committed_ = committed;
    return gone;
  }
  const std::uint64_t again = passed - std::min(passed, reader_->rows().traces);
  log(LogLevel::kWarning, why,
      {{"database", store_.where()}, {"traces", fmt::format("{}", again)}});
  rows_->so_far.ended = false;
  rows_->so_far.traces -= std::min(rows_->so_far.traces, again);
  return {};
}

Result<void> Drain::finish(const std::function<void()>& on_step) {
  while (true) {
    while (TRY(step())) {
      if (on_step) on_step();
    }
    if (TRY(reader_->skip_damage())) {
      if (rows_->so_far.experiment.id.empty()) TRY(name_by_file());
    } else if (TRY(settle())) {
      return {};
    }
  }
}

// First to its disk: what is counted then, a server that fails can't take back.
Result<bool> Drain::settle() {
  missing_ = {};
  TRY(store_.sync());
  const std::string& id = rows_->so_far.experiment.id;
  if (id.empty()) return true;
  if (TRY(store_.spool_position(id)).value_or(0) < committed_) {
    is_unsure_ = true;
    return !TRY(look_where_it_is());
  }
  // What was in a damaged place nobody can put again; that is told by damaged().
  if (reader_->damaged() > 0) return true;
  const auto counted = store_.counts(id);
  // A database that is only written to can't be asked.
  if (!counted.ok() && counted.error().code == ErrorCode::kUsage) return true;
  const StoredRows counts = TRY(counted);
  const SpoolRows stored{counts.traces, counts.telemetry + counts.events};
  const RefusedRows refused = store_.refused().since(refused_before_);
  const SpoolRows kept = reader_->rows().behind(given_up());
  const SpoolRows expected = kept.behind({refused.traces, refused.others + rows_->left_out});
  missing_ = expected.behind(stored);
  // Values that are none may have been passed before; where all is put again, that is known.
  if (!left_out_is_known_ && reader_->missing() != SpoolRows{}) missing_.others = 0;
  if (missing_ == SpoolRows{} && kept.traces > 0 && stored.traces == 0) missing_ = kept;
  if (missing_ == SpoolRows{}) return true;
  if (!was_put_again_ && reader_->missing() == SpoolRows{}) {
    TRY(put_again());
    return false;
  }
  return Error{
      ErrorCode::kIo, "the database hasn't all that it was given", store_.where(),
      fmt::format("it has {} of {} traces, and {} of {} other rows",
                  format_count(std::min(stored.traces, kept.traces)), format_count(kept.traces),
                  format_count(std::min(stored.others, kept.others)), format_count(kept.others)),
      refused.rows() > 0 ? to_text(refused)
                         : "look at what else writes there; the spool has all of them"};
}

// All of it in place of what is there: which rows are missing a database can't tell.
Result<void> Drain::put_again() {
  TRY(store_.remove(rows_->so_far.experiment.id));
  was_put_again_ = true;
  refused_before_ = store_.refused();
  lost_before_ = {};
  committed_ = 0;
  return go_back("the database has fewer rows than it was given; all are put again");
}

SpoolRows Drain::missing() const {
  return missing_;
}
bool Drain::ended() const {
  return rows_->so_far.ended;
}
std::uint64_t Drain::traces() const {
  return rows_->so_far.traces;
}
SpoolRows Drain::given_up() const {
  return lost_before_ + reader_->missing().behind(missing_before_);
}
const SpoolRows& Drain::passed() const {
  return reader_->rows();
}
std::uint64_t Drain::position() const {
  return reader_->position();
}
std::uint64_t Drain::damaged() const {
  return reader_->damaged();
}
const wire::Experiment& Drain::experiment() const {
  return rows_->so_far.experiment;
}

}  // namespace galileo::store
