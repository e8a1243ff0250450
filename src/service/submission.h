// Experiment files that were submitted: what was sent, kept until the experiment is removed, so
// that it can be run, queued again after a loss, and run once more with changes. It lies in the
// database's metadata beside the experiment's own, under "submission:<id>", since what it holds may
// be secret and the experiment's own metadata is shown and exported; an idempotency key lies under
// "key:<its SHA-256>". Blocking, at one desk.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "store/store.h"

namespace galileo::service {

struct Submission {
  std::string file;              // the experiment file's text, as it was sent
  std::vector<std::string> set;  // what changes it, as --set of `galileo run`
  std::vector<std::string> tags;
  std::string rerun_of;  // the experiment that it repeats, with changes; empty: none
  // What the server's administrator allows it beyond requests: "commands", "files", "environment",
  // "kubernetes". Whoever runs it gives it nothing else.
  std::vector<std::string> allows;
};

// What makes a repeated request the same one.
struct IdempotencyKey {
  std::string key;   // as the client sent it; empty: none
  std::string body;  // a hash of what was sent with it
};

struct Submitted {
  enum class Outcome : unsigned char {
    kNew,
    kAgain,   // the same request within a day: its experiment
    kClashes  // the key came with something else
  };
  Outcome outcome = Outcome::kNew;
  wire::Experiment experiment;
};

// Gives the experiment an id, a name where it has none, and `now` as its time of creation; its row
// (QUEUED), the submission and the key are saved in one transaction. Then the item goes into the
// queue; where the bus is away it doesn't, which is no failure: rows are the truth, and a daemon
// queues them again. One at a time: desks of one process hand it to one of them.
Result<Submitted> submit(bus::Bus& bus, store::Store& store, wire::Experiment experiment,
                         const Submission& submission, const IdempotencyKey& key, Wall now);

// Nothing: that experiment wasn't a file, or isn't there.
Result<std::optional<Submission>> submission_of(store::Store& store, const std::string& id);

// What is kept beside an experiment that is removed.
Result<void> remove_submission(store::Store& store, const std::string& id);

}  // namespace galileo::service
