#include "commands/etcd_flags.h"

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

gateway::EtcdOptions etcd_options(const EtcdFlags& flags) {
  gateway::EtcdOptions options;
  const std::string endpoints = flags.endpoints.empty()
                                    ? environment("eb_go_lb_etcd_host").value_or("localhost:2379")
                                    : flags.endpoints;
  for (const std::string_view endpoint : split(endpoints, ',')) {
    if (!trim(endpoint).empty()) options.endpoints.emplace_back(trim(endpoint));
  }
  options.user = flags.user.empty() ? environment("galileo_etcd_user").value_or("") : flags.user;
  options.password = environment("galileo_etcd_password").value_or("");
  options.ca_file = flags.ca_file;
  options.certificate_file = flags.certificate_file;
  options.key_file = flags.key_file;
  return options;
}

}  // namespace galileo::commands
