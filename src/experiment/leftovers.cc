#include "experiment/leftovers.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "bus/directory.h"
#include "bus/keys.h"
#include "experiment/given_calls.h"
#include "experiment/readiness.h"
#include "fleet/controller.h"
#include "kubernetes/objects.h"
#include "kubernetes/paths.h"
#include "net/boot_clock.h"
#include "net/clock.h"
#include "net/loop.h"
#include "pods/fields.h"
#include "wire/fault_order.h"
#include "wire/unix_time.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

constexpr const char* kLeases = "coordination.k8s.io/v1";
// A pod may take its grace of 30 s to end, and its node some more to say so.
constexpr Duration kObjectsGoneWithin = std::chrono::minutes{2};
constexpr Duration kLookAtObjectsEvery = std::chrono::milliseconds{100};
// So long after a pod's grace its node, which is busy, may say that it has ended.
constexpr Duration kNodeMaySayWithin = std::chrono::seconds{10};
constexpr Duration kLookForNodesEvery = std::chrono::seconds{2};

// What a run may make, in the order in which it goes: what would make others anew first.
struct ObjectKind {
  const char* group_version;
  const char* plural;
};
constexpr ObjectKind kKinds[] = {
    {"autoscaling/v2", "horizontalpodautoscalers"}, {"apps/v1", "deployments"}, {"v1", "pods"}};

std::string label_selector(const std::string& experiment) {
  return fmt::format("{}={}", kExperimentLabel, experiment);
}

// "worker:service:7"
std::string service_of_client(const std::string& id) {
  const std::size_t first = id.find(':');
  const std::size_t last = id.rfind(':');
  if (first == std::string::npos || last <= first) return {};
  return id.substr(first + 1, last - first - 1);
}

Result<bus::Route> read_route(const std::string& service, const std::string& before) {
  const Json json = Json::parse(before, nullptr, false);
  bus::Route route{service, {}, {}};
  for (const Json& host : pods::value_at(json, {"hosts"})) {
    if (host.is_string()) route.hosts.push_back(host.get<std::string>());
  }
  for (const Json& weight : pods::value_at(json, {"weights"})) {
    if (weight.is_number()) route.weights.push_back(weight.get<double>());
  }
  return route;
}

Result<void> close_clients(const RunLedger& ledger, bus::Bus& bus) {
  const std::set<std::string> before(ledger.clients_before.begin(), ledger.clients_before.end());
  std::vector<std::string> ours;
  for (std::string& id : TRY(bus::all_client_ids(bus))) {
    if (ledger.routes.contains(service_of_client(id)) && !before.contains(id))
      ours.push_back(std::move(id));
  }
  if (ours.empty()) return {};
  fleet::Controller controller(bus);
  auto group = TRY(controller.group(ours));
  TRY(group.close());
  return {};
}

// Without this it does so when the run's sign of life is old.
Result<void> end_faults(bus::Bus& bus, const std::string& node, const std::string& experiment) {
  wire::FaultOrder order;
  order.kind = wire::FaultOrder::Kind::kEnd;
  order.of = experiment;
  TRY(bus.publish(bus::fault_channel(node), wire::to_text(order)));
  return {};
}

// An object of the run as it was seen last.
struct Left {
  std::string name;
  std::string uid;
  std::string node;   // of a pod that is on one
  Duration grace{0};  // that it has once it is asked to go
};

Left left_object(const Json& object) {
  return {
      kubernetes::name_of(object), kubernetes::uid_of(object),
      kubernetes::text_at(object, {"spec", "nodeName"}),
      std::chrono::seconds{pods::number_at(object, {"metadata", "deletionGracePeriodSeconds"}, 0)}};
}

// All of one kind.
Result<std::vector<Left>> objects_of(ClusterCalls& calls, const std::string& collection,
                                     const RunLedger& ledger, const std::string& since) {
  std::vector<Left> objects;
  TRY(calls.each(collection, label_selector(ledger.experiment),
                 [&](Json&& object) { objects.push_back(left_object(object)); }));
  if (!collection.ends_with("/pods") || ledger.functions.empty()) return objects;
  // Pods that a controller under test has made for our functions carry its labels alone.
  const std::string functions = fmt::format("{} in ({}),!{}", kFunctionLabel,
                                            fmt::join(ledger.functions, ","), kExperimentLabel);
  TRY(calls.each(collection, functions, [&](Json&& pod) {
    if (appeared_beside(ledger, pod, since)) objects.push_back(left_object(pod));
  }));
  return objects;
}

// The objects of a run, each asked to go once. A pod goes when its node says that it has ended; one
// whose node says nothing any more would stay until somebody takes that away, so it is removed
// without the node's word.
class ObjectRemoval {
 public:
  ObjectRemoval(ClusterCalls& calls, std::string name_space, const RunLedger& ledger,
                std::string since)
      : calls_(calls),
        name_space_(std::move(name_space)),
        ledger_(ledger),
        since_(std::move(since)) {}

  // What is still there.
  Result<std::vector<std::string>> look(Time now) {
    std::vector<std::string> left;
    for (const ObjectKind& kind : kKinds) {
      const std::string collection =
          kubernetes::collection(kind.group_version, name_space_, kind.plural);
      for (const Left& one : TRY(objects_of(calls_, collection, ledger_, since_))) {
        left.push_back(fmt::format("{}/{}", kind.plural, one.name));
        const auto [asked, is_new] = asked_.try_emplace(one.uid, now);
        const std::string path = kubernetes::object_path(collection, one.name);
        if (is_new) TRY(calls_.remove(path, one.uid));
        if (!one.node.empty() && now - asked->second > one.grace + kNodeMaySayWithin)
          TRY(look_at_node_of(one, path, now));
      }
    }
    return left;
  }

 private:
  Result<void> look_at_node_of(const Left& pod, const std::string& path, Time now) {
    const auto [looked, is_new] = nodes_.try_emplace(pod.node, Node{});
    Node& node = looked->second;
    if (is_new || now - node.looked > kLookForNodesEvery) {
      node.looked = now;
      const auto there =
          calls_.get(kubernetes::object_path(kubernetes::collection("v1", "", "nodes"), pod.node));
      // Who may not look at nodes leaves it to who may.
      node.is_silent = there.ok() && says_nothing(*there);
    }
    if (!node.is_silent || !forced_.insert(pod.uid).second) return {};
    log(LogLevel::kWarning, "a pod is removed without its node's word, which says nothing",
        {{"pod", pod.name}, {"node", pod.node}});
    return calls_.remove(path, pod.uid, "Background", 0);
  }

  struct Node {
    Time looked{};
    bool is_silent = false;
  };
  ClusterCalls& calls_;
  const std::string name_space_;
  const RunLedger& ledger_;
  const std::string since_;
  std::map<std::string, Time> asked_;  // by uid: when
  std::map<std::string, Node> nodes_;
  std::set<std::string> forced_;  // uids
};

// What runs hold that live and were there before: one that was killed before it saw that it is the
// younger one has nothing there. One that came after it would have been refused.
std::set<std::string> held_by_elders(const std::vector<ClaimState>& all, const ClaimState& claim) {
  std::set<std::string> held;
  for (const ClaimState& other : all) {
    if (other.experiment == claim.experiment || other.is_over || other.created > claim.created)
      continue;
    held.insert(other.functions.begin(), other.functions.end());
  }
  return held;
}

}  // namespace

Result<std::vector<ClaimState>> claims(ClusterCalls& calls, const std::string& name_space) {
  kubernetes::ApiRequest request;
  request.path = kubernetes::with_query(kubernetes::collection(kLeases, name_space, "leases"),
                                        {{"labelSelector", kExperimentLabel}});
  const kubernetes::ApiAnswer answer = TRY(calls.ask(std::move(request)));
  const Json list = answer.json();
  std::vector<ClaimState> claims;
  for (const Json& lease : pods::value_at(list, {"items"})) {
    if (auto claim = read_claim(lease, answer.date); claim.ok())
      claims.push_back(std::move(*claim));
  }
  return claims;
}

Result<bool> set_unschedulable(ClusterCalls& calls, const std::string& node, bool unschedulable) {
  const std::string path = kubernetes::object_path(kubernetes::collection("v1", "", "nodes"), node);
  const auto there = TRY(calls.get(path));
  if (!there)
    return Error{
        ErrorCode::kNotFound, fmt::format("the cluster has no node '{}'", node), {}, {}, {}};
  const bool before = pods::is_true_at(*there, {"spec", "unschedulable"});
  if (before != unschedulable)
    TRY(calls.patch(path, {{"spec", {{"unschedulable", unschedulable}}}},
                    "application/merge-patch+json"));
  return before;
}

std::vector<Error> take_back(ClusterCalls& calls, const RunLedger& ledger, const Outside& outside,
                             const std::function<bool()>& may_write) {
  std::vector<Error> errors;
  bool was_stopped = false;
  // Does it, unless others may be at it by now.
  const auto act = [&](const std::function<Result<void>()>& does) {
    if (was_stopped) return;
    const Result<void> done = may_write() ? does()
                                          : Error{ErrorCode::kUnavailable,
                                                  "not all was taken back",
                                                  claim_name(ledger.experiment),
                                                  "the lease was lost meanwhile",
                                                  {}};
    was_stopped = !done.ok() && !may_write();
    if (!done.ok()) errors.push_back(done.error());
  };
  if (!outside.bus && !ledger.routes.empty())
    errors.push_back({ErrorCode::kUsage,
                      fmt::format("routes of experiment {} stay", ledger.experiment),
                      {},
                      "no bus is known here",
                      "name it: --bus, or galileo_redis_host"});
  if (outside.bus) {
    for (const auto& [service, before] : ledger.routes) {
      act([&, name = service, &was = before]() -> Result<void> {
        if (!was) return bus::remove_route(*outside.bus, name);
        return bus::set_route(*outside.bus, TRY(read_route(name, *was)));
      });
    }
  }
  net::Loop loop;
  gateway::EtcdOptions etcd = outside.etcd;
  if (!ledger.etcd.empty()) etcd.endpoints = ledger.etcd;
  gateway::EtcdKeys keys(loop, etcd);
  act([&] { return keys.write(ledger.weights); });
  for (const auto& [node, before] : ledger.nodes) {
    act([&, name = node, was = before]() -> Result<void> {
      const auto set = set_unschedulable(calls, name, was);
      // A node that is gone needs nothing.
      if (!set.ok() && set.error().code != ErrorCode::kNotFound) return set.error();
      return {};
    });
  }
  if (outside.bus) {
    act([&] { return close_clients(ledger, *outside.bus); });
    for (const std::string& node : ledger.fault_nodes)
      act([&, name = node] { return end_faults(*outside.bus, name, ledger.experiment); });
  }
  return errors;
}

Result<void> remove_objects(ClusterCalls& calls, const std::string& name_space,
                            const RunLedger& ledger, const OnLeft& on_left) {
  // First: what keeps pods would make them anew.
  auto given = remove_given(calls, ledger, on_left);
  const std::string config_maps = kubernetes::collection("v1", name_space, "configmaps");
  const std::string own = kubernetes::object_path(config_maps, claim_name(ledger.experiment));
  const auto config_map = TRY(calls.get(own));
  const std::string since =
      config_map ? kubernetes::text_at(*config_map, {"metadata", "creationTimestamp"}) : "9999";
  const net::RealClock clock;
  const Time until = clock.now() + kObjectsGoneWithin;
  ObjectRemoval removal(calls, name_space, ledger, since);
  while (true) {
    const std::vector<std::string> left = TRY(removal.look(clock.now()));
    if (left.empty()) break;
    if (clock.now() > until)
      return Error{ErrorCode::kUnavailable,
                   fmt::format("{} objects of experiment {} are still there", left.size(),
                               ledger.experiment),
                   name_space, fmt::format("{} and others", left.front()),
                   "see why with kubectl describe; galileo takes them back at its next start"};
    if (on_left) on_left(left.size());
    net::pause_thread(kLookAtObjectsEvery);
  }
  return given;
}

// Who has no right to what a run's manifests have made leaves all of it to who has.
Result<std::string> why_not_ours(ClusterCalls& calls, const std::string& name_space,
                                 const std::string& experiment) {
  const auto config_map = TRY(calls.get(kubernetes::object_path(
      kubernetes::collection("v1", name_space, "configmaps"), claim_name(experiment))));
  const auto ledger = config_map ? read_ledger(*config_map) : Result<RunLedger>(RunLedger{});
  if (!ledger.ok() || ledger->given.empty()) return std::string();
  const std::string denied = TRY(kinds_denied(calls, *ledger));
  if (denied.empty()) return std::string();
  return fmt::format(
      "what experiment {} has left stays: its manifests made what may not be removed here ({}); "
      "galileo doctor --clean by who may",
      experiment, denied);
}

Result<void> remove_claim(ClusterCalls& calls, const std::string& name_space,
                          const std::string& experiment) {
  const std::string name = claim_name(experiment);
  // The lease last: by it others find what there is to do.
  for (const auto& collection : {kubernetes::collection("v1", name_space, "configmaps"),
                                 kubernetes::collection(kLeases, name_space, "leases")}) {
    const std::string path = kubernetes::object_path(collection, name);
    if (const auto there = TRY(calls.get(path)))
      TRY(calls.remove(path, kubernetes::text_at(*there, {"metadata", "uid"})));
  }
  return {};
}

Result<std::vector<std::string>> clean_leftovers(ClusterCalls& calls, const std::string& name_space,
                                                 const std::string& own_name,
                                                 const Outside& outside, bool kept_too,
                                                 const OnLeft& on_left) {
  std::vector<std::string> lines;
  const std::vector<ClaimState> all = TRY(claims(calls, name_space));
  for (const ClaimState& claim : all) {
    if (!claim.is_over && !(kept_too && claim.is_kept)) continue;
    if (std::string why = TRY(why_not_ours(calls, name_space, claim.experiment)); !why.empty()) {
      lines.push_back(std::move(why));
      continue;
    }
    const std::string name = claim_name(claim.experiment);
    const net::BootClock clock;  // the lease goes on while this machine sleeps
    const Time begun = clock.now();
    // Of several that look one is first: the others' version isn't the lease's any more.
    const std::string lease =
        kubernetes::object_path(kubernetes::collection(kLeases, name_space, "leases"), name);
    const Wall now = net::RealClock::wall_now();
    const auto taken = calls.patch(
        lease,
        {{"metadata", {{"resourceVersion", claim.version}}},
         {"spec", {{"holderIdentity", own_name}, {"renewTime", wire::rfc3339(now, 6)}}}},
        "application/merge-patch+json");
    if (!taken.ok()) continue;
    const auto config_map = TRY(calls.get(
        kubernetes::object_path(kubernetes::collection("v1", name_space, "configmaps"), name)));
    auto ledger = config_map ? read_ledger(*config_map) : Result<RunLedger>(RunLedger{});
    if (!ledger.ok()) lines.push_back(ledger.error().to_text());
    RunLedger known = ledger.ok() ? std::move(*ledger) : RunLedger{};
    known.experiment = claim.experiment;
    known = without_functions(std::move(known), held_by_elders(all, claim));
    const std::vector<Error> left =
        take_back(calls, known, outside, [&] { return clock.now() - begun < kLeaseHeldFor; });
    for (const Error& error : left) lines.push_back(error.to_text());
    TRY(remove_objects(calls, name_space, known, on_left));
    if (!left.empty()) continue;  // the ledger stays for who comes next
    TRY(remove_claim(calls, name_space, claim.experiment));
    lines.push_back(fmt::format("what experiment {} had left was removed: its run {}",
                                claim.experiment, claim.is_kept ? "had failed" : "was killed"));
  }
  return lines;
}

}  // namespace galileo::experiment
