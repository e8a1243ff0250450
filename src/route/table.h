// The routing table: which hosts serve a service, with their weights. A plain value, swapped whole
// when it changes; lives on its loop.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

namespace galileo::route {

struct Host {
  std::string name;  // "host:port", or "https://host:port" where TLS is spoken
  double weight = 1;

  bool operator==(const Host&) const = default;
};

class Table {
 public:
  void set(const std::string& service, std::vector<Host> hosts) {
    services_[service] = std::move(hosts);
  }
  // The hosts of the service; null where it has none.
  const std::vector<Host>* find(const std::string& service) const {
    const auto found = services_.find(service);
    return found == services_.end() || found->second.empty() ? nullptr : &found->second;
  }
  // The hosts of all services.
  std::vector<std::string> host_names() const {
    std::vector<std::string> names;
    for (const auto& [service, hosts] : services_) {
      for (const Host& host : hosts) names.push_back(host.name);
    }
    return names;
  }

 private:
  std::unordered_map<std::string, std::vector<Host>> services_;
};

}  // namespace galileo::route
