#include "fleet/lease.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <random>

#include "base/log.h"
#include "base/text.h"
#include "bus/keys.h"
#include "telemetry/machine.h"

namespace galileo::fleet {
namespace {

// Workers give a server that has lost the lease a sixth of it for the next one (fleet/worker).
constexpr int kRenewalsInLease = 10;
// Others were quicker so often: then they have it.
constexpr int kTriesToClaim = 3;

std::uint64_t whole_number(const std::optional<std::string>& text) {
  std::uint64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

std::uint64_t milliseconds_now() {
  const Duration since = net::RealClock::wall_now().time_since_epoch();
  return static_cast<std::uint64_t>(since / std::chrono::milliseconds{1});
}

}  // namespace

FleetLease::FleetLease(bus::Bus& bus, Options options, std::function<void()> on_lost)
    : bus_(bus), options_(std::move(options)), on_lost_(std::move(on_lost)) {}

FleetLease::~FleetLease() {
  give_back();
}

bus::Holds FleetLease::fence() const {
  return {std::string(bus::kFleetLease), encoded_};
}

bool FleetLease::is_held() const {
  return clock_.now() < held_until_.load();
}

Result<std::optional<wire::LeaseText>> FleetLease::take() {
  desk_.stop();
  for (int i = 0; i < kTriesToClaim; ++i) {
    const auto there = TRY(bus_.text(std::string(bus::kFleetLease)));
    if (there) {
      // What can't be read is somebody's all the same, until it expires.
      const auto others = wire::decode_lease(*there);
      return std::optional(others.ok() ? *others : wire::LeaseText{});
    }
    if (!TRY(claim_once())) continue;
    const Duration every = options_.lasts / kRenewalsInLease;
    desk_.start("lease", [this](Time now) { return renew(now); }, net::RealClock().now() + every);
    return std::nullopt;
  }
  return std::optional(wire::LeaseText{});
}

// The number rises in this step for all; of a server that came back with nothing by the time of
// day. An answer that was lost is looked for: the text is ours and no other's.
Result<bool> FleetLease::claim_once() {
  const auto last = TRY(bus_.text(std::string(bus::kFleetClaims)));
  text_.claim = std::max(whole_number(last) + 1, milliseconds_now());
  text_.holder = options_.holder;
  text_.kind = options_.kind;
  text_.what = options_.what;
  text_.host = telemetry::hostname();
  text_.pid = getpid();
  text_.since = net::RealClock::wall_now();
  text_.lasts = options_.lasts;
  encoded_ = encode(text_);
  const Time before = clock_.now();
  const auto made = bus_.change_if(
      {{std::string(bus::kFleetLease), std::nullopt}, {std::string(bus::kFleetClaims), last}},
      {bus::set_text(std::string(bus::kFleetLease), encoded_, options_.lasts),
       bus::set_text(std::string(bus::kFleetClaims), std::to_string(text_.claim))});
  bool is_ours = made.ok() && made->has_value();
  if (!made.ok()) is_ours = TRY(bus_.text(std::string(bus::kFleetLease))) == encoded_;
  if (is_ours) held_until_.set(before + options_.lasts);
  return is_ours;
}

Time FleetLease::renew(Time now) {
  const Time before = clock_.now();
  const auto renewed = is_held() ? renew_once() : Result<bool>(false);
  if (renewed.ok() && *renewed) held_until_.set(before + options_.lasts);
  // A bus that is away may be back in time.
  if ((renewed.ok() && !*renewed) || !is_held()) {
    lose();
    return kNever;
  }
  return now + options_.lasts / kRenewalsInLease;
}

// False: it is another's, or nobody's. A server that has come back with nothing at all has
// forgotten the claims too, and is told again.
Result<bool> FleetLease::renew_once() {
  const bus::Change set = bus::set_text(std::string(bus::kFleetLease), encoded_, options_.lasts);
  if (TRY(bus_.change_if({fence()}, {set}))) return true;
  const auto again = TRY(bus_.change_if(
      {{std::string(bus::kFleetLease), std::nullopt},
       {std::string(bus::kFleetClaims), std::nullopt}},
      {set, bus::set_text(std::string(bus::kFleetClaims), std::to_string(text_.claim))}));
  return again.has_value();
}

void FleetLease::lose() {
  held_until_.set(Time{});
  log(LogLevel::kWarning, "the lease of the fleet is lost",
      {{"claim", std::to_string(text_.claim)}, {"bus", bus_.where()}});
  if (on_lost_) on_lost_();
}

void FleetLease::give_back() {
  desk_.stop();
  if (held_until_.load() == Time{}) return;
  held_until_.set(Time{});
  // Where it can't be told, it expires.
  static_cast<void>(
      bus_.change_if({fence()}, {bus::remove_key(std::string(bus::kFleetLease))}).ok());
}

std::string make_holder(const std::string& host) {
  std::random_device device;
  return fmt::format("{}-{}-{:08x}", host, getpid(), device());
}

std::string to_text(const wire::LeaseText& lease, Wall now) {
  if (lease.holder.empty()) return "somebody has the fleet";
  std::string text =
      fmt::format("{} {} (pid {} on {}) has had the fleet for {}", lease.kind, lease.holder,
                  lease.pid, lease.host, format_duration(std::max(Duration{0}, now - lease.since)));
  if (!lease.what.empty()) text += fmt::format(", for '{}'", lease.what);
  return text;
}

}  // namespace galileo::fleet
