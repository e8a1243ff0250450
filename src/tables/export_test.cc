// Whole experiments as files: all tables or none, whatever stood in their place, and what a reader
// gets back of them.
#include "tables/export.h"

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "store/store_fixture.h"
#include "tables/export_folder.h"

using namespace galileo;
using namespace galileo::tables;
using std::string_literals::operator""s;
using std::string_view_literals::operator""sv;
using store::kTestId;

namespace {

using Json = nlohmann::json;

struct Format {
  std::string name;
  ExportFormat format;
};
const Format kFormats[] = {{"csv", ExportFormat::kCsv}, {"jsonl", ExportFormat::kJsonLines}};

std::unique_ptr<store::Store> made() {
  auto store = must(store::open_temporary("source"));
  store::put_rows_of_all_kinds(*store);
  return store;
}

ExportOptions options_of(const Format& format, const TestFolder& folder) {
  ExportOptions options;
  options.folder = folder.file(format.name);
  options.format = format.format;
  return options;
}

Result<std::uint64_t> export_it(store::Store& store, const ExportOptions& options) {
  return export_experiment(store, *must(store.experiment(kTestId)), options);
}

std::string read_file(const std::string& path) {
  return must(read_whole_file(path, 64 << 20));
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// A store to which something happens when the export has read its traces.
class ChangingStore final : public store::FailingStore {
 public:
  ChangingStore(Store& store, std::function<void()> change)
      : FailingStore(store), change_(std::move(change)) {}
  Result<void> each_trace(const std::string& id,
                          const store::RowVisitor<wire::NamedTrace>& f) override {
    TRY(FailingStore::each_trace(id, f));
    change_();
    return {};
  }

 private:
  const std::function<void()> change_;
};

// The same when it has read its telemetry.
class LaterChangingStore final : public store::FailingStore {
 public:
  LaterChangingStore(Store& store, std::function<void()> change)
      : FailingStore(store), change_(std::move(change)) {}
  Result<void> each_event(const std::string& id, const store::RowVisitor<wire::Event>& f) override {
    TRY(FailingStore::each_event(id, f));
    change_();
    return {};
  }

 private:
  const std::function<void()> change_;
};

// One of the old system's, which holds any bytes.
class OldStore final : public store::FailingStore {
 public:
  using FailingStore::FailingStore;
  Result<void> each_event(const std::string&, const store::RowVisitor<wire::Event>& f) override {
    f({store::kTestStart, "caf\xe9", "\xff\xc3\xbc"});
    return {};
  }
};

}  // namespace

TEST_CASE("bytes of an old database that are no text stand for themselves in no file") {
  const TestFolder folder;
  const auto store = made();
  OldStore old(*store);
  for (const Format& format : kFormats) {
    must(export_it(old, options_of(format, folder)));
    const std::string text = read_file(folder.file(format.name + "/events." + format.name));
    CHECK(text.find("caf\uFFFD") != std::string::npos);
    CHECK(text.find("\uFFFDü") != std::string::npos);
  }
}

TEST_CASE("what is exported and read again is what the database has") {
  const TestFolder folder;
  for (const Format& format : kFormats) {
    INFO(format.name);
    const auto store = made();
    CHECK(must(export_it(*store, options_of(format, folder))) == 8 + 4 + 2 + 2);
    const auto again = must(open_export(folder.file(format.name)));
    CHECK(store::all_of(*again) == store::all_of(*store));
    const auto name = [&](const char* table) { return fmt::format("{}.{}", table, format.name); };
    CHECK(names_in(folder.file(format.name)) ==
          std::vector<std::string>{name("events"), "experiment.json", name("nodeinfo"),
                                   name("telemetry"), name("traces")});
  }
}

TEST_CASE("texts and numbers at their bounds survive an export") {
  const TestFolder folder;
  const auto store = must(store::open_temporary("source"));
  wire::Experiment experiment = store::test_experiment();
  experiment.name = "=cmd()\"\r\n\0ü"s;
  experiment.creator = "";
  experiment.end = kNoWall;
  must(store->save_experiment(experiment));
  wire::Names names = store::test_names();
  const wire::NameId formula = names.add("=HYPERLINK(\"x\")");
  const wire::NameId path = names.add("../../../etc/passwd");
  must(store->begin());
  wire::Trace trace = store::full_trace(1);
  trace.service = formula;
  trace.server = path;
  trace.response = "\0 \xff\"\n"sv;
  trace.response_bytes = std::numeric_limits<std::int64_t>::max();
  trace.status = std::numeric_limits<std::int32_t>::max();
  must(store->put_trace(kTestId, 1, trace, names));
  trace = {};
  trace.status = -1;
  must(store->put_trace(kTestId, 2, trace, names));
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double value : {infinity, -infinity, 5e-324, 0.0})
    must(store->put_sample(kTestId, 3, {store::kTestStart, "@n", "-m", "+s", value}));
  must(store->put_event(kTestId, 7, {kNoWall, "", "a\nb"}));
  must(store->commit());
  for (const Format& format : kFormats) {
    INFO(format.name);
    must(export_it(*store, options_of(format, folder)));
    CHECK(store::all_of(*must(open_export(folder.file(format.name)))) == store::all_of(*store));
  }
}

TEST_CASE("an experiment's id and name are no paths") {
  const TestFolder folder;
  const auto store = must(store::open_temporary("source"));
  wire::Experiment experiment = store::test_experiment("../../up");
  experiment.name = "/etc/passwd";
  must(store->save_experiment(experiment));
  ExportOptions options;
  options.folder = folder.file("inner/tables");
  must(export_experiment(*store, experiment, options));
  CHECK(names_in(folder.file("")) == std::vector<std::string>{"events.csv", "experiment.json",
                                                              "inner", "nodeinfo.csv", "tables",
                                                              "telemetry.csv", "traces.csv"});
  CHECK(must(must(open_export(options.folder))->experiment("../../up")).has_value());
}

TEST_CASE("metadata stays text for text, its numbers unrounded") {
  const TestFolder folder;
  const auto store = made();
  const std::string metadata =
      R"({"n": 1.50, "big": 123456789012345678901234567890, "é": "\u00e9"})";
  must(store->save_metadata(kTestId, metadata));
  const std::string kept = must(store->metadata(kTestId));
  must(export_it(*store, options_of(kFormats[0], folder)));
  const std::string description = read_file(folder.file("csv/experiment.json"));
  CHECK(Json::accept(description));
  CHECK(description.find(kept) != std::string::npos);
  CHECK(must(must(open_export(folder.file("csv")))->metadata(kTestId)) == kept);
}

TEST_CASE("progress is told, and an export that is ended leaves no file") {
  constexpr std::uint64_t kRows = 4096 + 10;
  const auto store = must(store::open_temporary("source"));
  must(store->save_experiment(store::test_experiment()));
  const wire::Names names = store::test_names();
  must(store->begin());
  for (std::uint64_t row = 1; row <= kRows; ++row)
    must(store->put_trace(kTestId, row, store::test_trace(row), names));
  must(store->commit());
  for (const Format& format : kFormats) {
    const TestFolder folder;
    ExportOptions options = options_of(format, folder);
    std::uint64_t expected = 0;
    std::vector<std::uint64_t> told;
    bool goes_on = true;
    options.on_begin = [&](std::uint64_t rows) { expected = rows; };
    options.go_on = [&](std::uint64_t rows) {
      told.push_back(rows);
      return goes_on;
    };
    CHECK(must(export_it(*store, options)) == kRows);
    CHECK(expected == kRows);
    CHECK(told == std::vector<std::uint64_t>{4096});
    const auto before = read_file(options.folder + "/traces." + format.name);
    goes_on = false;
    const auto ended = export_it(*store, options);
    REQUIRE_FALSE(ended.ok());
    CHECK(ended.error().code == ErrorCode::kInterrupted);
    CHECK(names_in(options.folder).size() == 5);  // those of the one before, and no part
    CHECK((read_file(options.folder + "/traces." + format.name) == before));
  }
}

TEST_CASE("rows that come or go meanwhile are no export") {
  const TestFolder folder;
  const auto store = made();
  const auto add = [&] {
    must(store->begin());
    must(store->put_event(kTestId, 99, {store::kTestStart, "late", ""}));
    must(store->commit());
  };
  const auto end = [&] {
    wire::Experiment experiment = store::test_experiment();
    experiment.status = wire::kFinished;
    must(store->save_experiment(experiment));
  };
  const auto remove = [&] { must(store->remove(kTestId)); };
  for (const std::function<void()>& change : {std::function<void()>(add), {end}, {remove}}) {
    ChangingStore changing(*store, change);
    const auto refused = export_it(changing, options_of(kFormats[0], folder));
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::kUnavailable);
    CHECK(names_in(folder.file("csv")).empty());
  }
}

TEST_CASE("what is no plain file stays, and nothing is written beside it") {
  const auto store = made();
  struct Place {
    std::string name;
    std::function<void(const std::string& path)> make;
  };
  const TestFolder elsewhere;
  const std::string kept = elsewhere.file("kept");
  must(write_whole_file(kept, "kept"));
  const Place places[] = {
      {"traces.csv", [&](auto& path) { std::filesystem::create_symlink(kept, path); }},
      {"traces.csv.part", [&](auto& path) { std::filesystem::create_symlink(kept, path); }},
      {"events.csv", [&](auto& path) { std::filesystem::create_symlink("/nowhere", path); }},
      {"experiment.json", [&](auto& path) { std::filesystem::create_directory(path); }},
  };
  for (const Place& place : places) {
    INFO(place.name);
    const TestFolder folder;
    const ExportOptions options = options_of(kFormats[0], folder);
    must(make_folders(options.folder));
    const std::string path = options.folder + "/" + place.name;
    place.make(path);
    const auto refused = export_it(*store, options);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::kUsage);
    CHECK(refused.error().where == path);
    CHECK(names_in(options.folder) == std::vector<std::string>{place.name});
    CHECK(read_file(kept) == "kept");
  }
}

TEST_CASE("what a killed export left is in no way") {
  const TestFolder folder;
  const auto store = made();
  const ExportOptions options = options_of(kFormats[0], folder);
  must(make_folders(options.folder));
  must(write_whole_file(options.folder + "/traces.csv.part", "half"));
  must(write_whole_file(options.folder + "/traces.csv", "old"));
  must(export_it(*store, options));
  CHECK(names_in(options.folder).size() == 5);
  CHECK(store::all_of(*must(open_export(options.folder))) == store::all_of(*store));
}

TEST_CASE("a table that can't get its name in the end leaves none of the others") {
  const auto store = made();
  for (const char* const lost : {"traces", "telemetry", "events"}) {
    CAPTURE(lost);
    const TestFolder folder;
    const ExportOptions options = options_of(kFormats[0], folder);
    const std::string path = fmt::format("{}/{}.csv", options.folder, lost);
    LaterChangingStore losing(*store, [&] { std::filesystem::remove(path + ".part"); });
    const auto refused = export_it(losing, options);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == ErrorCode::kIo);
    CHECK(refused.error().where == path);
    CHECK(names_in(options.folder).empty());
  }
}

TEST_CASE("two exports into one folder don't mix") {
  const TestFolder folder;
  const auto store = made();
  const ExportOptions options = options_of(kFormats[0], folder);
  std::optional<Error> second;
  ChangingStore changing(*store, [&] { second = export_it(*store, options).error(); });
  must(export_it(changing, options));
  REQUIRE(second.has_value());
  CHECK(second->code == ErrorCode::kUnavailable);
  CHECK(second->where == options.folder);
}
