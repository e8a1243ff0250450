#include "experiment/on_kubernetes.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "bus/directory.h"
#include "bus/keys.h"
#include "experiment/cluster_needs.h"
#include "experiment/evidence_files.h"
#include "experiment/given_calls.h"
#include "experiment/standing_pods.h"
#include "fleet/controller.h"
#include "kubernetes/objects.h"
#include "kubernetes/paths.h"
#include "net/clock.h"
#include "net/loop.h"
#include "telemetry/machine.h"
#include "wire/pod_event.h"
#include "wire/weight_update.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

constexpr Duration kLookAtPodsEvery = std::chrono::milliseconds{20};
// What Kubernetes says of a failure follows the object that shows it.
constexpr Duration kLastWords = std::chrono::milliseconds{500};
// Where no application says how long it may take.
constexpr Duration kManifestsReadyWithin = std::chrono::minutes{5};
constexpr const char* kDryRun = "dry-run";

std::string holder_name() {
  return fmt::format("{}-{}", telemetry::hostname(), getpid());
}

Error lease_lost(const std::string& experiment, const std::string& why) {
  return {ErrorCode::kUnavailable, "the run's lease is lost", claim_name(experiment), why,
          "others take back what it did"};
}

Json route_json(const bus::Route& route) {
  return {{"hosts", route.hosts}, {"weights", route.weights}};
}

}  // namespace

Result<std::vector<KubernetesObject>> rehearse(const plan::Plan& plan,
                                               const kubernetes::Access& access) {
  const std::string name_space =
      plan.cluster->name_space.empty() ? access.name_space : plan.cluster->name_space;
  const auto calls = TRY(ClusterCalls::make(access, {}));
  TRY(check_needs(plan, *calls));
  TRY(check_rights_to_take_back(plan, *calls, name_space));
  const ClusterView view = TRY(calls->view(name_space));
  Arrangement arrangement = TRY(arrange(plan, kDryRun, view));
  std::vector<KubernetesObject> objects;
  for (GivenObject& one : TRY(look_up_given(*calls, plan.cluster->manifests, kDryRun, name_space,
                                            arrangement.objects)))
    objects.push_back(std::move(one.object));
  for (const KubernetesObject& object : arrangement.objects) {
    kubernetes::ApiRequest request;
    request.method = "POST";
    request.path = kubernetes::with_query(
        kubernetes::collection(object.group_version, name_space, object.plural),
        {{"dryRun", "All"}, {"fieldValidation", "Strict"}});
    request.body = object.json;
    request.repeatable = true;  // nothing is kept
    static_cast<void>(TRY(calls->ask(std::move(request))));
    objects.push_back(object);
  }
  return objects;
}

OnKubernetes::OnKubernetes(Processes& others, const kubernetes::Access& access,
                           const Outside& outside)
    : others_(others), access_(access), outside_(outside) {}

OnKubernetes::~OnKubernetes() {
  stop();
}

Result<void> OnKubernetes::prepare(const Context& context) {
  context_ = &context;
  cluster_ = &*context.plan.cluster;
  name_space_ = cluster_->name_space.empty() ? access_.name_space : cluster_->name_space;
  TRY(others_.prepare(context));
  calls_ = TRY(ClusterCalls::make(access_, [this] { return !ends_ && context_->interrupted(); }));
  cleaned_ = TRY(clean_leftovers(
      *calls_, name_space_, holder_name(), outside_, false,
      [this](std::size_t left) { tell_left("objects that a killed run has left to go", left); }));
  context_->wait({});
  TRY(check_needs(context.plan, *calls_));
  TRY(check_rights_to_take_back(context.plan, *calls_, name_space_));
  view_ = TRY(calls_->view(name_space_));
  for (const auto& [name, node] : view_.nodes) context.know({name, "labels", node.labels});
  arrangement_ = TRY(arrange(context.plan, context.id, view_));
  given_ = TRY(
      look_up_given(*calls_, cluster_->manifests, context.id, name_space_, arrangement_.objects));
  TRY(fill_ledger());
  TRY(refuse_rivals(nullptr));
  changes_ = std::make_unique<ClusterChanges>(ClusterChanges::Hold{
      context, *calls_, view_, ledger_, name_space_, outside_.bus, [this] { return keep_ledger(); },
      [this] { return write_weights(); }, [this] { return !lost(); }});
  TRY(changes_->prepare());
  return claim();
}

// What has a value before is read before anything is written.
Result<void> OnKubernetes::fill_ledger() {
  ledger_.experiment = context_->id;
  for (const plan::Application& application : context_->plan.applications) {
    if (application.pods) ledger_.functions.push_back(application.name);
  }
  ledger_.given = ledger_rows(given_);
  ledger_.etcd = outside_.etcd.endpoints;
  net::Loop loop;
  gateway::EtcdKeys keys(loop, outside_.etcd);
  std::map<std::string, std::map<std::string, std::string>> before;  // by zone
  for (const ZoneGateway& gateway : view_.gateways) {
    if (cluster_->weights == plan::WhoWeighs::kNone || before.contains(gateway.zone)) continue;
    before[gateway.zone] = TRY(keys.all(gateway::weights_prefix(gateway.zone)));
    for (const std::string& function : ledger_.functions) {
      const auto found = before[gateway.zone].find(function);
      ledger_.weights[weights_key({function, gateway.zone})] =
          found == before[gateway.zone].end() ? std::nullopt : std::optional(found->second);
    }
  }
  TRY(calls_->each(kubernetes::collection("v1", name_space_, "pods"),
                   pods_selector(ledger_.functions), [&](Json&& pod) {
                     ledger_.pods_before.push_back(kubernetes::text_at(pod, {"metadata", "uid"}));
                   }));
  if (!outside_.bus) return {};
  for (const load::ServiceSpec& route : routes_of(context_->plan, view_)) {
    const auto there = TRY(bus::route(*outside_.bus, route.name));
    ledger_.routes[route.name] = there ? std::optional(route_json(*there).dump()) : std::nullopt;
  }
  ledger_.clients_before = TRY(bus::all_client_ids(*outside_.bus));
  return {};
}

// Two runs on one function would take each other's weights for their own. `own`: what we have
// claimed already, with which the elder of two goes on.
Result<void> OnKubernetes::refuse_rivals(const ClaimState* own) {
  for (const ClaimState& other : TRY(claims(*calls_, name_space_))) {
    if (other.experiment == context_->id || (own && is_elder(*own, other))) continue;
    for (const std::string& function : other.functions) {
      if (std::find(ledger_.functions.begin(), ledger_.functions.end(), function) ==
          ledger_.functions.end())
        continue;
      if (other.is_kept)
        return Error{
            ErrorCode::kUsage,
            fmt::format("pods of a run that failed are kept for application '{}'", function),
            fmt::format("experiment {}", other.experiment), kept_text(other),
            "galileo doctor --clean removes them"};
      return Error{ErrorCode::kUsage, fmt::format("another run is on application '{}'", function),
                   fmt::format("experiment {}", other.experiment),
                   other.age ? fmt::format("its lease was renewed {} ago, by {}",
                                           format_duration(*other.age), other.holder)
                             : fmt::format("its lease is held by {}", other.holder),
                   "wait for its end, or name the application otherwise"};
    }
  }
  return {};
}

Result<void> OnKubernetes::claim() {
  is_claimed_ = true;  // from now on there is something to take back
  // The lease first: it is what others find.
  const Json lease = TRY(calls_->create(
      name_space_,
      make_object("coordination.k8s.io/v1", "leases", lease_object(ledger_, holder_name())),
      context_->id));
  const Json config_map = TRY(calls_->create(
      name_space_, make_object("v1", "configmaps", ledger_object(ledger_)), context_->id));
  owner_ = owner_reference(config_map).dump();
  // Of two that have looked at once both see the other's now.
  const ClaimState own = TRY(read_claim(lease, std::nullopt));
  TRY(refuse_rivals(&own));
  return watch();
}

Result<void> OnKubernetes::watch() {
  ClusterWatch::Options options;
  options.name_space = name_space_;
  options.functions = ledger_.functions;
  options.pods.experiment = context_->id;
  options.pods.nodes = view_.nodes;
  options.pods.older.insert(ledger_.pods_before.begin(), ledger_.pods_before.end());
  options.pods.bounds.unschedulable = cluster_->unschedulable_within;
  for (const ZoneGateway& gateway : view_.gateways) options.gateway_nodes.insert(gateway.node);
  options.on_node = [this](const NodeWatch::Change& change) {
    context_->control.post([this, change] { on_node(change); });
  };
  for (const GivenObject& one : given_) options.given.push_back(one.object.name);
  for (const plan::Application& application : context_->plan.applications) {
    if (!application.pods) continue;
    options.pods.ports[application.name] = application.pods->port;
    if (!application.pods->on_nodes.empty()) options.pods.pinned.insert(application.name);
    options.has_deployments |= application.pods->is_deployment;
    options.has_scalers |= application.pods->autoscale.has_value();
  }
  options.lease = claim_name(context_->id);
  options.holder = holder_name();
  options.on_ready_changed = [this] { context_->control.post([this] { follow(); }); };
  options.on_failure = [this](const char* kind, const std::string& name, const PodFailure& why) {
    context_->control.post([this, kind, name, why] { on_failure(kind, name, why); });
  };
  if (!has_adapter()) {
    options.on_event = [this](wire::Event&& event) {
      context_->control.post(
          [this, event = std::move(event)] { put_event(event.name, event.value); });
    };
  }
  options.on_lease_lost = [this](const std::string& why) {
    context_->control.post([this, why] {
      lost_ = lease_lost(context_->id, why);
      if (!failure_) failure_ = *lost_;
      context_->end_run(*lost_);
    });
  };
  watch_ = TRY(ClusterWatch::start(access_, std::move(options)));
  return {};
}

Result<void> OnKubernetes::start() {
  is_begun_ = true;
  auto started = start_all();
  if (started.ok() || started.error().code == ErrorCode::kInterrupted) return started;
  has_failed_ = true;
  Error error = std::move(started).error();
  if (error.hint.empty()) error.hint = where_to_look();
  return error;
}

Result<void> OnKubernetes::start_all() {
  TRY(others_.start_first());
  TRY(make_manifests());
  TRY(make_pods());
  TRY(wait_ready());
  for (const PodGroup& group : arrangement_.groups)
    context_->tell("application/start", group.application);
  if (cluster_->weights != plan::WhoWeighs::kNone) {
    TRY(write_weights());
    net::pause_thread(kGatewaysFollow);  // the first request comes next
  }
  for (const std::string& pod : TRY(standing_pods(*calls_, name_space_)))
    context_->tell(std::string(wire::kStandingPod), pod);
  is_started_ = true;
  context_->wait({});
  return others_.start_beside(surroundings());
}

// What a controller under test needs to know; the bus is in our own environment, or in the file's.
Processes::Variables OnKubernetes::surroundings() const {
  Processes::Variables variables{{"galileo_experiment", context_->id}};
  if (!cluster_->kubeconfig.empty()) variables.emplace_back("KUBECONFIG", cluster_->kubeconfig);
  std::set<std::string> zones;
  for (const ZoneGateway& one : view_.gateways) zones.insert(one.zone);
  variables.emplace_back("galileo_zones", fmt::format("{}", fmt::join(zones, " ")));
  const auto etcd = gateway::parse_endpoint(outside_.etcd.endpoints.front());
  if (etcd.ok()) {
    variables.emplace_back("etcd_host", etcd->host);
    variables.emplace_back("etcd_port", fmt::format("{}", etcd->port));
  }
  return variables;
}

// What the pods may need, or what makes them.
Result<void> OnKubernetes::make_manifests() {
  GivenRun run;
  run.id = context_->id;
  run.name_space = name_space_;
  run.owner = owner_;
  run.ready_within = ready_timeout();
  run.bounds.unschedulable = cluster_->unschedulable_within;
  run.may_go_on = [this]() -> Result<void> {
    if (context_->interrupted())
      return Error{ErrorCode::kInterrupted, "ended by a signal", {}, {}, {}};
    return failure_ ? Result<void>(*failure_) : Result<void>();
  };
  run.tell = [this](std::size_t done, std::size_t all, const std::string& latest, Duration left) {
    context_->wait({"objects of the manifests ready", done, all, latest, left});
  };
  return make_given(*calls_, given_, run);
}

Result<void> OnKubernetes::make_pods() {
  for (const KubernetesObject& object : arrangement_.objects) {
    if (context_->interrupted())
      return Error{ErrorCode::kInterrupted, "ended by a signal", {}, {}, {}};
    if (auto lost = this->lost()) return std::move(*lost);
    Json body = Json::parse(object.json);
    body["metadata"]["ownerReferences"] = Json::array({Json::parse(owner_)});
    KubernetesObject owned = object;
    owned.json = body.dump();
    static_cast<void>(TRY(calls_->create(name_space_, owned, context_->id)));
  }
  return {};
}

// Manifests say themselves in which zones their pods are.
std::uint32_t OnKubernetes::ready_of(const PodGroup& group,
                                     const std::vector<ReadyPod>& ready) const {
  const auto number = std::count_if(ready.begin(), ready.end(), [&](const ReadyPod& pod) {
    return pod.function == group.application && (group.zone.empty() || pod.zone == group.zone);
  });
  return std::min(group.count, static_cast<std::uint32_t>(number));
}

// Told on the way, too.
bool OnKubernetes::all_ready(Duration left) {
  const std::vector<ReadyPod> ready = watch_->ready();
  std::uint32_t done = 0;
  std::uint32_t all = 0;
  for (const PodGroup& group : arrangement_.groups) {
    done += ready_of(group, ready);
    all += group.count;
  }
  if (done == all) return true;
  const std::vector<std::string> waiting = watch_->waiting();
  context_->wait(
      {"pods ready", done, all, waiting.empty() ? watch_->trouble() : waiting.front(), left});
  return false;
}

Duration OnKubernetes::ready_timeout() const {
  Duration longest{0};
  for (const plan::Application& application : context_->plan.applications) {
    if (application.pods) longest = std::max(longest, application.ready_timeout);
  }
  return longest.count() > 0 ? longest : kManifestsReadyWithin;
}

void OnKubernetes::tell_left(const char* what, std::size_t left) {
  context_->wait({what, left, 0, {}, {}});
}

Result<void> OnKubernetes::wait_ready() {
  const Duration longest = ready_timeout();
  const net::RealClock clock;
  const Time deadline = clock.now() + longest;
  while (!all_ready(deadline - clock.now())) {
    if (context_->interrupted())
      return Error{ErrorCode::kInterrupted, "ended by a signal", {}, {}, {}};
    if (failure_) return *failure_;
    if (clock.now() >= deadline) {
      const std::vector<std::string> waiting = watch_->waiting();
      const std::string trouble = watch_->trouble();
      return Error{ErrorCode::kUnavailable,
                   fmt::format("pods aren't ready within {}", format_duration(longest)),
                   name_space_,
                   !waiting.empty()   ? fmt::format("{} wait; {}", waiting.size(), waiting.front())
                   : !trouble.empty() ? trouble
                                      : "there are too few of them, and none is on its way",
                   "give the application a longer ready_timeout"};
    }
    net::pause_thread(kLookAtPodsEvery);
  }
  return failure_ ? Result<void>(*failure_) : Result<void>();
}

// What is left of pods once the run has ended.
std::string OnKubernetes::where_to_look() const {
  std::string text = fmt::format(
      "their logs and statuses, and what Kubernetes said, are kept in {}", context_->log_folder);
  if (cluster_->keep > Duration{0})
    text += fmt::format("; pods are kept for {}: kubectl get pods -l {}={}, galileo doctor --clean",
                        format_duration(cluster_->keep), kExperimentLabel, context_->id);
  return text;
}

void OnKubernetes::on_failure(const char* kind, const std::string& name, const PodFailure& why) {
  if (ends_) return;
  const Error error{ErrorCode::kUnavailable, fmt::format("{} {} can't be", kind, name), name_space_,
                    why.text.empty() ? why.reason : fmt::format("{}: {}", why.reason, why.text),
                    where_to_look()};
  if (!is_started_) {
    if (!failure_) failure_ = error;
    return;
  }
  failures_.push_back(fmt::format("{} ({})", name, why.reason));
  context_->tell("application/failure",
                 Json{{"name", name}, {"reason", why.reason}, {"text", why.text}}.dump());
  if (cluster_->on_pod_failure != plan::OnPodFailure::kEnd) return;
  has_failed_ = true;
  context_->end_run(error);
}

// Kubernetes says it later, or never where it comes back within a minute.
void OnKubernetes::on_node(const NodeWatch::Change& change) {
  if (ends_) return;
  const std::string reason = change.is_silent ? fmt::format("its lease wasn't renewed for {}",
                                                            format_duration(change.unheard))
                                              : std::string("its lease is renewed again");
  put_event(change.is_silent ? "node/silent" : "node/heard",
            Json{{"node", change.node}, {"reason", reason}}.dump());
  follow();  // also where it has a gateway alone
}

Result<void> OnKubernetes::put_weights(const FunctionInZone& where,
                                       const gateway::Targets& targets) {
  net::Loop loop;
  gateway::EtcdKeys keys(loop, outside_.etcd);
  TRY(keys.put(weights_key(where), gateway::targets_json(targets)));
  weights_[where] = targets;
  wire::WeightUpdate update{net::RealClock::wall_now(), where.function, where.zone, {}};
  for (const route::Host& host : targets.hosts) update.targets.emplace_back(host.name, host.weight);
  const wire::Event event = wire::weight_update_event(update);
  put_event(event.name, event.value);
  return {};
}

// On a bus others hear of it, and it is recorded from there as long as requests go out.
void OnKubernetes::put_event(const std::string& name, const std::string& value) {
  if (!outside_.bus || ends_) context_->tell(name, value);
  if (!outside_.bus) return;
  if (const auto told = fleet::Controller(*outside_.bus).event(name, value); !told.ok())
    log(LogLevel::kWarning, "an event can't be published",
        {{"event", name}, {"why", told.error().to_text()}});
}

// One that lives has a key of its own on the bus; one that was killed has none some seconds later.
bool OnKubernetes::has_adapter() const {
  if (!outside_.bus) return false;
  const auto keys = outside_.bus->keys(std::string(bus::kAllAdapters));
  return keys.ok() && !keys->empty();
}

Result<void> OnKubernetes::write_weights() {
  ClusterView heard = view_;
  std::erase_if(heard.gateways, [silent = watch_->silent_nodes()](const ZoneGateway& gateway) {
    return silent.contains(gateway.node);
  });
  const std::vector<ReadyPod> ready = watch_->ready();
  for (auto& [where, targets] : zone_weights(ledger_.functions, ready, heard)) {
    changes_->adjust(where, targets, ready);
    const auto before = weights_.find(where);
    if (before != weights_.end() && before->second == targets) continue;
    TRY(put_weights(where, targets));
  }
  return {};
}

// Before what it says is done.
Result<void> OnKubernetes::keep_ledger() {
  const std::string path = kubernetes::object_path(
      kubernetes::collection("v1", name_space_, "configmaps"), claim_name(context_->id));
  TRY(calls_->patch(path, {{"data", ledger_data(ledger_)}}, "application/merge-patch+json"));
  return {};
}

Result<std::string> OnKubernetes::change(const plan::Action::ChangeCluster& change) {
  if (auto lost = this->lost()) return std::move(*lost);
  return changes_->make(change, *watch_);
}

std::optional<Error> OnKubernetes::failure() const {
  return changes_ ? changes_->failure() : std::nullopt;
}

// Pods come and go during a run: gateways hear of it.
void OnKubernetes::follow() {
  if (!is_started_ || ends_ || lost()) return;
  if (cluster_->weights != plan::WhoWeighs::kFollow) return;
  if (const auto written = write_weights(); !written.ok())
    log(LogLevel::kWarning, "the gateways' weights can't be written",
        {{"why", written.error().to_text()}});
}

std::vector<load::ServiceSpec> OnKubernetes::routes() const {
  return routes_of(context_->plan, view_);
}

std::vector<std::string> OnKubernetes::ended() {
  std::vector<std::string> ended = others_.ended();
  ended.insert(ended.end(), failures_.begin(), failures_.end());
  return ended;
}

std::vector<std::string> OnKubernetes::doubts() {
  return watch_ && is_started_ ? watch_->idle_scalers() : std::vector<std::string>();
}

// Asked before each write, since a process that was stopped for minutes goes on where it was: by
// the time since the last renewal, before anything has told of the loss.
std::optional<Error> OnKubernetes::lost() {
  if (!lost_ && watch_) {
    if (const auto why = watch_->lease_lost()) lost_ = lease_lost(context_->id, *why);
  }
  return lost_;
}

// Route (the load's own, before this), weights, then pods: no request meets one that goes.
std::vector<std::string> OnKubernetes::undo() {
  std::vector<std::string> notes;
  if (lost()) {
    notes.emplace_back("the run's lease was lost: others take back what it made");
    return notes;
  }
  std::vector<Error> left;
  if (changes_) {
    for (std::string& note : changes_->end()) notes.push_back(std::move(note));
  }
  if (is_begun_) {
    left = take_back(*calls_, ledger_, outside_, [this] { return !lost(); });
  } else {
    // One that was refused has made nothing: weights, routes and what a controller has made are the
    // other run's by now.
    ledger_.functions.clear();
  }
  for (const Error& error : left) notes.push_back(error.to_text());
  if (is_started_) net::pause_thread(kGatewaysFollow);
  if (has_failed_) net::pause_thread(kLastWords);
  if (watch_) {
    EvidencePlace place{context_->id, name_space_, {}, context_->log_folder};
    for (const GivenObject& one : given_) {
      if (!one.name_space.empty()) place.given_spaces.insert(one.name_space);
    }
    if (const auto unkept = keep_evidence(*calls_, *watch_, place))
      notes.push_back("logs of containers couldn't be kept: " + unkept->to_text());
  }
  if (has_failed_ && cluster_->keep > Duration{0}) {
    notes.push_back(keep_pods(left.empty()));
    return notes;
  }
  const auto removed = remove_objects(*calls_, name_space_, ledger_, [this](std::size_t count) {
    tell_left("objects of the run to go", count);
  });
  if (!removed.ok()) notes.push_back(removed.error().to_text());
  if (!removed.ok() || !left.empty()) return notes;  // the ledger stays for who comes next
  if (const auto claim = remove_claim(*calls_, name_space_, context_->id); !claim.ok())
    notes.push_back(claim.error().to_text());
  return notes;
}

// What it made stays for a time, to be looked at, under the lease; what it had changed has been
// taken back, so that the ledger says no more of it.
std::string OnKubernetes::keep_pods(bool is_taken_back) {
  const auto kept = [&]() -> Result<void> {
    if (is_taken_back) {
      ledger_.weights.clear();
      ledger_.routes.clear();
      ledger_.nodes.clear();
      TRY(keep_ledger());
    }
    const std::string leases =
        kubernetes::collection("coordination.k8s.io/v1", name_space_, "leases");
    TRY(calls_->patch(kubernetes::object_path(leases, claim_name(context_->id)),
                      kept_lease(cluster_->keep, net::RealClock::wall_now()),
                      "application/merge-patch+json"));
    return {};
  }();
  if (!kept.ok()) return kept.error().to_text();
  return where_to_look();
}

std::vector<std::string> OnKubernetes::stop() {
  std::vector<std::string> notes = std::exchange(cleaned_, {});
  // A controller ends before what it controls.
  if (context_) {
    for (std::string& note : others_.stop()) notes.push_back(std::move(note));
  }
  if (is_claimed_) {
    ends_ = true;
    if (watch_) watch_->expect_end();
    for (std::string& note : undo()) notes.push_back(std::move(note));
    if (changes_) changes_->leave();
    is_claimed_ = false;
    watch_.reset();
    context_->wait({});
    context_->control.run_pending();  // what was told of the pods' ends
  }
  return notes;
}

}  // namespace galileo::experiment
