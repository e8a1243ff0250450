#include "experiment/fault_orders.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"

namespace galileo::experiment {
namespace {

// The device of the pod's address, whatever it is called there.
const std::vector<std::string> kAdd{"qdisc", "add", "dev", "DEV"};
constexpr double kBucketFewest = 1'600;  // one whole packet
constexpr double kTicks = 250;           // so often a second is a bucket filled, at worst
// A trial lasts some tenths of a second: of a rate it sees whole packets.
constexpr double kRateSlack_bps = 2 * 1442 * 8 / 0.2;
// So many lost packets must be expected for their number to mean something.
constexpr double kLostFewest = 10;
constexpr double kTriedPackets = 1000;
constexpr double kMoment_s = 0.5;
constexpr double kFilled_s = 5;
constexpr double kTriedMemory = 64 << 20;

FaultPart tc_part(std::vector<std::string> head, const std::vector<std::string>& more) {
  FaultPart part;
  part.order.name = wire::kTc;
  part.order.words = std::move(head);
  part.order.words.insert(part.order.words.end(), more.begin(), more.end());
  return part;
}

std::string micros(Duration time) {
  return fmt::format("{}us", std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

std::string percent(double share) {
  return fmt::format("{:.6g}%", share * 100);
}

FaultPart stress_part(const plan::ChangeCluster& change) {
  FaultPart part;
  part.order.name = wire::kStress;
  if (change.cpus > 0) part.order.options.emplace_back("cpu", fmt::format("{}", change.cpus));
  if (change.memory_bytes > 0) {
    part.order.options.emplace_back("vm", "1");
    part.order.options.emplace_back("vm-bytes", fmt::format("{}", change.memory_bytes));
    part.order.options.emplace_back("vm-keep", "");
  }
  part.cpus = change.cpus;
  part.memory = static_cast<double>(change.memory_bytes);
  return part;
}

FaultPart bucket(std::uint64_t rate_bps) {
  const double burst = std::max(kBucketFewest, static_cast<double>(rate_bps) / 8 / kTicks);
  FaultPart part = tc_part(
      kAdd, {"root", "tbf", "rate", fmt::format("{}bit", rate_bps), "burst",
             fmt::format("{}b", static_cast<std::uint64_t>(std::ceil(burst))), "latency", "400ms"});
  part.rate_bps = static_cast<double>(rate_bps);
  return part;
}

// Classic bytecode: a random number below the share's part of 2^32 drops the packet (2: shot).
FaultPart drawing(double share) {
  const double below = std::min(std::floor(share * 4294967296.0), 4294967295.0);
  FaultPart part =
      tc_part({"filter", "add", "dev", "DEV"},
              {"egress", "protocol", "all", "pref", "1", "bpf", "da", "bytecode",
               fmt::format("4,32 0 0 4294963256,53 1 0 {:.0f},6 0 0 2,6 0 0 4294967295", below)});
  part.loss = share;
  return part;
}

std::optional<double> value_of(const Measured& measured, std::string_view name) {
  for (const auto& [one, value] : measured) {
    if (one == name) return value;
  }
  return std::nullopt;
}

}  // namespace

std::vector<const plan::ChangeCluster*> faults_of(const plan::Plan& plan) {
  std::vector<const plan::ChangeCluster*> faults;
  for (const plan::Phase& phase : plan.phases) {
    for (const plan::Action& action : phase.actions) {
      const auto* const change = std::get_if<plan::ChangeCluster>(&action.what);
      if (change && (change->kind == plan::ChangeCluster::Kind::kNetem ||
                     change->kind == plan::ChangeCluster::Kind::kStress))
        faults.push_back(change);
    }
  }
  return faults;
}

std::vector<std::string> nodes_of(const plan::ChangeCluster& change, const plan::Plan& plan,
                                  const std::set<std::string>& all) {
  if (change.kind == plan::ChangeCluster::Kind::kStress) return {change.what};
  std::vector<std::string> nodes;
  for (const plan::Application& application : plan.applications) {
    const std::string pods = application.name + "-deployment-";
    if (!application.pods || (change.what != application.name && !change.what.starts_with(pods)))
      continue;
    for (const auto& [node, count] : application.pods->on_nodes) {
      if (change.what == application.name || change.what.starts_with(pods + node + "-"))
        nodes.push_back(node);
    }
  }
  if (nodes.empty()) nodes.assign(all.begin(), all.end());
  return nodes;
}

std::vector<FaultPart> fault_parts(const plan::ChangeCluster& change) {
  if (change.kind == plan::ChangeCluster::Kind::kStress) return {stress_part(change)};
  std::vector<std::string> words{"root", "netem"};
  // A delay needs room for all that is under way; what has a rate would fill any room.
  if (change.rate_bps == 0) words.insert(words.end(), {"limit", "100000"});
  if (change.delay.count() > 0) words.insert(words.end(), {"delay", micros(change.delay)});
  if (change.jitter.count() > 0) words.push_back(micros(change.jitter));
  if (change.loss > 0) words.insert(words.end(), {"loss", percent(change.loss)});
  if (change.rate_bps > 0)
    words.insert(words.end(), {"rate", fmt::format("{}bit", change.rate_bps)});
  FaultPart part = tc_part(kAdd, words);
  part.delay_ms = to_seconds(change.delay) * 1000;
  part.loss = change.loss;
  part.rate_bps = static_cast<double>(change.rate_bps);
  return {part};
}

Result<std::vector<FaultPart>> parts_without_netem(const plan::ChangeCluster& change) {
  if (change.delay.count() > 0)
    return Error{ErrorCode::kUnavailable,
                 "a delay needs the kernel's network emulator",
                 {},
                 "this kernel hasn't got it",
                 "modprobe sch_netem there (package linux-modules-extra or kernel-modules-extra)"};
  std::vector<FaultPart> parts;
  if (change.rate_bps > 0) parts.push_back(bucket(change.rate_bps));
  if (change.loss > 0) {
    parts.push_back(tc_part(kAdd, {"clsact"}));
    parts.back().holds_others = true;
    parts.push_back(drawing(change.loss));
  }
  return parts;
}

std::string why_not_as_asked(const FaultPart& part, const Measured& measured) {
  const double delay_ms = value_of(measured, "delay_ms").value_or(0);
  if (part.delay_ms > 0 && delay_ms < part.delay_ms / 2)
    return fmt::format("packets were late by {:.3g} ms, not {:.3g} ms", delay_ms, part.delay_ms);
  const auto loss = value_of(measured, "loss");
  if (part.loss > 0 && (!loss || (part.loss * kTriedPackets >= kLostFewest &&
                                  (*loss < part.loss / 3 || *loss > part.loss * 3))))
    return fmt::format("{:.3g}% of packets were lost, not {:.3g}%", loss.value_or(0) * 100,
                       part.loss * 100);
  const auto rate = value_of(measured, "rate_bps");
  if (part.rate_bps > 0 && (!rate || *rate > part.rate_bps * 1.5 + kRateSlack_bps))
    return fmt::format("{:.3g} Mbit/s came through, not {:.3g}", rate.value_or(0) / 1e6,
                       part.rate_bps / 1e6);
  if (part.cpus > 0 || part.memory > 0) return why_without_effect(part, measured);
  return {};
}

std::string why_without_effect(const FaultPart& part, const Measured& measured) {
  // Of what lasted for a moment nothing can be said.
  if (value_of(measured, "wall_s").value_or(kMoment_s) < kMoment_s) return {};
  // A node may be busy with others, so that little is left; nothing it can't be.
  const auto cpu_s = value_of(measured, "cpu_s");
  const double wall_s = value_of(measured, "wall_s").value_or(0);
  if (part.cpus > 0 && cpu_s && *cpu_s < 0.05 * std::min(part.cpus, 1.0) * wall_s)
    return fmt::format("{:.3g} CPU-seconds were used in {:.3g} s", *cpu_s, wall_s);
  const auto memory = value_of(measured, "memory_bytes");
  // A trial ends before gigabytes are there.
  if (part.memory > 0 && memory && *memory < 0.8 * part.memory &&
      (wall_s >= kFilled_s || *memory < kTriedMemory))
    return fmt::format("{} of memory were held, not {}", format_bytes(*memory),
                       format_bytes(part.memory));
  const auto packets = value_of(measured, "packets");
  if (packets && *packets <= 0) return "no packet passed it";
  const double expected = packets.value_or(0) * part.loss;
  if (expected >= kLostFewest && value_of(measured, "drops").value_or(0) < expected / 3)
    return fmt::format("{:.0f} of {:.0f} packets were lost",
                       value_of(measured, "drops").value_or(0), *packets);
  return {};
}

}  // namespace galileo::experiment
