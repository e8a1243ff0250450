#include "fleet/telemetry_nodes.h"

#include "bus/keys.h"

namespace galileo::fleet {

Result<std::vector<std::string>> telemetry_nodes(bus::Bus& bus) {
  std::vector<std::string> nodes;
  const std::string prefix = bus::telemetry_command_channel("");
  for (const std::string& channel : TRY(bus.channels(std::string(bus::kAllTelemetryCommands))))
    nodes.push_back(channel.substr(prefix.size()));
  return nodes;
}

Result<std::vector<wire::NodeInfo>> node_infos(bus::Bus& bus,
                                               const std::vector<std::string>& nodes) {
  const std::string prefix = bus::node_info_key("");
  std::vector<std::string> keys;
  for (const std::string& node : nodes) keys.push_back(bus::node_info_key(node));
  if (nodes.empty()) keys = TRY(bus.keys(prefix + "*"));
  std::vector<wire::NodeInfo> all;
  const auto infos = TRY(bus.hashes(keys));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (const auto& [field, value] : infos[i])
      all.push_back({keys[i].substr(prefix.size()), field, value});
  }
  return all;
}

Result<std::vector<std::string>> tell_nodes(bus::Bus& bus, const std::vector<std::string>& nodes,
                                            std::string_view command) {
  std::vector<std::string> silent;
  for (const std::string& node : nodes) {
    if (TRY(bus.publish(bus::telemetry_command_channel(node), command)) == 0)
      silent.push_back(node);
  }
  return silent;
}

}  // namespace galileo::fleet
