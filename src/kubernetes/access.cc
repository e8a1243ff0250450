#include "kubernetes/access.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "base/utf8.h"
#include "wire/uri.h"

namespace galileo::kubernetes {
namespace {

constexpr std::size_t kFileMax = std::size_t{4} << 20;

bool is_there(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

Error unusable(const std::string& where, std::string why, std::string hint) {
  return Error{ErrorCode::kUsage, "can't use the kubeconfig", where, std::move(why),
               std::move(hint)};
}

Result<void> set_server(Access& access, const std::string& server, const std::string& where) {
  if (server.empty())
    return unusable(where, "its cluster says no server", "give it as https://host:port");
  // Without a scheme a server is one of HTTPS, unlike elsewhere.
  const bool has_scheme = server.find("://") != std::string::npos;
  const auto uri = wire::parse_uri(has_scheme ? server : "https://" + server);
  if (!uri.ok() || !uri->user_info.empty())
    return unusable(where, uri.ok() ? "its server holds a user" : uri.error().why,
                    "give its server as https://host:port");
  access.host_port = uri->host_port();
  access.base_path = uri->path;
  while (access.base_path.ends_with('/')) access.base_path.pop_back();
  if (uri->scheme != "https") return {};
  access.tls.emplace();
  access.tls->server_name = uri->host;
  return {};
}

// The kubeconfigs of a list of files, those that aren't there left out.
Result<ChosenContext> read_kubeconfigs(const std::vector<std::string>& paths,
                                       const std::string& context) {
  Kubeconfig merged;
  for (const std::string& path : paths) {
    const std::string text = TRY(read_whole_file(path, kFileMax));
    if (trim(text).empty())
      return unusable(path, "it is empty", "write it anew, or name another one by --kubeconfig");
    merge(merged, TRY(parse_kubeconfig(text, path)));
  }
  auto chosen = choose(merged, context);
  if (!chosen.ok() && chosen.error().where.empty()) {
    Error error = chosen.error();
    error.where = fmt::format("{}", fmt::join(paths, ":"));
    return error;
  }
  return chosen;
}

Result<Access> service_account(const Surroundings& around) {
  const std::string& folder = around.account_folder;
  Access access;
  const std::string host = around.service_host.find(':') == std::string::npos
                               ? around.service_host
                               : "[" + around.service_host + "]";
  const std::string port = around.service_port.empty() ? "443" : around.service_port;
  TRY(set_server(access, fmt::format("https://{}:{}", host, port), folder));
  access.tls->ca_file = folder + "/ca.crt";
  access.user.token_file = folder + "/token";
  const auto name_space = read_whole_file(folder + "/namespace", 1000);
  access.name_space = name_space.ok() ? std::string(trim(*name_space)) : "default";
  access.told_by = fmt::format("the service account in {}", folder);
  if (!is_there(access.user.token_file))
    return Error{ErrorCode::kNotFound, "can't use the service account", access.user.token_file,
                 "it isn't there", "set automountServiceAccountToken in the pod's template"};
  return access;
}

}  // namespace

Result<Access> access_of(const ChosenContext& chosen) {
  Access access;
  const ClusterEntry& cluster = chosen.cluster;
  TRY(set_server(access, cluster.server, chosen.cluster_file));
  if (!cluster.proxy.empty())
    return unusable(chosen.cluster_file, "its cluster is behind a proxy, which isn't spoken here",
                    "leave out proxy-url, or run kubectl proxy and give its address as the server");
  if (!chosen.user.auth_provider.empty())
    return unusable(chosen.user_file,
                    fmt::format("its user logs in by the auth-provider '{}', which Kubernetes has "
                                "given up",
                                one_line(chosen.user.auth_provider)),
                    "give an exec plugin in its place");
  access.user = chosen.user;
  access.name_space = chosen.name_space;
  access.told_by = fmt::format("the context '{}' of {}", one_line(chosen.context), chosen.file);
  if (!access.tls) return access;
  net::TlsOptions& tls = *access.tls;
  if (!cluster.server_name.empty()) tls.server_name = cluster.server_name;
  tls.verify = cluster.verify;
  tls.ca_file = cluster.ca_file;
  tls.ca_text = cluster.ca_text;
  tls.certificate_file = chosen.user.certificate_file;
  tls.certificate_text = chosen.user.certificate_text;
  tls.key_file = chosen.user.key_file;
  tls.key_text = chosen.user.key_text;
  return access;
}

Result<Access> find_access(const AccessOptions& options) {
  const Surroundings& around = options.around;
  std::vector<std::string> paths;
  if (!options.kubeconfig.empty()) {
    paths.push_back(options.kubeconfig);
  } else if (!options.in_cluster_only && !around.kubeconfig.empty()) {
    for (const std::string_view path : split(around.kubeconfig, ':')) {
      if (!path.empty() && is_there(std::string(path))) paths.emplace_back(path);
    }
    if (paths.empty())
      return Error{ErrorCode::kNotFound, "can't use the kubeconfig", around.kubeconfig,
                   "KUBECONFIG names it, and it isn't there", "set KUBECONFIG, or unset it"};
  } else if (!options.in_cluster_only && !around.home.empty()) {
    const std::string usual = around.home + "/.kube/config";
    if (is_there(usual)) paths.push_back(usual);
  }
  if (paths.empty() && !around.service_host.empty()) return service_account(around);
  if (paths.empty())
    return Error{ErrorCode::kNotFound,
                 "don't know where the cluster is",
                 {},
                 options.in_cluster_only
                     ? "this isn't a pod of it (KUBERNETES_SERVICE_HOST isn't set)"
                     : "there is no kubeconfig, and this isn't a pod of it",
                 "give --kubeconfig FILE, or set KUBECONFIG"};
  Access access = TRY(access_of(TRY(read_kubeconfigs(paths, options.context))));
  access.has_terminal = around.has_terminal;
  return access;
}

}  // namespace galileo::kubernetes
