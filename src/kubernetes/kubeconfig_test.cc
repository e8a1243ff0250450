#include "kubernetes/kubeconfig.h"

#include <doctest/doctest.h>

namespace galileo::kubernetes {
namespace {

constexpr const char* kLab = R"(
apiVersion: v1
kind: Config
current-context: lab
clusters:
- name: c1
  cluster:
    server: https://10.0.0.1:6443
    certificate-authority: pki/ca.crt
    tls-server-name: api.lab
contexts:
- name: lab
  context: {cluster: c1, user: u1, namespace: edge}
- {name: other, context: {cluster: c2, user: u1}}
users:
- name: u1
  user:
    client-certificate: /etc/u.crt
    client-key: u.key
)";

Kubeconfig read(std::string_view text, const std::string& path = "/home/u/.kube/config") {
  auto config = parse_kubeconfig(text, path);
  if (!config.ok()) FAIL(config.error().to_text());
  return std::move(*config);
}

std::string fault(std::string_view text) {
  const auto config = parse_kubeconfig(text, "/k");
  return config.ok() ? "it is one" : config.error().to_text();
}

TEST_CASE("a context gives its cluster, user and namespace, with paths of the file's folder") {
  const auto chosen = choose(read(kLab), "");
  REQUIRE(chosen.ok());
  CHECK(chosen->context == "lab");
  CHECK(chosen->name_space == "edge");
  CHECK(chosen->cluster.server == "https://10.0.0.1:6443");
  CHECK(chosen->cluster.ca_file == "/home/u/.kube/pki/ca.crt");
  CHECK(chosen->cluster.server_name == "api.lab");
  CHECK(chosen->cluster.verify);
  CHECK(chosen->user.certificate_file == "/etc/u.crt");
  CHECK(chosen->user.key_file == "/home/u/.kube/u.key");
}

TEST_CASE("what a context names and nobody has is said, with the file and what it has") {
  const Kubeconfig config = read(kLab);
  CHECK(
      choose(config, "other").error().to_text() ==
      "can't use the kubeconfig, /home/u/.kube/config: it has no cluster 'c2'; did you mean 'c1'?");
  CHECK(choose(config, "lap").error().hint == "did you mean 'lab'?");
  Kubeconfig without = config;
  without.current_context.clear();
  CHECK(choose(without, "").error().hint == "give --context with one of lab, other");
}

// Given the files of KUBECONFIG, of which a later one knows more of a name.
TEST_CASE("of several files the first that names a thing has all of it, half-filled or not") {
  Kubeconfig config = read(R"({"users": [{"name": "red", "user": {"username": "a"}}],
                               "contexts": [{"name": "x"}], "current-context": "x"})",
                           "/one");
  merge(config, read(R"({"users": [{"name": "red", "user": {"token": "t"}},
                                   {"name": "blue", "user": {"token": "b"}}],
                         "clusters": [{"name": "c", "cluster": {"server": "https://s"}}],
                         "contexts": [{"name": "x", "context": {"cluster": "c", "user": "red"}},
                                      {"name": "y", "context": {"cluster": "c", "user": "red"}}],
                         "current-context": "y"})",
                     "/two"));
  REQUIRE(config.users.size() == 2);
  CHECK(config.users[0].entry.token.empty());
  CHECK(config.users[0].file == "/one");
  CHECK(config.users[1].entry.token == "b");
  CHECK(config.current_context == "x");
  // The half-filled context of the first file hides the second's.
  CHECK(choose(config, "").error().where == "/one");
  const auto second = choose(config, "y");
  REQUIRE(second.ok());
  CHECK(second->user.user_name == "a");
  CHECK(second->file == "/two");
  CHECK(second->user_file == "/one");
}

TEST_CASE("certificates and keys in the file itself go before those of other files") {
  const Kubeconfig config = read(R"(
clusters:
- name: c
  cluster:
    server: s
    certificate-authority: f
    certificate-authority-data: LS0tLS1CRUdJTiBBLS0tLS0=
users:
- name: u
  user:
    client-key-data: |
      LS0tLS1CRUdJ
      TiBDLS0tLS0=
)");
  CHECK(config.clusters[0].entry.ca_text == "-----BEGIN A-----");
  CHECK(config.clusters[0].entry.ca_file.empty());
  CHECK(config.users[0].entry.key_text == "-----BEGIN C-----");
}

TEST_CASE("a plugin has its command, arguments, variables and whether it may ask") {
  const Kubeconfig config = read(R"(
users:
- name: a
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: ./bin/login
      args: [--cluster, lab]
      env: [{name: PROFILE, value: x}]
      interactiveMode: Always
      provideClusterInfo: true
- {name: b, user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: aws}}}
)");
  const ExecEntry& exec = config.users[0].entry.exec;
  CHECK(exec.command == std::vector<std::string>{"/home/u/.kube/./bin/login", "--cluster", "lab"});
  CHECK(exec.variables == std::vector<std::string>{"PROFILE=x"});
  CHECK(exec.interactive == ExecEntry::Interactive::kAlways);
  CHECK(exec.wants_cluster);
  CHECK(config.users[1].entry.exec.command.front() == "aws");
  CHECK(config.users[1].entry.exec.interactive == ExecEntry::Interactive::kIfAvailable);
}

TEST_CASE("what is no kubeconfig is refused by file and line, and no secret is said") {
  CHECK(fault("[1]").starts_with("can't use the kubeconfig, /k:1: a kubeconfig is no map"));
  CHECK(fault("kind: Pod\n").starts_with("can't use the kubeconfig, /k:1: it is of the kind Pod"));
  CHECK(fault("users: x\n") == "can't use the kubeconfig, /k:1: 'users' must be a list");
  CHECK(fault("a: [\n").starts_with("can't use the kubeconfig, /k:"));
  CHECK(fault("users:\n- {name: u, user: {client-key-data: c2VjcmV0}}\n") ==
        "can't use the kubeconfig, /k:2: 'client-key-data' isn't PEM in base64; base64 -w0 of the "
        "file gives it");
  CHECK(
      fault("users:\n- {name: u, user: {exec: {command: x}}}\n")
          .starts_with("can't use the kubeconfig, /k:2: 'exec' speaks another version than ours"));
  const std::string where = fault("users:\n- {name: u, user: [hunter2]}\n");
  CHECK(where.find("hunter2") == std::string::npos);
  CHECK(fault("users:\n- {name: u, user: {token: {a: hunter2}}}\n") ==
        "can't use the kubeconfig, /k:2: 'token' must be a text");
}

}  // namespace
}  // namespace galileo::kubernetes
