#include "store/recover.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "store/database_url.h"
#include "store/drain.h"

namespace galileo::store {

std::string spool_folder(const std::string& database) {
  return path_beside(database, ".spool");
}

namespace {

std::string link_of(const std::string& spool_path, const std::string& database) {
  return fmt::format("{}/{}", spool_folder(database),
                     std::filesystem::path(spool_path).filename().string());
}

}  // namespace

Result<void> link_spool(const std::string& spool_path, const std::string& database) {
  const std::string link = link_of(spool_path, database);
  std::error_code error;
  const auto whole = std::filesystem::absolute(spool_path, error);
  if (std::filesystem::exists(link, error)) return {};  // it lies there itself
  const auto made = make_folders(spool_folder(database));
  if (made.ok()) std::filesystem::create_symlink(whole, link, error);
  if (made.ok() && !error) return {};
  return Error{ErrorCode::kIo, "galileo exp won't find the spool by itself", link,
               "no link to it could be made: " + (made.ok() ? error.message() : made.error().why),
               "galileo exp import SPOOL takes it in"};
}

void remove_spool(const std::string& spool_path, const std::string& database) {
  const auto remove_file = [](const std::filesystem::path& path) {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    std::filesystem::remove(path.parent_path(), ignored);  // when empty
  };
  remove_file(spool_path);
  if (!database.empty()) remove_file(link_of(spool_path, database));
}

bool is_spool(const std::string& where) {
  std::error_code ignored;
  return std::filesystem::path(where).extension() == ".spool" &&
         std::filesystem::is_regular_file(where, ignored);
}

bool is_being_written(const std::string& spool_path) {
  const auto file = open_file(spool_path, FileMode::kRead);
  return file.ok() && !(*file)->lock();
}

namespace {

// The latest time that any record of a spool tells: when a run that was cut off came to its end;
// and the last that it told of its ledger.
struct LastTime final : SpoolVisitor {
  void on_experiment(const wire::Experiment& seen, std::string_view metadata) override {
    see(seen.created);
    see(seen.start);
    if (!metadata.empty()) checkpoint = metadata;
  }
  void on_trace(const wire::Trace& trace, const wire::Names&) override {
    see(trace.created);
    see(trace.done);
  }
  void on_sample(const wire::Sample& sample) override { see(sample.at); }
  void on_event(const wire::Event& event) override { see(event.at); }
  void see(Wall at) { last = std::max(last, at); }
  Wall last = kNoWall;
  std::string checkpoint;  // JSON
};

Result<LastTime> last_of(const std::string& path) {
  LastTime visitor;
  const auto reader = TRY(SpoolReader::open(path));
  do {
    while (TRY(reader->read(visitor, 100'000)) == SpoolReader::State::kMore) {
    }
  } while (TRY(reader->skip_damage()));
  return visitor;
}

std::string metadata_of(const Recovered& recovered, const std::string& checkpoint) {
  nlohmann::ordered_json json = {
      {"notes", {"recovered: the run was cut off"}}, {"damaged_bytes", recovered.damaged},
      {"traces_lost", recovered.given_up.traces},    {"others_lost", recovered.given_up.others},
      {"traces_refused", recovered.refused.traces},  {"others_refused", recovered.refused.others}};
  const auto told = nlohmann::ordered_json::parse(checkpoint, nullptr, false);
  if (told.is_object()) json.update(told);
  return json.dump();
}

// A run that left no end record has failed, at the time of its last one.
Result<void> mark_cut(const std::string& path, const Recovered& recovered,
                      wire::Experiment experiment, Store& store) {
  experiment.status = wire::kFailed;
  const LastTime last = TRY(last_of(path));
  experiment.end = last.last;
  TRY(store.begin());
  const auto saved = [&]() -> Result<void> {
    TRY(store.save_experiment(experiment));
    if (!last.checkpoint.empty() || TRY(store.metadata(experiment.id)).empty())
      TRY(store.save_metadata(experiment.id, metadata_of(recovered, last.checkpoint)));
    return store.commit();
  }();
  if (!saved.ok()) store.rollback();
  return saved;
}

}  // namespace

Result<Recovered> take_whole(const std::string& path, Store& store, const OnRecovering& told) {
  const auto drain = TRY(Drain::open(path, store));
  TRY(drain->finish([&] {
    if (told) told(drain->experiment().id, drain->traces());
  }));
  Recovered recovered;
  recovered.refused = drain->refused();
  recovered.id = drain->experiment().id;
  recovered.traces = drain->traces() - std::min(drain->traces(), recovered.refused.traces);
  recovered.given_up = drain->given_up();
  recovered.damaged = drain->damaged();
  if (drain->ended() || recovered.id.empty()) return recovered;
  const auto stored = TRY(store.experiment(recovered.id));
  recovered.was_cut =
      stored && (stored->status == wire::kRunning || stored->status == wire::kInProgress);
  if (recovered.was_cut) TRY(mark_cut(path, recovered, *stored, store));
  return recovered;
}

namespace {

// Whether it was cut before its first bytes were in it. One that has just been made looks so too:
// its writer sees that it is gone, and makes it again.
bool holds_nothing(File& file) {
  char first[16] = {};
  const auto size = file.read_at(0, first, sizeof first);
  return size.ok() && std::all_of(first, first + *size, [](char c) { return c == 0; });
}

// One spool of a run that is over. Nothing: it is still being written or held no record, or another
// process takes it in or has done so.
Result<std::optional<Recovered>> recover_one(const std::string& found, Store& store,
                                             const OnRecovering& told) {
  std::error_code unknown;
  const auto whole = std::filesystem::canonical(found, unknown);
  const std::string path = unknown ? found : whole.string();
  auto opened = open_file(path, FileMode::kWrite);
  std::error_code ignored;
  if (!opened.ok() && !std::filesystem::exists(path, ignored)) return std::optional<Recovered>();
  const auto file = TRY(std::move(opened));
  if (!file->lock() || !file->is_there()) return std::optional<Recovered>();
  std::optional<Recovered> recovered;
  if (!holds_nothing(*file)) {
    recovered = TRY(take_whole(path, store, told));
    TRY(store.sync());
  }
  remove_spool(path, store.where());
  return recovered;
}

}  // namespace

std::string to_text(const Recovered& recovered) {
  if (recovered.problem)
    return fmt::format("can't recover {}: {}", recovered.id, recovered.problem->to_text());
  std::string text =
      fmt::format("recovered {} traces of {}", format_count(recovered.traces), recovered.id);
  if (recovered.was_cut) text += ", which was cut off";
  if (recovered.given_up.traces > 0)
    text += fmt::format(
        "; {} were in it no more: let go when it was full, or taken by another database",
        format_count(recovered.given_up.traces));
  if (recovered.refused.rows() > 0) text += "; " + to_text(recovered.refused);
  if (recovered.damaged > 0)
    text += fmt::format("; {} bytes were damaged", format_count(recovered.damaged));
  return text;
}

std::vector<Recovered> recover(Store& store, const OnRecovering& told) {
  std::vector<Recovered> all;
  std::error_code error;
  std::filesystem::directory_iterator entry(spool_folder(store.where()), error);
  std::vector<std::filesystem::path> paths;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (is_spool(entry->path().string())) paths.push_back(entry->path());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    auto one = recover_one(path.string(), store, told);
    if (!one.ok()) {
      Recovered failed;
      failed.id = path.stem().string();
      failed.problem = one.error();
      all.push_back(failed);
    } else if (*one) {
      all.push_back(**one);
    }
  }
  return all;
}

}  // namespace galileo::store
