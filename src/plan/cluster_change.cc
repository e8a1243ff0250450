#include "plan/cluster_change.h"

#include <fmt/format.h>

#include "base/text.h"

namespace galileo::plan {
namespace {

void add(std::string& text, const std::string& part) {
  text += (text.empty() ? "" : ", ") + part;
}

std::string weights_text(const ChangeCluster& change) {
  std::string text;
  for (const auto& [name, weight] : change.weights) add(text, fmt::format("{} {}", name, weight));
  const std::string zone = change.zone.empty() ? "" : " in " + change.zone;
  return fmt::format("weights {}{}: {}", change.what, zone, text);
}

std::string netem_text(const ChangeCluster& change) {
  std::string text;
  if (change.delay.count() > 0) add(text, "delay " + format_duration(change.delay));
  if (change.jitter.count() > 0) add(text, "jitter " + format_duration(change.jitter));
  if (change.loss > 0) add(text, fmt::format("loss {:.4g}%", change.loss * 100));
  if (change.rate_bps > 0)
    add(text, fmt::format("rate {:.6g}mbit", static_cast<double>(change.rate_bps) / 1e6));
  return fmt::format("netem {}: {}", change.what, text);
}

std::string resize_text(const ChangeCluster& change) {
  std::string text;
  if (!change.cpu.empty()) add(text, "cpu " + change.cpu);
  if (!change.memory.empty()) add(text, "memory " + change.memory);
  return fmt::format("resize {}: {}", change.what, text);
}

std::string stress_text(const ChangeCluster& change) {
  std::string text;
  if (change.cpus > 0) add(text, fmt::format("cpu {}", change.cpus));
  if (change.memory_bytes > 0)
    add(text, "memory " + format_bytes(static_cast<double>(change.memory_bytes)));
  return fmt::format("stress {}: {}", change.what, text);
}

std::string what_text(const ChangeCluster& change) {
  using Kind = ChangeCluster::Kind;
  switch (change.kind) {
    case Kind::kScale:
      return fmt::format("scale {} to {}", change.what, change.replicas);
    case Kind::kDeletePod:
      return "delete a pod of " + change.what;
    case Kind::kCordon:
      return "cordon " + change.what;
    case Kind::kUncordon:
      return "uncordon " + change.what;
    case Kind::kWeights:
      return weights_text(change);
    case Kind::kResize:
      return resize_text(change);
    case Kind::kNetem:
      return netem_text(change);
    case Kind::kStress:
      return stress_text(change);
  }
  return {};
}

}  // namespace

std::string describe(const ChangeCluster& change) {
  const std::string lasts = change.lasts ? " for " + format_duration(*change.lasts) : "";
  return what_text(change) + lasts;
}

}  // namespace galileo::plan
