#include "fleet/heartbeat.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bus/keys.h"

namespace galileo::fleet {

Result<std::optional<wire::Heartbeat>> heartbeat_of(bus::Bus& bus, const std::string& worker) {
  const auto text = TRY(bus.text(bus::worker_heartbeat_key(worker)));
  if (!text) return std::nullopt;
  auto heartbeat = wire::decode_heartbeat(*text);
  if (heartbeat.ok()) return std::move(*heartbeat);
  wire::Heartbeat unreadable;
  unreadable.worker = worker;
  return unreadable;
}

std::string name_some(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  if (names.size() <= kShown + 1) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kShown, ", "),
                     names.size() - kShown);
}

}  // namespace galileo::fleet
