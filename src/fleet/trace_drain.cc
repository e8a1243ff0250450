#include "fleet/trace_drain.h"

#include <filesystem>

#include "base/log.h"
#include "fleet/trace_log.h"
#include "store/recover.h"

namespace galileo::fleet {
namespace {

// What came in between goes in with one commit.
constexpr Duration kDrainEvery = std::chrono::milliseconds{250};
constexpr Duration kDrainAgainAfter = std::chrono::seconds{2};
constexpr std::size_t kRecordsAtOnce = 5000;

std::string id_of(const std::string& segment) {
  return std::filesystem::path(segment).stem().string();
}

// Puts traces into the store, in a transaction that begins with the first.
class Rows final : public store::SpoolVisitor {
 public:
  // `begun` is asked once the transaction has begun.
  Rows(const store::SpoolReader& reader, store::Store& store, std::function<Result<void>()> begun)
      : reader_(reader), store_(store), begun_(std::move(begun)) {}
  void on_trace(const wire::Trace& trace, const wire::Names& names) override {
    if (!result.ok()) return;
    if (traces == 0) result = store_.begin();
    if (traces == 0 && result.ok()) result = begun_();
    if (result.ok()) result = store_.put_trace({}, reader_.record_at(), trace, names);
    ++traces;
  }
  std::uint64_t traces = 0;
  Result<void> result;

 private:
  const store::SpoolReader& reader_;
  store::Store& store_;
  const std::function<Result<void>()> begun_;
};

}  // namespace

TraceDrain::TraceDrain(std::unique_ptr<store::Store> store, Options options)
    : store_(std::move(store)), options_(std::move(options)) {}

TraceDrain::~TraceDrain() {
  stop(Duration{0});
}

Result<std::unique_ptr<TraceDrain>> TraceDrain::open(const std::string& database,
                                                     const Options& options) {
  auto store = TRY(store::open_store(database, store::OpenMode::kCreate));
  return std::unique_ptr<TraceDrain>(new TraceDrain(std::move(store), options));
}

void TraceDrain::start() {
  const auto tick = [this](Time now) {
    const auto more = store_some();
    if (!more.ok())
      log(LogLevel::kError, "traces can't be stored; they wait in the spool",
          {{"why", more.error().to_text()}});
    return now + (!more.ok() ? kDrainAgainAfter : *more && !at_end_ ? Duration{0} : kDrainEvery);
  };
  desk_.start("drain", tick, kNever);
  desk_.post([this] {
    net::lower_thread_priority();
    desk_.set_next(desk_.clock().now());
  });
}

bool TraceDrain::stop(Duration deadline) {
  if (!desk_.is_running()) return true;
  bool done = false;
  desk_.stop([&] {
    const net::Clock& clock = desk_.clock();
    for (const Time until = clock.now() + deadline; clock.now() < until;) {
      const auto more = store_some();
      if (more.ok() && *more) continue;
      done = more.ok() && spool_segments(options_.folder, options_.worker, options_.boot).empty();
      break;
    }
  });
  return done;
}

Result<bool> TraceDrain::next_segment() {
  for (const std::string& path : spool_segments(options_.folder, options_.worker, options_.boot)) {
    auto reader = store::SpoolReader::open(path);
    if (!reader.ok()) continue;
    const auto position = TRY(store_->spool_position(id_of(path)));
    if (position) TRY((*reader)->skip_to(*position));
    committed_ = position.value_or(0);
    reader_ = std::move(*reader);
    segment_ = path;
    return true;
  }
  return false;
}

// After a failure: a commit whose answer was lost may have been carried out, and a server that came
// back may have less than it had answered for.
Result<void> TraceDrain::settle() {
  if (!is_unsure_) return {};
  const auto position = TRY(store_->spool_position(id_of(segment_)));
  if (position.value_or(0) < committed_) reader_.reset();  // begun again where the store is
  if (reader_ && position && *position > reader_->position()) TRY(reader_->skip_to(*position));
  is_unsure_ = false;
  return {};
}

// Within the transaction: the store connects anew by itself, perhaps to a server that was killed.
Result<void> TraceDrain::look_behind() {
  if (committed_ == 0) return {};
  if (TRY(store_->spool_position(id_of(segment_))).value_or(0) >= committed_) return {};
  return Error{ErrorCode::kUnavailable,
               "the database has lost what it had stored",
               store_->where(),
               {},
               "it is put again"};
}

Result<bool> TraceDrain::store_some() {
  TRY(settle());
  if (!reader_ && !TRY(next_segment())) return false;
  const bool is_closed = !store::is_being_written(segment_);
  const store::SpoolReader::Place from = reader_->place();
  Rows rows(*reader_, *store_, [this] { return look_behind(); });
  const auto state = reader_->read(rows, kRecordsAtOnce);
  at_end_ = state.ok() && *state == store::SpoolReader::State::kEnd && !is_closed;
  if (rows.traces > 0) {
    auto stored = state.ok() ? std::move(rows.result) : Result<void>(state.error());
    if (stored.ok()) stored = store_->save_spool_position(id_of(segment_), reader_->position());
    if (stored.ok()) stored = store_->commit();
    if (!stored.ok()) {
      is_unsure_ = true;
      store_->rollback();
      reader_->go_to(from);
      return stored.error();
    }
    committed_ = reader_->position();
    traces_.add(rows.traces);
    return true;
  }
  if (TRY(state) == store::SpoolReader::State::kMore) return true;
  if (!is_closed || TRY(reader_->skip_damage())) return false;
  std::error_code ignored;
  std::filesystem::remove(segment_, ignored);
  reader_.reset();
  return true;
}

}  // namespace galileo::fleet
