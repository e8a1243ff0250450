#include "kubernetes/access.h"

#include <doctest/doctest.h>

#include "base/test_fixture.h"

namespace galileo::kubernetes {
namespace {

std::string config(const std::string& server, const std::string& cluster = {},
                   const std::string& user = "token: t") {
  return "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
         "clusters: [{name: c, cluster: {server: '" +
         server + "'" + cluster +
         "}}]\n"
         "users: [{name: u, user: {" +
         user + "}}]\n";
}

Access found(const AccessOptions& options) {
  auto access = find_access(options);
  if (!access.ok()) FAIL(access.error().to_text());
  return std::move(*access);
}

std::string error_of(const AccessOptions& options) {
  const auto access = find_access(options);
  return access.ok() ? "found" : access.error().to_text();
}

TEST_CASE("a kubeconfig is the one named, else KUBECONFIG's, else the usual one, else the pod's") {
  const TestFolder folder;
  AccessOptions options;
  options.around.home = folder.path();
  options.around.account_folder = folder.path() + "/account";
  CHECK(error_of(options) ==
        "don't know where the cluster is: there is no kubeconfig, and this isn't a pod of it; give "
        "--kubeconfig FILE, or set KUBECONFIG");
  options.around.service_host = "fd00::1";
  options.around.service_port = "6443";
  CHECK(error_of(options).find("automountServiceAccountToken") != std::string::npos);
  folder.write("account/token", "abc\n");
  folder.write("account/namespace", "lab\n");
  CHECK(found(options).host_port == "[fd00::1]:6443");
  CHECK(found(options).name_space == "lab");
  CHECK(found(options).user.token_file == folder.path() + "/account/token");
  CHECK(found(options).tls->server_name == "fd00::1");
  folder.write(".kube/config", config("https://usual"));
  CHECK(found(options).host_port == "usual:443");
  options.around.kubeconfig = folder.path() +
                              "/gone:" + folder.write("k1", config("https://first")) +
                              "::" + folder.write("k2", config("https://second"));
  CHECK(found(options).host_port == "first:443");
  options.kubeconfig = folder.write("k3", config("https://named:1"));
  CHECK(found(options).host_port == "named:1");
  CHECK(found(options).told_by == "the context 'x' of " + folder.path() + "/k3");
  options.kubeconfig.clear();
  options.in_cluster_only = true;
  CHECK(found(options).host_port == "[fd00::1]:6443");
}

TEST_CASE("what a kubeconfig can't mean is said with its file") {
  const TestFolder folder;
  AccessOptions options;
  options.kubeconfig = folder.path() + "/gone";
  CHECK(error_of(options).find("/gone") != std::string::npos);
  options.kubeconfig = folder.write("empty", " \n");
  CHECK(error_of(options).find("/empty: it is empty") != std::string::npos);
  options.kubeconfig = folder.write("none", "{kind: Config}");
  CHECK(error_of(options).find("/none: it says no current context") != std::string::npos);
  options.kubeconfig = folder.write("proxy", config("https://s", ", proxy-url: 'http://p'"));
  CHECK(error_of(options).find("/proxy: its cluster is behind a proxy") != std::string::npos);
  options.kubeconfig = folder.write("old", config("https://s", "", "auth-provider: {name: gcp}"));
  CHECK(error_of(options).find("the auth-provider 'gcp'") != std::string::npos);
  options.kubeconfig = folder.write("noserver", config(""));
  CHECK(error_of(options).find("/noserver: its cluster says no server") != std::string::npos);
  options.kubeconfig.clear();
  options.around.kubeconfig = "/nowhere/a:/nowhere/b";
  CHECK(error_of(options).starts_with("can't use the kubeconfig, /nowhere/a:/nowhere/b: "));
}

TEST_CASE("a server is one of HTTPS unless it says otherwise, and may have a path") {
  const TestFolder folder;
  AccessOptions options;
  options.kubeconfig = folder.write("a", config("10.0.0.1:6443"));
  CHECK(found(options).server() == "https://10.0.0.1:6443");
  options.kubeconfig =
      folder.write("b", config("https://rancher/k8s/clusters/c-1/",
                               ", tls-server-name: other, insecure-skip-tls-verify: true"));
  CHECK(found(options).base_path == "/k8s/clusters/c-1");
  CHECK(found(options).tls->server_name == "other");
  CHECK_FALSE(found(options).tls->verify);
  options.kubeconfig = folder.write("c", config("http://127.0.0.1:8001"));
  CHECK_FALSE(found(options).tls);
}

}  // namespace
}  // namespace galileo::kubernetes
