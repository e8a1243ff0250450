#include "commands/etcd_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/text.h"
#include "commands/options.h"

namespace galileo::commands {

void add_etcd_options(CLI::App& app, EtcdFlags& flags) {
  app.add_option("--etcd", flags.endpoints,
                 "host:port or https://host:port of etcd's members, commas between "
                 "[eb_go_lb_etcd_host; localhost:2379]");
  app.add_option("--etcd-user", flags.user,
                 "with the password of galileo_etcd_password or galileo_etcd_password_FILE "
                 "[galileo_etcd_user]");
  app.add_option("--etcd-ca", flags.ca_file, "PEM file of its authority [the system's]");
  app.add_option("--etcd-cert", flags.certificate_file, "PEM file of a certificate to show");
  app.add_option("--etcd-key", flags.key_file, "PEM file of its key [in the certificate's]");
}

Result<gateway::EtcdOptions> etcd_options(const EtcdFlags& flags) {
  gateway::EtcdOptions options;
  const Said endpoints = said(flags.endpoints, "--etcd", "eb_go_lb_etcd_host", "localhost:2379");
  for (const std::string_view endpoint : split(endpoints.value, ',')) {
    if (!trim(endpoint).empty()) options.endpoints.emplace_back(trim(endpoint));
  }
  if (options.endpoints.empty()) options.endpoints.push_back(endpoints.value);
  for (const std::string& endpoint : options.endpoints) {
    if (auto parsed = gateway::parse_endpoint(endpoint); !parsed.ok()) {
      parsed.error().where = endpoints.name;
      return parsed.error();
    }
  }
  options.user = said(flags.user, "--etcd-user", "galileo_etcd_user").value;
  options.password = environment("galileo_etcd_password").value_or("");
  options.ca_file = flags.ca_file;
  options.certificate_file = flags.certificate_file;
  options.key_file = flags.key_file;
  return options;
}

Result<gateway::EtcdOptions> experiment_etcd_options(EtcdFlags flags) {
  const std::string host = environment("etcd_host").value_or("");
  if (flags.endpoints.empty() && !host.empty())
    flags.endpoints = fmt::format("{}:{}", host, environment("etcd_port").value_or("2379"));
  return etcd_options(flags);
}

}  // namespace galileo::commands
