#include "experiment/cluster_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "experiment/readiness.h"
#include "experiment/run_ledger.h"
#include "kubernetes/paths.h"
#include "net/boot_clock.h"
#include "pods/fields.h"
#include "wire/unix_time.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

constexpr Duration kLookAtWatchesEvery = std::chrono::milliseconds{250};
constexpr Duration kRenewEvery = std::chrono::seconds{10};

}  // namespace

ClusterWatch::ClusterWatch(Options options)
    : options_(std::move(options)),
      pods_(options_.pods),
      evidence_(options_.functions, options_.given) {
  if (options_.on_event) events_.emplace(options_.on_event);
}

ClusterWatch::~ClusterWatch() {
  if (!desk_.is_running()) return;
  desk_.stop([this] {
    node_watch_.reset();
    messages_.reset();
    deployments_.reset();
    scalers_.reset();
    watch_.reset();
    api_.reset();
  });
}

Result<std::unique_ptr<ClusterWatch>> ClusterWatch::start(const kubernetes::Access& access,
                                                          Options options) {
  std::unique_ptr<ClusterWatch> watch(new ClusterWatch(std::move(options)));
  watch->desk_.start(
      "cluster", [w = watch.get()](Time now) { return w->look(now); },
      net::RealClock().now() + kLookAtWatchesEvery);
  TRY(watch->open(access));
  return watch;
}

Result<void> ClusterWatch::open(const kubernetes::Access& access) {
  std::optional<Error> error;
  desk_.call([&] {
    auto api = kubernetes::Api::make(desk_.loop(), access);
    if (!api.ok()) {
      error = api.error();
      return;
    }
    api_ = std::move(*api);
    renewed_ = net::BootClock().now();  // it was made just now
    next_renewal_ = desk_.clock().now() + kRenewEvery;
    kubernetes::Watch::Handlers handlers;
    handlers.on_object = [this](const Json& object) { on_object(object); };
    handlers.on_gone = [this](const std::string& uid, const Json* last) { on_gone(uid, last); };
    handlers.on_synced = [this] {
      if (events_) events_->on_synced(net::RealClock::wall_now());
      tell_changes();
    };
    handlers.on_trouble = [this](const std::string& why) { trouble_ = why; };
    handlers.on_gap = [](const std::string&) {};  // the new list says what is
    watch_ = std::make_unique<kubernetes::Watch>(
        *api_, kubernetes::collection("v1", options_.name_space, "pods"),
        pods_selector(options_.functions), "", std::move(handlers));
    kubernetes::Watch::Handlers heard;
    heard.on_object = [this](const Json& event) { evidence_.on_event(event); };
    heard.on_gone = [](const std::string&, const Json*) {};
    heard.on_synced = [this] { evidence_.on_synced(); };
    heard.on_trouble = [this](const std::string& why) { evidence_.on_trouble(why); };
    messages_ = std::make_unique<kubernetes::Watch>(
        *api_, kubernetes::collection("v1", options_.name_space, "events"), "", "",
        std::move(heard));
    node_watch_ = std::make_unique<NodeWatch>(*api_, [this](const NodeWatch::Change& change) {
      if (options_.on_node) options_.on_node(change);
      tell_changes();
    });
    if (options_.has_deployments)
      deployments_ =
          std::make_unique<DeploymentWatch>(*api_, options_.name_space, options_.pods.experiment,
                                            [this](const std::string& name, const PodFailure& why) {
                                              tell_failure("deployment", name, why);
                                            });
    if (options_.has_scalers)
      scalers_ = std::make_unique<ScalerWatch>(*api_, options_.name_space, options_.pods.experiment,
                                               options_.on_event);
  });
  if (error) return std::move(*error);
  return {};
}

void ClusterWatch::on_object(const Json& object) {
  pods::Pod pod = pods::read_pod(object);
  if (!pods_.is_of_run(pod)) return;
  evidence_.on_pod(object);
  if (events_) events_->on_object(pod, net::RealClock::wall_now());
  const Time now = desk_.clock().now();
  pods_.on_pod(std::move(pod), now);
  tell_changes();
  look(now);
}

void ClusterWatch::on_gone(const std::string& uid, const Json* last) {
  if (!pods_.has(uid)) return;
  if (last) evidence_.on_pod(*last);
  if (events_) {
    const auto end = last ? std::optional(pods::read_pod(*last)) : std::nullopt;
    events_->on_gone(uid, end ? &*end : nullptr, net::RealClock::wall_now());
  }
  const auto loss = pods_.on_gone(uid);
  tell_changes();
  if (loss) tell_failure("pod", loss->pod, loss->why);
}

void ClusterWatch::tell_failure(const char* kind, const std::string& name, const PodFailure& why) {
  if (!ends_ && options_.on_failure) options_.on_failure(kind, name, why);
}

Time ClusterWatch::look(Time now) {
  if (api_ && !lost_) renew(now);
  if (node_watch_ && node_watch_->is_due(now)) node_watch_->look(nodes_in_use(), now);
  if (!ends_) {
    for (const WatchedPods::Loss& loss : pods_.failures(now))
      tell_failure("pod", loss.pod, loss.why);
  }
  return now + kLookAtWatchesEvery;
}

// Its holder must still be us: whoever has taken it back has undone what we did.
void ClusterWatch::renew(Time now) {
  const Time asked = net::BootClock().now();
  if (asked - renewed_ > kLeaseHeldFor)
    return lose(fmt::format("it couldn't be renewed for {}", format_duration(kLeaseHeldFor)));
  if (is_renewing_ || now < next_renewal_) return;
  is_renewing_ = true;
  next_renewal_ = now + kRenewEvery;
  kubernetes::ApiRequest request;
  request.method = "PATCH";
  request.path = kubernetes::object_path(
      kubernetes::collection("coordination.k8s.io/v1", options_.name_space, "leases"),
      options_.lease);
  request.content_type = "application/json-patch+json";
  request.within = kRenewEvery;
  request.repeatable = true;
  const Wall wall = net::RealClock::wall_now();
  request.body =
      Json::array({{{"op", "test"}, {"path", "/spec/holderIdentity"}, {"value", options_.holder}},
                   {{"op", "add"}, {"path", "/spec/renewTime"}, {"value", wire::rfc3339(wall, 6)}}})
          .dump();
  api_->ask(std::move(request), [this, asked](const Result<kubernetes::ApiAnswer>& answer) {
    is_renewing_ = false;
    if (!answer.ok()) return;  // not reached: the time that is left decides
    if (answer->ok()) {
      renewed_ = asked;
    } else if (answer->status == 404 || answer->status == 422 || answer->status == 409) {
      lose("another has taken it: this run was thought dead");
    }
  });
}

void ClusterWatch::lose(const std::string& why) {
  lost_ = why;
  if (options_.on_lease_lost) options_.on_lease_lost(why);
}

std::set<std::string> ClusterWatch::nodes_in_use() const {
  std::set<std::string> nodes = pods_.nodes();
  nodes.insert(options_.gateway_nodes.begin(), options_.gateway_nodes.end());
  return nodes;
}

bool ClusterWatch::takes_requests(const pods::Pod& pod) const {
  const bool leases_tell = node_watch_ && node_watch_->trouble().empty();
  return experiment::takes_requests(pod, leases_tell) &&
         !(node_watch_ && node_watch_->is_silent(pod.node));
}

std::vector<ReadyPod> ClusterWatch::ready_now() const {
  return pods_.ready([this](const pods::Pod& pod) { return takes_requests(pod); });
}

void ClusterWatch::tell_changes() {
  std::vector<ReadyPod> ready = ready_now();
  if (ready == told_) return;
  told_ = std::move(ready);
  if (options_.on_ready_changed) options_.on_ready_changed();
}

std::vector<ReadyPod> ClusterWatch::ready() {
  std::vector<ReadyPod> ready;
  desk_.call([&] { ready = ready_now(); });
  return ready;
}

std::vector<std::string> ClusterWatch::waiting() {
  std::vector<std::string> waiting;
  desk_.call([&] {
    waiting = pods_.waiting([this](const pods::Pod& pod) { return takes_requests(pod); });
  });
  return waiting;
}

std::set<std::string> ClusterWatch::silent_nodes() {
  std::set<std::string> silent;
  desk_.call([&] {
    for (const std::string& node : nodes_in_use()) {
      if (node_watch_ && node_watch_->is_silent(node)) silent.insert(node);
    }
  });
  return silent;
}

std::vector<pods::Pod> ClusterWatch::pods() {
  std::vector<pods::Pod> all;
  desk_.call([&] { all = pods_.all(); });
  return all;
}

PodEvidence ClusterWatch::evidence() {
  PodEvidence evidence({});
  desk_.call([&] { evidence = evidence_; });
  return evidence;
}

std::map<std::string, std::string> ClusterWatch::uids_of(const std::string& function) {
  std::map<std::string, std::string> uids;
  desk_.call([&] { uids = pods_.uids_of(function); });
  return uids;
}

void ClusterWatch::expect_end_of(const std::string& uid) {
  desk_.call([&] { pods_.expect_end_of(uid); });
}

void ClusterWatch::expect_end() {
  desk_.call([&] { ends_ = true; });
}

std::optional<std::string> ClusterWatch::lease_lost() {
  std::optional<std::string> why;
  desk_.call([&] {
    if (!lost_) renew(desk_.clock().now());
    why = lost_;
  });
  return why;
}

std::vector<std::string> ClusterWatch::idle_scalers() {
  std::vector<std::string> idle;
  desk_.call([&] {
    if (scalers_) idle = scalers_->idle();
  });
  return idle;
}

std::string ClusterWatch::trouble() {
  std::string trouble;
  desk_.call([&] { trouble = trouble_; });
  return trouble;
}

}  // namespace galileo::experiment
