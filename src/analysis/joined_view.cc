#include "analysis/joined_view.h"

#include <algorithm>

#include "analysis/event_text.h"
#include "analysis/summary.h"
#include "base/utf8.h"
#include "wire/trace_fields.h"
#include "wire/weight_update.h"

namespace galileo::analysis {
namespace {

constexpr std::size_t kContainerId = 64;
constexpr std::string_view kOfContainers = "_cgrp_";  // in the names of their metrics

// The run's own, which reports show otherwise or not at all.
bool is_told_elsewhere(std::string_view name) {
  return name == "fleet/clock" || name == "phase/start" || name == "phase/end" ||
         name == wire::kStandingPod;
}

// How long it took, where both moments are known.
void add_leg(LegTimes& leg, Wall from, Wall to) {
  if (from != kNoWall && to != kNoWall) leg.add(to - from);
}

}  // namespace

void LegTimes::add(Duration took) {
  if (took < Duration{0})
    ++negative;
  else
    values.add(took);
}

void LegTimes::merge(const LegTimes& other) {
  values.merge(other.values);
  negative += other.negative;
}

void JoinedView::add(const wire::Event& event) {
  pods_.add(event);
  if (event.name == wire::kWeightUpdate) add_weights(event);
  if (!is_told_elsewhere(event.name) && !is_of_others(event)) add_mark(event);
}

void JoinedView::add_weights(const wire::Event& event) {
  const auto told = wire::parse_weight_update(event);
  if (!told.ok()) return;
  if (weights_kept_ + told->targets.size() + 1 > kWeightsMax) {
    ++weights_left_out_;
    return;
  }
  weights_kept_ += told->targets.size() + 1;
  Weights& weights = weights_[{told->function, told->zone}];
  Weights::Update update;
  update.at = told->at;
  for (const auto& [target, weight] : told->targets) {
    const auto found = std::find(weights.targets.begin(), weights.targets.end(), target);
    if (found == weights.targets.end() && weights.targets.size() >= kTargetsMax) {
      ++weights_left_out_;
      continue;
    }
    update.weights.emplace_back(found - weights.targets.begin(), weight);
    if (found == weights.targets.end()) weights.targets.push_back(target);
  }
  // They come in their order, but for a clock that differs.
  const auto after =
      std::upper_bound(weights.updates.begin(), weights.updates.end(), update.at,
                       [](Wall at, const Weights::Update& other) { return at < other.at; });
  weights.updates.insert(after, std::move(update));
}

void JoinedView::add_mark(const wire::Event& event) {
  if (marks_.size() >= kMarksMax) {
    ++marks_left_out_;
    return;
  }
  marks_.push_back({event.at, event.name, event_text(event)});
}

// A cluster has many pods that serve nobody here; what becomes of them would crowd out the rest.
bool JoinedView::is_of_others(const wire::Event& event) const {
  std::string uid;
  if (wire::is_pod_event(event.name)) {
    if (const auto pod = wire::parse_pod_event(event); pod.ok()) uid = pod->uid;
  } else if (wire::is_container_event(event.name)) {
    if (const auto told = wire::parse_container_event(event); told.ok()) uid = told->pod_uid;
  }
  const PodLives::Pod* const pod = uid.empty() ? nullptr : pods_.of_uid(uid);
  return pod && pod->function.empty() && !pod->is_gateway;
}

void JoinedView::Growth::add(double value) {
  least = count == 0 ? value : std::min(least, value);
  most = std::max(most, value);
  ++count;
}

void JoinedView::add(const wire::Sample& sample) {
  const std::size_t group = sample.metric.find(kOfContainers);
  if (group == std::string::npos || sample.subsystem.size() != kContainerId) return;
  const std::string_view what =
      std::string_view(sample.metric).substr(group + kOfContainers.size());
  Growth Use::* const grows = what == "cpu"            ? &Use::cpu_ns
                              : what == "nr_periods"   ? &Use::limit_periods
                              : what == "nr_throttled" ? &Use::limit_throttled
                                                       : nullptr;
  if (!grows && what != "memory") return;
  auto found = uses_.find(sample.subsystem);
  if (found == uses_.end()) {
    if (uses_.size() >= kUsesMax) return;
    found = uses_.emplace(sample.subsystem, Use()).first;
  }
  Use& use = found->second;
  if (grows) {
    (use.*grows).add(sample.value);
  } else {
    use.memory_max = std::max(use.memory_max, sample.value);
    ++use.memory_count;
  }
}

const JoinedView::Use* JoinedView::use_of(const std::string& container_id) const {
  const auto found = uses_.find(container_id);
  return found == uses_.end() ? nullptr : &found->second;
}

JoinedView::Share* JoinedView::share_of(const Request& request, std::string_view host) {
  const std::size_t pod = pods_.at_address(host, request.sent);
  key_.assign(request.service);
  key_ += '\0';
  // A pod is one whatever its port, an address without one stands for itself.
  if (pod == PodLives::kNone)
    key_ += host;
  else
    key_.append(reinterpret_cast<const char*>(&pod), sizeof pod).push_back('\0');
  auto found = share_places_.find(key_);
  if (found == share_places_.end()) {
    if (shares_.size() >= kSharesMax) return nullptr;
    found = share_places_.emplace(key_, shares_.size()).first;
    shares_.emplace_back();
    shares_.back().service = request.service;
    shares_.back().host = make_utf8(host);
    shares_.back().pod = pod;
  }
  return &shares_[found->second];
}

void JoinedView::add(const Request& request) {
  const bool is_answered = request.became == wire::FailureGroup::none;
  if (!is_answered && request.became != wire::FailureGroup::failed) return;
  const wire::Hops hops = wire::parse_hops(request.headers);
  const std::string_view host = hops.final_host.empty() ? request.server : hops.final_host;
  const bool says_where = !hops.final_host.empty() || hops.start != kNoWall || !pods_.empty();
  if (!host.empty() && says_where) {
    if (Share* const share = share_of(request, host)) {
      ++share->served;
      share->last = std::max(share->last, request.sent);
      if (!request.is_warmup) {
        share->answered += is_answered;
        share->failed += !is_answered;
        if (is_answered) {
          share->latency.add(request.done - request.created);
          add_leg(share->execution, hops.start, hops.end);
        }
      }
    }
  }
  if (is_answered && !request.is_warmup && hops.count > 0) add_hops(request, hops);
}

void JoinedView::add(const wire::NamedTrace& trace) {
  if (!wants(trace.headers)) return;
  add(Request{trace.service, trace.server, trace.headers, trace.created, trace.sent, trace.done,
              wire::failure_group(wire::guess_failure(trace)), trace.phase == Summary::kWarmup});
}

JoinedView::Path* JoinedView::path_of(std::string_view service, const wire::Hops& hops,
                                      bool has_times) {
  key_.assign(service);
  for (std::size_t i = 0; i < hops.count; ++i) (key_ += '\0') += hops.gateways[i].node;
  key_.append(1, '\0').append(has_times ? "+" : "-");
  auto found = path_places_.find(key_);
  if (found == path_places_.end()) {
    if (paths_.size() >= kPathsMax) return nullptr;
    found = path_places_.emplace(key_, paths_.size()).first;
    Path& path = paths_.emplace_back();
    path.service = service;
    for (std::size_t i = 0; i < hops.count; ++i)
      path.gateways.push_back(make_utf8(hops.gateways[i].node));
    path.has_times = has_times;
    path.legs.resize(hops.count + (has_times ? 3 : 1));
  }
  return &paths_[found->second];
}

void JoinedView::add_hops(const Request& request, const wire::Hops& hops) {
  const bool has_times = hops.start != kNoWall && hops.end != kNoWall;
  Path* const path = path_of(request.service, hops, has_times);
  if (!path) {
    ++hops_left_out_;
    return;
  }
  ++path->requests;
  Wall from = request.sent;
  std::size_t leg = 0;
  for (; leg < hops.count; ++leg) {
    add_leg(path->legs[leg], from, hops.gateways[leg].at);
    from = hops.gateways[leg].at;
  }
  if (!has_times) return add_leg(path->legs[leg], from, request.done);
  add_leg(path->legs[leg], from, hops.start);
  add_leg(path->legs[leg + 1], hops.start, hops.end);
  add_leg(path->legs[leg + 2], hops.end, request.done);
  if (request.sent != kNoWall && request.done != kNoWall)
    path->way.add((request.done - request.sent) - (hops.end - hops.start));
}

}  // namespace galileo::analysis
