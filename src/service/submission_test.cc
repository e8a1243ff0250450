#include "service/submission.h"

#include <doctest/doctest.h>

#include "bus/in_process.h"
#include "bus/keys.h"
#include "store/store.h"
#include "wire/queued_experiment.h"
#include "wire/worker_api.h"

namespace galileo::service {
namespace {

constexpr Wall kNow = Wall{std::chrono::seconds{1'796'000'000}};
using Outcome = Submitted::Outcome;

struct Lab {
  std::unique_ptr<bus::Bus> bus = bus::make_in_process();
  std::unique_ptr<store::Store> store = std::move(*store::open_temporary("a test"));

  Submitted submit_file(const std::string& file, const IdempotencyKey& key = {}, Wall now = kNow) {
    wire::Experiment experiment;
    experiment.creator = "ann";
    Submission submission;
    submission.file = file;
    submission.set = {"seed=1"};
    submission.tags = {"nightly", "ü"};
    submission.allows = {"files"};
    auto submitted = submit(*bus, *store, experiment, submission, key, now);
    REQUIRE(submitted.ok());
    return *submitted;
  }
  std::vector<std::string> queue() { return *bus->list(wire::bus_channel(bus::kExperimentQueue)); }
};

TEST_CASE("what was submitted is a row, an item and a text that comes back as it was sent") {
  Lab lab;
  const Submitted made = lab.submit_file("name: a\n# ü \"quoted\"\n");
  CHECK(made.outcome == Outcome::kNew);
  CHECK(made.experiment.name == made.experiment.id);
  CHECK((*lab.store->experiment(made.experiment.id))->status == wire::kQueued);
  const auto kept = *submission_of(*lab.store, made.experiment.id);
  REQUIRE(kept);
  CHECK(kept->file == "name: a\n# ü \"quoted\"\n");
  CHECK(kept->set == std::vector<std::string>{"seed=1"});
  CHECK(kept->tags == std::vector<std::string>{"nightly", "ü"});
  CHECK(kept->allows == std::vector<std::string>{"files"});
  REQUIRE(lab.queue().size() == 1);
  CHECK(wire::decode_queued_experiment(lab.queue()[0])->experiment.id == made.experiment.id);
  CHECK_FALSE(*submission_of(*lab.store, "another"));
  CHECK(lab.store->metadata(made.experiment.id)->empty());  // which is exported
}

TEST_CASE("the same key is the same experiment for a day, and never something else") {
  Lab lab;
  const Submitted first = lab.submit_file("name: a", {"k", "1"});
  const Submitted again = lab.submit_file("name: a", {"k", "1"}, kNow + std::chrono::hours{23});
  CHECK(again.outcome == Outcome::kAgain);
  CHECK(again.experiment.id == first.experiment.id);
  CHECK(lab.submit_file("name: b", {"k", "2"}).outcome == Outcome::kClashes);
  CHECK(lab.submit_file("name: b", {"other", "2"}).outcome == Outcome::kNew);
  CHECK(lab.queue().size() == 2);
  CHECK(lab.submit_file("name: a", {"k", "1"}, kNow + std::chrono::hours{25}).outcome ==
        Outcome::kNew);
}

TEST_CASE("a removed experiment takes its text and its key along") {
  Lab lab;
  const Submitted first = lab.submit_file("name: a", {"k", "1"});
  REQUIRE(remove_submission(*lab.store, first.experiment.id).ok());
  REQUIRE(lab.store->remove(first.experiment.id).ok());
  CHECK_FALSE(*submission_of(*lab.store, first.experiment.id));
  CHECK(lab.submit_file("name: a", {"k", "1"}).outcome == Outcome::kNew);
}

}  // namespace
}  // namespace galileo::service
