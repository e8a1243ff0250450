#include "pods/adapter.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "base/utf8.h"
#include "net/clock.h"
#include "pods/fields.h"
#include "pods/pod.h"
#include "pods/pod_text.h"
#include "wire/event_line.h"
#include "wire/prometheus.h"

namespace galileo::pods {
namespace {

using Json = nlohmann::ordered_json;

constexpr Duration kNodesFirst = std::chrono::seconds{2};
// A cut that is mended sooner delays nothing that anybody sees.
constexpr Duration kLateAfter = std::chrono::seconds{1};
constexpr Duration kBlindAfter = std::chrono::seconds{5};

Wall now_wall() {
  return net::RealClock::wall_now();
}

}  // namespace

Adapter::Adapter(net::Loop& loop, kubernetes::Api& api, bus::Bus& bus,
                 EventPublisherOptions options)
    : loop_(loop),
      api_(api),
      publisher_(bus, std::move(options)),
      pods_([this](wire::Event&& event) { put(std::move(event)); }),
      nodes_([this](wire::Event&& event) { put(std::move(event)); },
             [this](const std::string& node, const std::optional<NodeFields>& fields) {
               publisher_.set_node(node, fields);
             }),
      scalers_([this](wire::Event&& event) { put(std::move(event)); }),
      warnings_([this](wire::Event&& event) { put(std::move(event)); }),
      hand_over_timer_([this](Time) { hand_over(); }),
      trouble_timer_([this](Time now) { tell_trouble(now); }),
      pods_timer_([this](Time) { watch_pods(); }) {
  sources_[kPods].what = "pods";
  sources_[kNodes].what = "nodes";
  sources_[kScalers].what = "horizontalpodautoscalers";
  sources_[kWarnings].what = "events";
  sources_[kPods].is_needed = sources_[kNodes].is_needed = true;
  watch(
      kNodes, "/api/v1/nodes", {},
      [this](const nlohmann::json& node, Wall now) { nodes_.on_object(node, now); },
      [this](const std::string& uid, const nlohmann::json*, Wall now) { nodes_.on_gone(uid, now); },
      [this](Wall) {
        nodes_.on_synced();
        watch_pods();
      });
  loop_.timers().set(pods_timer_, loop_.clock().now() + kNodesFirst);
  watch(
      kScalers, "/apis/autoscaling/v2/horizontalpodautoscalers", {},
      [this](const nlohmann::json& scaler, Wall now) { scalers_.on_object(scaler, now); },
      [this](const std::string& uid, const nlohmann::json*, Wall) { scalers_.on_gone(uid); },
      [this](Wall) { scalers_.on_synced(); });
  watch(
      kWarnings, "/api/v1/events", "type!=Normal",
      [this](const nlohmann::json& event, Wall now) { warnings_.on_object(event, now); },
      [](const std::string&, const nlohmann::json*, Wall) {},
      [this](Wall) { warnings_.on_synced(); });
}

Adapter::~Adapter() {
  for (Source& source : sources_) source.watch.reset();
  hand_over();
}

void Adapter::watch(Which which, std::string path, std::string fields, OnObject on_object,
                    OnGone on_gone, std::function<void(Wall now)> on_synced) {
  Source& source = sources_[which];
  kubernetes::Watch::Handlers handlers;
  handlers.on_object = [take = std::move(on_object)](const nlohmann::json& object) {
    take(object, now_wall());
  };
  handlers.on_gone = [take = std::move(on_gone)](const std::string& uid,
                                                 const nlohmann::json* last) {
    take(uid, last, now_wall());
  };
  handlers.on_synced = [this, &source, take = std::move(on_synced)] {
    source.is_synced = true;
    take(now_wall());
    tell_skipped(source);
  };
  handlers.on_trouble = [this, &source](const std::string& why) { on_trouble(source, why); };
  handlers.on_gap = [this, &source](const std::string& why) {
    ++source.gaps;
    on_gap(source, why);
  };
  source.watch = std::make_unique<kubernetes::Watch>(api_, std::move(path), std::string(),
                                                     std::move(fields), std::move(handlers));
}

void Adapter::watch_pods() {
  loop_.timers().cancel(pods_timer_);
  if (sources_[kPods].watch) return;
  watch(
      kPods, "/api/v1/pods", {},
      [this](const nlohmann::json& pod, Wall now) { on_pod(read_pod(pod), now); },
      [this](const std::string& uid, const nlohmann::json* last, Wall now) {
        publisher_.set_pod(uid, std::nullopt);
        const std::optional<Pod> pod = last ? std::optional(read_pod(*last)) : std::nullopt;
        pods_.on_gone(uid, pod ? &*pod : nullptr, now);
      },
      [this](Wall now) {
        const bool is_first = !pods_.is_synced();
        pods_.on_synced(now);
        if (!is_first) return;
        const Json text{{"pods", pods_.size()}, {"nodes", nodes_.size()}};
        put({now, "adapter/ready", go_json(text)});
        log(LogLevel::kInfo, "watching", {{"pods", std::to_string(pods_.size())}});
      });
}

void Adapter::on_pod(const Pod& pod, Wall now) {
  pods_.on_object(pod, now);
  const auto type = pod.labels.find("type");
  const bool is_gateway = type != pod.labels.end() && type->second == "api-gateway";
  if (!is_gateway && !pod.labels.contains("ether.edgerun.io/function")) return;
  publisher_.set_pod(
      pod.uid, fmt::format("{} {}", is_running(pod) ? "pod/running" : "pod/create", pod_text(pod)));
}

void Adapter::on_trouble(Source& source, const std::string& why) {
  if (why.empty()) {
    if (source.trouble.empty()) return;
    const Wall now = now_wall();
    const Duration lasted = now - source.since;
    // The wall clock may have been set back meanwhile.
    if (source.is_synced && lasted >= kLateAfter) {
      const Json text{{"what", source.what},
                      {"from", to_unix_seconds(source.since)},
                      {"to", to_unix_seconds(now)},
                      {"why", shortened(source.trouble, kMessageMax)}};
      put({now, "adapter/late", go_json(text)});
    }
    log(LogLevel::kInfo, "seen again", {{"what", source.what}});
    source.trouble.clear();
    source.due = kNever;
    return;
  }
  if (source.trouble.empty()) {
    source.since = now_wall();
    source.due = loop_.clock().now() + kBlindAfter;
    if (!trouble_timer_.is_set()) loop_.timers().set(trouble_timer_, source.due);
    log(LogLevel::kWarning, "not seen just now; it is tried again and again",
        {{"what", source.what}, {"why", shortened(why, kMessageMax)}});
  }
  source.trouble = why;
}

// What was there is compared with what has been told; what came and went meanwhile nobody knows.
void Adapter::on_gap(const Source& source, const std::string& why) {
  const Json text{{"what", source.what}, {"why", shortened(why, kMessageMax)}};
  put({now_wall(), "adapter/gap", go_json(text)});
  log(LogLevel::kWarning, "history was lost; all is listed anew",
      {{"what", source.what}, {"why", shortened(why, kMessageMax)}});
}

// Rather less is known than the adapter ended by one huge object.
void Adapter::tell_skipped(Source& source) {
  const std::uint64_t skipped = source.watch->skipped();
  if (std::exchange(source.skipped, skipped) == skipped) return;
  const Json text{{"what", source.what}, {"objects", skipped}};
  put({now_wall(), "adapter/skipped", go_json(text)});
}

void Adapter::tell_trouble(Time now) {
  Time next = kNever;
  for (Source& source : sources_) {
    if (source.due <= now) {
      source.due = kNever;
      const Json text{{"what", source.what},
                      {"from", to_unix_seconds(source.since)},
                      {"why", shortened(source.trouble, kMessageMax)}};
      put({now_wall(), "adapter/blind", go_json(text)});
    }
    next = std::min(next, source.due);
  }
  if (next != kNever) loop_.timers().set(trouble_timer_, next);
}

void Adapter::put(wire::Event&& event) {
  if (lines_.empty()) loop_.timers().set(hand_over_timer_, loop_.clock().now());
  ++events_;
  wire::append_event_line(lines_.emplace_back(), event);
}

void Adapter::hand_over() {
  if (!lines_.empty()) publisher_.put(std::exchange(lines_, {}));
}

std::string Adapter::trouble() const {
  for (const Source& source : sources_) {
    if (!source.is_needed) continue;
    if (!source.trouble.empty()) return fmt::format("{}: {}", source.what, source.trouble);
    if (!source.is_synced) return fmt::format("{} aren't known yet", source.what);
  }
  return {};
}

std::string Adapter::metrics() const {
  std::string text;
  const auto add = [&](std::string_view name, std::string_view type, std::string_view help,
                       std::uint64_t value) {
    wire::append_metric(text, fmt::format("galileo_adapter_{}", name), type, help, value);
  };
  std::uint64_t gaps = 0;
  std::uint64_t skipped = 0;
  for (const Source& source : sources_) {
    gaps += source.gaps;
    if (source.watch) skipped += source.watch->skipped();
  }
  add("pods", "gauge", "Pods that are there.", pods_.size());
  add("nodes", "gauge", "Nodes that are there.", nodes_.size());
  add("events_total", "counter", "Events made.", events_);
  add("published_total", "counter", "Events published.", publisher_.published());
  add("waiting", "gauge", "Events that wait for the bus.", publisher_.waiting());
  add("dropped_total", "counter", "Events left out while the bus was away.", publisher_.dropped());
  add("unsure_total", "counter", "Events that may have been told twice.", publisher_.unsure());
  add("gaps_total", "counter", "Times that history was lost.", gaps);
  add("skipped_total", "counter", "Objects that were too large to be read.", skipped);
  add("nodes_written_total", "counter", "Labels of nodes written.", publisher_.nodes_written());
  return text;
}

}  // namespace galileo::pods
