// An experiment's record from its beginning to its end.
#include "store/recording.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "store/store_fixture.h"

using namespace galileo;
using namespace galileo::store;

namespace {

const Wall kNow{std::chrono::seconds{1'700'000'000}};

std::unique_ptr<Recording> begun(const RecordingOptions& options, wire::Experiment& experiment) {
  auto opened = Recording::open(options);
  REQUIRE_MESSAGE(opened.ok(), opened.error().to_text());
  experiment.name = "first";
  const auto began = (*opened)->begin(experiment, kNow, {{"n1", "cpus", "4"}});
  REQUIRE_MESSAGE(began.ok(), began.error().to_text());
  return std::move(*opened);
}

void put_samples(Recording& recording, int count) {
  for (int i = 0; i < count; ++i)
    recording.spool().sample({kNow, "n1", "cpu", "", static_cast<double>(i)});
}

StoredRows counts_in(const std::string& database, const std::string& id) {
  auto store = open_store(database, OpenMode::kExisting);
  REQUIRE(store.ok());
  const auto counts = (*store)->counts(id);
  REQUIRE(counts.ok());
  return *counts;
}

}  // namespace

TEST_CASE("what is recorded is in the database in the end, and the spool is gone") {
  TestFolder folder;
  RecordingOptions options;
  options.database = folder.file("x.sqlite");
  wire::Experiment experiment;
  const auto recording = begun(options, experiment);
  CHECK_FALSE(experiment.id.empty());
  CHECK(experiment.start == kNow);
  recording->drain();
  put_samples(*recording, 100);
  recording->spool().give_up_waiting();
  REQUIRE(recording->store_rows().ok());
  experiment.status = wire::kFinished;
  const auto ended = recording->end(experiment, "{}");
  CHECK_FALSE(ended.unclosed);
  CHECK_FALSE(ended.undrained);
  CHECK(recording->is_stored());
  CHECK(recording->kept_spool().empty());
  CHECK_FALSE(std::filesystem::exists(recording->spool_path()));
  CHECK(recording->spool().others_lost() == 0);  // its counts stay
  CHECK(counts_in(options.database, experiment.id).telemetry == 100);
}

TEST_CASE("two at once share a database and nothing else") {
  TestFolder folder;
  RecordingOptions options;
  options.database = folder.file("x.sqlite");
  wire::Experiment one, other;
  const auto first = begun(options, one);
  const auto second = begun(options, other);
  CHECK(one.id != other.id);
  for (Recording* recording : {first.get(), second.get()}) recording->drain();
  put_samples(*first, 10);
  put_samples(*second, 20);
  REQUIRE(first->store_rows().ok());
  CHECK_FALSE(first->end(one, "{}").undrained);
  CHECK(std::filesystem::exists(second->spool_path()));  // the first one's end left it alone
  REQUIRE(second->store_rows().ok());
  CHECK_FALSE(second->end(other, "{}").undrained);
  CHECK(counts_in(options.database, one.id).telemetry == 10);
  CHECK(counts_in(options.database, other.id).telemetry == 20);
}

TEST_CASE("without a database the spool is what is kept, and the next one takes in what was cut") {
  TestFolder folder;
  RecordingOptions options;
  options.database = "none";
  options.spool_folder = folder.file("spools");
  wire::Experiment experiment;
  const auto recording = begun(options, experiment);
  recording->drain();
  put_samples(*recording, 10);
  CHECK(recording->store_rows().ok());
  CHECK_FALSE(recording->end(experiment, "{}").unclosed);
  CHECK(recording->is_stored());
  CHECK(recording->kept_spool() == recording->spool_path());
  CHECK(std::filesystem::exists(recording->kept_spool()));

  options = {};
  options.database = folder.file("x.sqlite");
  wire::Experiment cut;
  {
    const auto left = begun(options, cut);
    put_samples(*left, 10);
    REQUIRE(left->spool().flush().ok());
  }
  const auto next = Recording::open(options);
  REQUIRE(next.ok());
  REQUIRE((*next)->notes().size() == 1);
  CHECK((*next)->notes().front().find(cut.id) != std::string::npos);
  CHECK(counts_in(options.database, cut.id).telemetry == 10);
}
