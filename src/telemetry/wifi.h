// What a wireless device's link is worth, from nl80211: what `iw dev <dev> link` shows, without
// starting it. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace galileo::telemetry {

// The link to one peer, mostly the access point.
struct WirelessLink {
  std::optional<double> tx_mbit;
  std::optional<double> rx_mbit;
  std::optional<double> signal_dbm;
};

// A generic netlink message (its header first) that answers NL80211_CMD_GET_STATION; nothing where
// it is none or holds no such thing.
std::optional<WirelessLink> parse_station(const void* message, std::size_t size);

// Names of the network devices below `sys` that are wireless.
std::vector<std::string> wireless_devices(const std::string& sys);

}  // namespace galileo::telemetry
