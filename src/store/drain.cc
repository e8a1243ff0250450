#include "store/drain.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

namespace galileo::store {

// Puts records into the store; remembers the first failure, since a visitor returns nothing.
class Drain::Rows final : public SpoolVisitor {
 public:
  explicit Rows(Store& store) : store_(store) {}

  void on_experiment(const wire::Experiment& seen, std::string_view metadata) override {
    experiment = seen;
    save(seen, metadata);
  }
  void on_end(const wire::Experiment& seen, std::string_view metadata) override {
    ended = true;
    save(seen, metadata);
  }
  void on_node_info(const wire::NodeInfo& info) override {
    keep(store_.put_node_info(experiment.id, info));
  }
  void on_trace(const wire::Trace& trace, const wire::Names& names) override {
    ++traces;
    keep(store_.put_trace(experiment.id, trace, names));
  }
  void on_sample(const wire::Sample& sample) override {
    keep(store_.put_sample(experiment.id, sample));
  }
  void on_event(const wire::Event& event) override { keep(store_.put_event(experiment.id, event)); }

  wire::Experiment experiment;
  bool ended = false;
  std::uint64_t traces = 0;
  std::optional<Error> failure;

 private:
  void save(const wire::Experiment& seen, std::string_view metadata) {
    keep(store_.save_experiment(seen));
    if (!metadata.empty()) keep(store_.save_metadata(seen.id, metadata));
  }
  void keep(const Result<void>& result) {
    if (!result.ok() && !failure) failure = result.error();
  }

  Store& store_;
};

namespace {

// Only the experiment's record, which comes first: its id is needed to ask how far the store is.
struct FirstRecord final : SpoolVisitor {
  void on_experiment(const wire::Experiment& seen, std::string_view) override { experiment = seen; }
  void on_end(const wire::Experiment&, std::string_view) override {}
  void on_node_info(const wire::NodeInfo&) override {}
  void on_trace(const wire::Trace&, const wire::Names&) override {}
  void on_sample(const wire::Sample&) override {}
  void on_event(const wire::Event&) override {}
  wire::Experiment experiment;
};

}  // namespace

Drain::Drain(std::unique_ptr<SpoolReader> reader, Store& store)
    : reader_(std::move(reader)), store_(store), rows_(std::make_unique<Rows>(store)) {}

Drain::~Drain() = default;

Result<std::unique_ptr<Drain>> Drain::open(const std::string& spool_path, Store& store) {
  FirstRecord first;
  {
    auto reader = TRY(SpoolReader::open(spool_path));
    TRY(reader->read(first, 1));
  }
  std::unique_ptr<Drain> drain(new Drain(TRY(SpoolReader::open(spool_path)), store));
  if (first.experiment.id.empty()) return drain;
  if (const auto position = TRY(store.spool_position(first.experiment.id))) {
    TRY(drain->reader_->skip_to(*position));
    drain->rows_->experiment = first.experiment;
  }
  return drain;
}

Result<bool> Drain::step(std::size_t records_max) {
  const std::uint64_t before = reader_->position();
  TRY(store_.begin());
  const auto state = reader_->read(*rows_, records_max);
  if (state.ok() && !rows_->failure && reader_->position() != before) {
    if (auto saved = store_.save_spool_position(rows_->experiment.id, reader_->position());
        !saved.ok())
      rows_->failure = saved.error();
  }
  if (!state.ok() || rows_->failure) {
    store_.rollback();
    return state.ok() ? *rows_->failure : state.error();
  }
  TRY(store_.commit());
  return reader_->position() != before;
}

bool Drain::ended() const {
  return rows_->ended;
}
std::uint64_t Drain::traces() const {
  return rows_->traces;
}
const wire::Experiment& Drain::experiment() const {
  return rows_->experiment;
}

std::string spool_folder(const std::string& database_path) {
  return database_path + ".spool";
}

namespace {

// The latest time that any record of a spool tells: when a run that was cut off came to its end.
struct LastTime final : SpoolVisitor {
  void on_experiment(const wire::Experiment& seen, std::string_view) override { see(seen.start); }
  void on_end(const wire::Experiment& seen, std::string_view) override { see(seen.end); }
  void on_node_info(const wire::NodeInfo&) override {}
  void on_trace(const wire::Trace& trace, const wire::Names&) override { see(trace.done); }
  void on_sample(const wire::Sample& sample) override { see(sample.at); }
  void on_event(const wire::Event& event) override { see(event.at); }
  void see(Wall at) { last = std::max(last, at); }
  Wall last = kNoWall;
};

Result<Wall> last_time(const std::string& path) {
  LastTime visitor;
  const auto reader = TRY(SpoolReader::open(path));
  while (TRY(reader->read(visitor, 100'000)) == SpoolReader::State::kMore) {
  }
  return visitor.last;
}

// One spool of a run that is over. Nothing: it is still being written.
Result<std::optional<Recovered>> recover_one(const std::string& path, Store& store) {
  auto file = TRY(open_file(path, FileMode::kWrite));
  if (!file->lock()) return std::optional<Recovered>();
  auto drain = TRY(Drain::open(path, store));
  while (TRY(drain->step())) {
  }
  wire::Experiment experiment = drain->experiment();
  Recovered recovered{experiment.id, drain->traces(), false};
  if (experiment.id.empty()) return std::optional<Recovered>();
  const auto stored = TRY(store.experiment(experiment.id));
  if (!drain->ended() && stored && stored->status == wire::kRunning) {
    recovered.was_cut = true;
    experiment = *stored;
    experiment.status = wire::kFailed;
    experiment.end = TRY(last_time(path));
    TRY(store.save_experiment(experiment));
  }
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  std::filesystem::remove(std::filesystem::path(path).parent_path(), ignored);  // when empty
  return std::optional<Recovered>(recovered);
}

}  // namespace

Result<std::vector<Recovered>> recover(Store& store) {
  std::vector<Recovered> all;
  std::error_code error;
  std::filesystem::directory_iterator folder(spool_folder(store.where()), error);
  if (error) return all;
  std::vector<std::string> paths;
  for (const auto& entry : folder) {
    if (entry.path().extension() == ".spool") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) {
    if (const auto one = TRY(recover_one(path, store))) all.push_back(*one);
  }
  return all;
}

Result<std::unique_ptr<Store>> open_store(const std::string& where, OpenMode mode) {
  if (where.size() > 6 && where.substr(where.size() - 6) == ".spool" &&
      std::filesystem::is_regular_file(where)) {
    auto store = TRY(open_sqlite(":memory:", OpenMode::kCreate));
    auto drain = TRY(Drain::open(where, *store));
    while (TRY(drain->step())) {
    }
    return store;
  }
#define DRIVER(name, scheme) \
  if (where.rfind(scheme, 0) == 0) return open_##name(where.substr(sizeof(scheme) - 1), mode);
#include "store/drivers.def"
#undef DRIVER
  if (const std::size_t colon = where.find("://"); colon != std::string::npos)
    return Error{ErrorCode::kUsage,
                 "unknown kind of database",
                 where,
                 {},
                 "use a path, which is SQLite's, or sqlite:PATH"};
  return open_sqlite(where, mode);
}

}  // namespace galileo::store
