#include "experiment/node_watch.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "kubernetes/objects.h"
#include "kubernetes/paths.h"
#include "pods/fields.h"

namespace galileo::experiment {
namespace {

constexpr Duration kLookAtNodesEvery = std::chrono::seconds{1};
constexpr Duration kLookEveryOfNode = std::chrono::milliseconds{50};
constexpr Duration kLooksApart = std::chrono::seconds{4};  // while no renewal is due
// An answer that comes so much later than it should says nothing of the time between.
constexpr Duration kLate = std::chrono::milliseconds{3500};
constexpr std::int64_t kLeaseSeconds = 40;  // a kubelet's, where nobody has said otherwise

}  // namespace

bool NodeSilence::on_lease(const std::string& node, std::string_view version, Duration lasts,
                           Time now, Duration apart) {
  const auto [found, is_new] = known_.try_emplace(node);
  Known& known = found->second;
  if (is_new || known.version != version) {
    known.version = version;
    known.heard = now;
  } else if (now > known.next + kLate) {
    known.heard += now - known.looked;
  }
  known.looked = now;
  // A kubelet renews its lease four times in the time that it lasts.
  const bool is_renewal_due = now - known.heard >= lasts / 5;
  known.next = now + std::max(apart, is_renewal_due
                                         ? kLookAtNodesEvery
                                         : std::clamp(lasts / 10, kLookAtNodesEvery, kLooksApart));
  // Two renewals in a row are missing, and some time to catch up on the last one.
  const bool is_silent = now - known.heard >= lasts * 11 / 20;
  return std::exchange(known.is_silent, is_silent) != is_silent;
}

Time NodeSilence::next_look(const std::string& node) const {
  const auto found = known_.find(node);
  return found == known_.end() ? Time{} : found->second.next;
}

bool NodeSilence::is_silent(const std::string& node) const {
  const auto found = known_.find(node);
  return found != known_.end() && found->second.is_silent;
}

Duration NodeSilence::unheard(const std::string& node, Time now) const {
  const auto found = known_.find(node);
  return found == known_.end() ? Duration{0} : std::max(now - found->second.heard, Duration{0});
}

NodeWatch::~NodeWatch() {
  for (const auto& [node, call] : asked_) api_.drop(call);
}

void NodeWatch::look(const std::set<std::string>& nodes, Time now) {
  apart_ = std::max(kLookAtNodesEvery, kLookEveryOfNode * static_cast<std::int64_t>(nodes.size()));
  for (const std::string& node : std::exchange(nodes_, nodes)) {
    if (nodes.contains(node)) continue;
    silence_.forget(node);
    due_.erase(node);
    if (const auto call = asked_.find(node); call != asked_.end()) {
      api_.drop(call->second);
      asked_.erase(call);
    }
  }
  next_ = now + kLookAtNodesEvery;  // for nodes that come
  for (const std::string& node : nodes) {
    const auto due = due_.find(node);
    if (due != due_.end() && due->second > now)
      next_ = std::min(next_, due->second);
    else if (!asked_.contains(node))
      ask(node, now);
  }
}

void NodeWatch::ask(const std::string& node, Time now) {
  due_[node] = now + std::max(apart_, kLookAtNodesEvery);  // where there is no answer
  kubernetes::ApiRequest request;
  request.path = kubernetes::object_path(
      kubernetes::collection("coordination.k8s.io/v1", kNodeLeases, "leases"), node);
  request.within = kLate;
  asked_[node] =
      api_.ask(std::move(request), [this, node](const Result<kubernetes::ApiAnswer>& answer) {
        asked_.erase(node);
        on_answer(node, answer);
      });
}

void NodeWatch::on_answer(const std::string& node, const Result<kubernetes::ApiAnswer>& answer) {
  if (!answer.ok()) return;  // nobody answers: nothing is known of that time
  if (answer->status == 403) trouble_ = kubernetes::message_of(answer->json());
  const Time now = api_.loop().clock().now();
  if (answer->status == 404) {
    due_[node] = now + std::max(apart_, kLooksApart);
    return silence_.forget(node);
  }
  if (!answer->ok()) return;
  const nlohmann::json lease = answer->json();
  const std::chrono::seconds lasts{std::max<std::int64_t>(
      pods::number_at(lease, {"spec", "leaseDurationSeconds"}, kLeaseSeconds), 1)};
  const bool has_changed =
      silence_.on_lease(node, kubernetes::version_of(lease), lasts, now, apart_);
  due_[node] = silence_.next_look(node);
  if (has_changed) on_change_({node, silence_.is_silent(node), silence_.unheard(node, now)});
}

}  // namespace galileo::experiment
