// What `galileo gateway` is told on its command line and in the environment.
#pragma once

#include <string>

#include "commands/etcd_flags.h"
#include "gateway/gateway.h"

namespace CLI {
class App;
}

namespace galileo::commands {

struct GatewayFlags {
  std::string listen;
  std::string zone;
  std::string node;
  std::string handler;
  std::string mode;
  std::string policy = "wrr";
  std::string hash_by = "client";
  std::string weights;
  EtcdFlags etcd;
  std::string gateways;
  std::string status;
  std::string tls_cert;
  std::string tls_key;
  unsigned threads = 0;
  std::string grace = "10s";
  std::string head_timeout = "60s";
  std::string idle_timeout = "75s";
  std::string connect_timeout = "5s";
  std::string answer_timeout = "60s";
  std::string head_max = "64k";
  std::string body_max = "1G";
  unsigned retries = 0;
  unsigned eject_after = 0;
  std::string eject_for = "10s";
  std::string connections_max = "0";
  std::string target_max = "0";
  std::string rate;
};

void add_gateway_options(CLI::App& app, GatewayFlags& flags);

// Errors (kUsage): what can't be.
Result<gateway::Gateway::Options> gateway_options(const GatewayFlags& flags);

// A time longer than nothing.
Result<Duration> gateway_duration(const std::string& text, const char* flag);

}  // namespace galileo::commands
