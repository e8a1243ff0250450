#include "experiment/given_calls.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "kubernetes/objects.h"
#include "kubernetes/paths.h"
#include "kubernetes/requests.h"
#include "net/clock.h"
#include "pods/fields.h"
#include "pods/pod.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

constexpr Duration kLookEvery = std::chrono::milliseconds{250};
constexpr Duration kEventsEvery = std::chrono::seconds{1};
// A definition is served some moments after it is established.
constexpr Duration kServedWithin = std::chrono::seconds{30};
// Namespaces and what has finalizers take their time.
constexpr Duration kGoneWithin = std::chrono::minutes{3};

std::string group_of(const std::string& group_version) {
  const std::size_t slash = group_version.find('/');
  return slash == std::string::npos ? std::string() : group_version.substr(0, slash);
}

std::string plain_text(const GivenObject& one) {
  return fmt::format("{} '{}'", one.kind, one.object.name);
}

// The server's refusal, with the place of the manifest and without what is secret in it.
Error refused(const GivenObject& one, Error error) {
  if (error.code != ErrorCode::kUsage && error.code != ErrorCode::kNotFound) return error;
  error.code = ErrorCode::kUsage;
  error.what = fmt::format("{} can't be made", plain_text(one));
  error.where = one.where;
  error.why = plan::without_secrets_of(one.object.json, std::move(error.why));
  return error;
}

kubernetes::ApiRequest apply_request(const GivenObject& one, const Json& json,
                                     const std::string& id) {
  kubernetes::ApiRequest request = kubernetes::apply(one.path(), json, claim_name(id));
  request.path = kubernetes::with_query(std::move(request.path), {{"fieldValidation", "Strict"}});
  return request;
}

Result<KnownKinds> discover(ClusterCalls& calls, const std::vector<plan::Manifest>& manifests) {
  KnownKinds kinds;
  std::set<std::string> asked;
  for (const plan::Manifest& manifest : manifests) {
    if (!asked.insert(manifest.group_version).second) continue;
    const char* const root =
        manifest.group_version.find('/') == std::string::npos ? "/api/" : "/apis/";
    if (const auto list = TRY(calls.get(root + manifest.group_version))) note_kinds(*list, kinds);
  }
  return kinds;
}

// Each of these may be done with each kind where it is.
Result<std::vector<std::string>> denied(
    ClusterCalls& calls, const std::set<std::tuple<std::string, std::string, std::string>>& kinds,
    const std::vector<const char*>& verbs) {
  std::vector<std::string> missing;
  for (const auto& [group, plural, name_space] : kinds) {
    for (const char* verb : verbs) {
      const kubernetes::Right right{verb, group, plural, name_space, {}};
      if (TRY(calls.may(right))) continue;
      missing.push_back(fmt::format("{} {}{}{}", verb, plural, group.empty() ? "" : "." + group,
                                    name_space.empty() ? "" : " in " + name_space));
    }
  }
  return missing;
}

Result<void> check_rights(ClusterCalls& calls, const std::vector<GivenObject>& objects) {
  std::set<std::tuple<std::string, std::string, std::string>> kinds;
  for (const GivenObject& one : objects) {
    kinds.emplace(group_of(one.object.group_version), one.object.plural, one.name_space);
    if (one.kind == "StatefulSet") kinds.emplace("", "persistentvolumeclaims", one.name_space);
  }
  const std::vector<std::string> missing =
      TRY(denied(calls, kinds, {"get", "create", "patch", "delete"}));
  if (missing.empty()) return {};
  return Error{ErrorCode::kUsage,
               "you may not make what the manifests say",
               {},
               fmt::format("you may not {}", fmt::join(missing, ", ")),
               "give the user these rights by a Role and a RoleBinding: docs/how-to/pods.md"};
}

// It needs what comes before it, which isn't made yet: the real one will tell.
bool may_be_mended_before(const Error& error, const std::vector<GivenObject>& objects) {
  const auto says = [&](std::string_view words) {
    return error.why.find(words) != std::string::npos;
  };
  if (says("does not support dry run")) return true;
  return says("found") && !says("namespaces \"") && objects.front().turn < kWorkloadTurn;
}

Result<void> look_at(ClusterCalls& calls, const GivenObject& one,
                     const std::vector<GivenObject>& objects, const std::string& id) {
  if (one.is_unknown_yet) return {};
  if (const auto there = TRY(calls.get(one.path()))) {
    Error error = taken(one.object, *there);
    error.where = one.where;
    if (kubernetes::text_at(*there, {"metadata", "labels", kExperimentLabel}).empty())
      error.hint =
          "what is there before a run isn't touched: leave it out of the manifests, or "
          "delete it with kubectl";
    return error;
  }
  kubernetes::ApiRequest request =
      kubernetes::dry_run(apply_request(one, Json::parse(one.object.json), id));
  const auto shown = calls.ask(std::move(request));
  if (shown.ok() || may_be_mended_before(shown.error(), objects)) return {};
  return refused(one, shown.error());
}

// Takes our part of it back, since it is another's.
Error give_back(ClusterCalls& calls, const GivenObject& one, const std::string& id) {
  Json bare{{"apiVersion", one.object.group_version},
            {"kind", one.kind},
            {"metadata", {{"name", one.object.name}}}};
  if (!one.name_space.empty()) bare["metadata"]["namespace"] = one.name_space;
  static_cast<void>(calls.ask(apply_request(one, bare, id)).ok());
  return Error{ErrorCode::kUsage, fmt::format("{} was made by somebody else", plain_text(one)),
               one.where, "at the same moment",
               "what isn't the run's isn't touched: leave it out of the manifests"};
}

// What was made, until it is ready.
class GivenWait {
 public:
  GivenWait(ClusterCalls& calls, const GivenRun& run) : calls_(calls), run_(run) {}

  void add(const GivenObject& one) { waiting_.push_back(&one); }

  Result<void> wait(Duration longest) {
    const net::RealClock clock;
    const Time deadline = clock.now() + longest;
    const std::size_t all = waiting_.size();
    while (true) {
      TRY(run_.may_go_on());
      TRY(look());
      if (waiting_.empty()) return {};
      const Time now = clock.now();
      TRY(look_at_pods(now));
      TRY(look_at_events(now));
      if (now >= deadline)
        return Error{
            ErrorCode::kUnavailable,
            fmt::format("what the manifests make isn't ready within {}", format_duration(longest)),
            waiting_.front()->where, fmt::format("{} wait; {}", waiting_.size(), latest_),
            "give an application a longer ready_timeout"};
      run_.tell(all - waiting_.size(), all, latest_, deadline - now);
      net::pause_thread(kLookEvery);
    }
  }

 private:
  Result<void> look() {
    std::vector<const GivenObject*> still;
    latest_.clear();
    for (const GivenObject* one : waiting_) {
      GivenState state = TRY(state_of(*one));
      if (!state.failure.empty())
        return Error{ErrorCode::kUnavailable,
                     fmt::format("{} can't be", plain_text(*one)),
                     one->where,
                     state.failure,
                     {}};
      if (state.is_ready) continue;
      still.push_back(one);
      if (latest_.empty())
        latest_ = fmt::format("{} {}: {}", one->kind, one->object.name, state.text);
    }
    waiting_ = std::move(still);
    return {};
  }

  Result<GivenState> state_of(const GivenObject& one) {
    const auto there = TRY(calls_.get(one.path()));
    if (!there)
      return Error{ErrorCode::kUnavailable,
                   fmt::format("{} is gone", plain_text(one)),
                   one.where,
                   "somebody has deleted it",
                   {}};
    if (one.kind == "DaemonSet" || one.kind == "StatefulSet" || one.kind == "Job")
      silent_[kubernetes::uid_of(*there)] = &one;
    GivenState state = given_state(one.kind, *there);
    if (one.kind != "Namespace" || !state.is_ready) return state;
    // Pods need it; who may not look at it finds out by them.
    const auto account = calls_.get(kubernetes::object_path(
        kubernetes::collection("v1", one.object.name, "serviceaccounts"), "default"));
    if (account.ok() && !*account) return GivenState{false, "it has no service account yet", {}};
    return state;
  }

  // Pods of theirs that can't be, by the words that applications' pods have for it.
  Result<void> look_at_pods(Time now) {
    std::set<std::string> spaces;
    for (const GivenObject* one : waiting_) {
      if (one->turn == kWorkloadTurn) spaces.insert(one->name_space);
    }
    std::optional<Error> error;
    const auto look = [&](Json&& object) {
      const pods::Pod pod = pods::read_pod(object);
      // A Job tries again, and says itself when it gives up.
      if (pod.owner_kind == "Job" && pod.phase == "Failed") return;
      const auto [found, is_new] = pods_.try_emplace(pod.uid, PodFailureWatch(run_.bounds, now));
      found->second.on_pod(pod, now);
      const auto failure = found->second.failure(now);
      if (failure && !error)
        error = Error{ErrorCode::kUnavailable,
                      fmt::format("pod {} can't be", pod.name),
                      pod.name_space,
                      failure->text.empty() ? failure->reason
                                            : fmt::format("{}: {}", failure->reason, failure->text),
                      {}};
    };
    for (const std::string& space : spaces)
      TRY(calls_.each(kubernetes::collection("v1", space, "pods"),
                      fmt::format("{}={}", kExperimentLabel, run_.id), look));
    return error ? Result<void>(*error) : Result<void>();
  }

  // Pods that may not be made: these kinds have no condition for it.
  Result<void> look_at_events(Time now) {
    if (now < next_events_) return {};
    next_events_ = now + kEventsEvery;
    std::optional<Error> error;
    for (const GivenObject* one : waiting_) {
      const auto is_this = [&](const auto& silent) { return silent.second == one; };
      if (std::none_of(silent_.begin(), silent_.end(), is_this)) continue;
      const auto listed = calls_.each(
          kubernetes::with_query(kubernetes::collection("v1", one->name_space, "events"),
                                 {{"fieldSelector", "reason=FailedCreate"}}),
          "", [&](Json&& event) {
            const auto found = silent_.find(kubernetes::text_at(event, {"involvedObject", "uid"}));
            if (found == silent_.end() || found->second != one || error) return;
            if (passes(kubernetes::message_of(event))) return;
            error = Error{ErrorCode::kUnavailable,
                          fmt::format("{} can't be", plain_text(*one)),
                          one->where,
                          kubernetes::message_of(event),
                          {}};
          });
      if (!listed.ok()) return {};  // who may not read events waits for the time
      if (error) return *error;
    }
    return {};
  }

  ClusterCalls& calls_;
  const GivenRun& run_;
  std::vector<const GivenObject*> waiting_;
  std::string latest_;
  std::map<std::string, PodFailureWatch> pods_;       // by uid
  std::map<std::string, const GivenObject*> silent_;  // likewise
  Time next_events_{};
};

Result<void> apply_one(ClusterCalls& calls, const GivenObject& one, const GivenRun& run) {
  Json json = Json::parse(one.object.json);
  // Rule: never across namespaces, nor of the whole cluster's.
  if (one.name_space == run.name_space)
    json["metadata"]["ownerReferences"].push_back(Json::parse(run.owner));
  const net::RealClock clock;
  const Time until = clock.now() + kServedWithin;
  while (true) {
    TRY(run.may_go_on());
    const auto answer = calls.ask(apply_request(one, json, run.id));
    if (answer.ok()) {
      if (is_made_by_another(answer->json(), claim_name(run.id)))
        return give_back(calls, one, run.id);
      return {};
    }
    const bool is_early = answer.error().code == ErrorCode::kNotFound && one.is_unknown_yet;
    if (!is_early || clock.now() > until) return refused(one, answer.error());
    net::pause_thread(kLookEvery);
  }
}

std::string row_path(const RunLedger::Given& row) {
  return kubernetes::object_path(
      kubernetes::collection(row.group_version, row.name_space, row.plural), row.name);
}

// Those of one turn, and what they leave.
class GivenRemoval {
 public:
  GivenRemoval(ClusterCalls& calls, const RunLedger& ledger) : calls_(calls), ledger_(ledger) {}

  // How many of the turn are still there; each is asked to go once.
  std::size_t look(int turn) {
    std::size_t left = 0;
    for (const RunLedger::Given& row : ledger_.given) {
      if (row.turn != turn) continue;
      const auto there = calls_.get(row_path(row));
      if (!there.ok()) {
        note(there.error());
        continue;
      }
      if (!*there || !is_ours(**there)) continue;
      ++left;
      last_ = fmt::format("{}/{}", row.plural, row.name);
      // Pods first, then who keeps them: then they are gone, too.
      remove(row_path(row), **there, turn >= kWorkloadTurn ? "Foreground" : "Background");
    }
    if (turn == kWorkloadTurn) left += look_at_claims();
    return left;
  }

  void note(const Error& error) {
    if (!error_) error_ = error;
  }
  const std::optional<Error>& error() const { return error_; }
  const std::string& last() const { return last_; }

 private:
  bool is_ours(const Json& object) const {
    return kubernetes::text_at(object, {"metadata", "labels", kExperimentLabel}) ==
           ledger_.experiment;
  }

  void remove(const std::string& path, const Json& object, const char* propagation) {
    const std::string uid = kubernetes::uid_of(object);
    if (!asked_.insert(uid).second) return;
    if (const auto removed = calls_.remove(path, uid, propagation); !removed.ok())
      note(removed.error());
  }

  // StatefulSets leave the volumes that they have claimed.
  std::size_t look_at_claims() {
    std::set<std::string> spaces;
    for (const RunLedger::Given& row : ledger_.given) {
      if (row.plural == "statefulsets") spaces.insert(row.name_space);
    }
    std::vector<std::pair<std::string, Json>> claims;
    for (const std::string& space : spaces) {
      const std::string collection = kubernetes::collection("v1", space, "persistentvolumeclaims");
      const auto listed =
          calls_.each(collection, fmt::format("{}={}", kExperimentLabel, ledger_.experiment),
                      [&](Json&& claim) {
                        const std::string path =
                            kubernetes::object_path(collection, kubernetes::name_of(claim));
                        // One of a manifest's own has a turn of its own.
                        const bool has_row = std::any_of(
                            ledger_.given.begin(), ledger_.given.end(),
                            [&](const RunLedger::Given& row) { return row_path(row) == path; });
                        if (!has_row) claims.emplace_back(path, std::move(claim));
                      });
      if (!listed.ok()) note(listed.error());
    }
    for (const auto& [path, claim] : claims) remove(path, claim, "Background");
    return claims.size();
  }

  ClusterCalls& calls_;
  const RunLedger& ledger_;
  std::set<std::string> asked_;
  std::optional<Error> error_;
  std::string last_;
};

}  // namespace

Result<std::vector<GivenObject>> look_up_given(ClusterCalls& calls,
                                               const std::vector<plan::Manifest>& manifests,
                                               const std::string& id, const std::string& name_space,
                                               const std::vector<KubernetesObject>& ours) {
  if (manifests.empty()) return std::vector<GivenObject>();
  const KnownKinds kinds = TRY(discover(calls, manifests));
  std::vector<GivenObject> objects = TRY(arrange_given(manifests, kinds, id, name_space, ours));
  TRY(check_rights(calls, objects));
  for (const GivenObject& one : objects) TRY(look_at(calls, one, objects, id));
  return objects;
}

Result<void> make_given(ClusterCalls& calls, const std::vector<GivenObject>& objects,
                        const GivenRun& run) {
  std::optional<GivenWait> wait(std::in_place, calls, run);
  int turn = 0;
  for (const GivenObject& one : objects) {
    // Nothing can be made in a namespace or of a kind that isn't there yet; all else may need each
    // other, so that it is awaited together.
    if (one.turn != turn && turn <= kDefinitionTurn) {
      TRY(wait->wait(run.ready_within));
      wait.emplace(calls, run);
    }
    turn = one.turn;
    TRY(apply_one(calls, one, run));
    if (is_awaited(one.kind)) wait->add(one);
  }
  return wait->wait(run.ready_within);
}

Result<std::string> kinds_denied(ClusterCalls& calls, const RunLedger& ledger) {
  std::set<std::tuple<std::string, std::string, std::string>> kinds;
  for (const RunLedger::Given& row : ledger.given)
    kinds.emplace(group_of(row.group_version), row.plural, row.name_space);
  return fmt::format("{}", fmt::join(TRY(denied(calls, kinds, {"get", "delete"})), ", "));
}

Result<void> remove_given(ClusterCalls& calls, const RunLedger& ledger, const OnLeft& on_left) {
  std::set<int> turns;
  for (const RunLedger::Given& row : ledger.given) turns.insert(row.turn);
  GivenRemoval removal(calls, ledger);
  const net::RealClock clock;
  const Time until = clock.now() + kGoneWithin;
  for (auto turn = turns.rbegin(); turn != turns.rend(); ++turn) {
    while (const std::size_t left = removal.look(*turn)) {
      if (removal.error()) break;
      if (clock.now() > until) {
        removal.note({ErrorCode::kUnavailable,
                      fmt::format("{} objects of the manifests of experiment {} are still there",
                                  left, ledger.experiment),
                      {},
                      fmt::format("{} and others", removal.last()),
                      "see why with kubectl describe; galileo takes them back at its next start"});
        break;
      }
      if (on_left) on_left(left);
      net::pause_thread(kLookEvery);
    }
  }
  return removal.error() ? Result<void>(*removal.error()) : Result<void>();
}

}  // namespace galileo::experiment
