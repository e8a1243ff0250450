#include "service/submission.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "bus/keys.h"
#include "service/tokens.h"
#include "store/experiment_id.h"
#include "wire/queued_experiment.h"
#include "wire/worker_api.h"

namespace galileo::service {
namespace {

using Json = nlohmann::ordered_json;

constexpr Duration kKeyIsKept = std::chrono::hours{24};

std::string submission_id(const std::string& id) {
  return "submission:" + id;
}

std::string key_id(const std::string& key) {
  return "key:" + sha256_of(key);
}

std::vector<std::string> texts_of(const Json& json, const char* key) {
  std::vector<std::string> texts;
  const auto found = json.find(key);
  if (found == json.end() || !found->is_array()) return texts;
  for (const Json& one : *found) {
    if (one.is_string()) texts.push_back(one.get<std::string>());
  }
  return texts;
}

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string written(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct KeptKey {
  std::string experiment;
  std::string body;
};

// Nothing: it isn't kept, or was a day ago.
Result<std::optional<KeptKey>> kept_key(store::Store& store, const std::string& key, Wall now) {
  const Json json = Json::parse(TRY(store.metadata(key_id(key))), nullptr, false);
  if (!json.is_object()) return std::optional<KeptKey>();
  const auto at = json.find("at");
  if (at == json.end() || !at->is_number() ||
      now - from_unix_seconds(at->get<double>()) > kKeyIsKept)
    return std::optional<KeptKey>();
  return std::optional(KeptKey{text_of(json, "experiment"), text_of(json, "body")});
}

// Within a transaction. Nothing: it is to be made.
Result<std::optional<Submitted>> known(store::Store& store, const IdempotencyKey& key, Wall now) {
  if (key.key.empty()) return std::optional<Submitted>();
  const auto kept = TRY(kept_key(store, key.key, now));
  if (!kept) return std::optional<Submitted>();
  const auto experiment = TRY(store.experiment(kept->experiment));
  if (!experiment) return std::optional<Submitted>();  // it was removed since
  return std::optional(
      Submitted{kept->body == key.body ? Submitted::Outcome::kAgain : Submitted::Outcome::kClashes,
                *experiment});
}

Result<void> save(store::Store& store, const wire::Experiment& experiment,
                  const Submission& submission, const IdempotencyKey& key, Wall now) {
  TRY(store.save_experiment(experiment));
  TRY(store.save_metadata(submission_id(experiment.id), written({{"file", submission.file},
                                                                 {"set", submission.set},
                                                                 {"tags", submission.tags},
                                                                 {"rerun_of", submission.rerun_of},
                                                                 {"allows", submission.allows},
                                                                 {"key", key.key}})));
  if (key.key.empty()) return {};
  return store.save_metadata(
      key_id(key.key),
      written({{"experiment", experiment.id}, {"body", key.body}, {"at", to_unix_seconds(now)}}));
}

Result<Submitted> submit_within(store::Store& store, wire::Experiment experiment,
                                const Submission& submission, const IdempotencyKey& key, Wall now) {
  if (const auto again = TRY(known(store, key, now))) {
    store.rollback();
    return *again;
  }
  experiment.id = TRY(store::new_experiment_id(now, &store));
  if (experiment.name.empty()) experiment.name = experiment.id;
  experiment.created = now;
  experiment.status = wire::kQueued;
  TRY(save(store, experiment, submission, key, now));
  TRY(store.commit());
  return Submitted{Submitted::Outcome::kNew, std::move(experiment)};
}

// The file isn't among it: whoever takes it has the database. An old daemon finds nothing to send.
std::string item_of(const wire::Experiment& experiment) {
  const wire::Number second{1, true};
  return wire::encode({experiment, {second, second, {}}, {}});
}

void put_into_queue(bus::Bus& bus, const wire::Experiment& experiment) {
  const auto put = bus.change(
      {bus::list_push_left(wire::bus_channel(bus::kExperimentQueue), {item_of(experiment)})});
  if (!put.ok())
    log(LogLevel::kWarning, "an experiment waits until the queue is there again",
        {{"experiment", experiment.id}, {"why", put.error().to_text()}});
}

}  // namespace

Result<Submitted> submit(bus::Bus& bus, store::Store& store, wire::Experiment experiment,
                         const Submission& submission, const IdempotencyKey& key, Wall now) {
  TRY(store.begin());
  auto submitted = submit_within(store, std::move(experiment), submission, key, now);
  if (!submitted.ok()) store.rollback();
  if (submitted.ok() && submitted->outcome == Submitted::Outcome::kNew)
    put_into_queue(bus, submitted->experiment);
  return submitted;
}

Result<std::optional<Submission>> submission_of(store::Store& store, const std::string& id) {
  const Json json = Json::parse(TRY(store.metadata(submission_id(id))), nullptr, false);
  if (!json.is_object()) return std::optional<Submission>();
  Submission submission;
  submission.file = text_of(json, "file");
  submission.set = texts_of(json, "set");
  submission.tags = texts_of(json, "tags");
  submission.rerun_of = text_of(json, "rerun_of");
  submission.allows = texts_of(json, "allows");
  return std::optional(std::move(submission));
}

Result<void> remove_submission(store::Store& store, const std::string& id) {
  const Json json = Json::parse(TRY(store.metadata(submission_id(id))), nullptr, false);
  if (!json.is_object()) return {};
  if (const std::string key = text_of(json, "key"); !key.empty()) {
    const auto kept = TRY(store.metadata(key_id(key)));
    if (text_of(Json::parse(kept, nullptr, false), "experiment") == id)
      TRY(store.remove(key_id(key)));
  }
  return store.remove(submission_id(id));
}

}  // namespace galileo::service
