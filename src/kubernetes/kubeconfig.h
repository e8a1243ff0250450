// Kubeconfigs as they are written: YAML or JSON, several of them merged as kubectl does, the first
// that names a thing has all of it. Paths are made those of the file's folder. Nothing is opened
// here. Values and pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace galileo::kubernetes {

// Where a server is and whom we take it for.
struct ClusterEntry {
  std::string server;
  std::string ca_file;
  std::string ca_text;  // PEM
  std::string server_name;
  std::string proxy;
  bool verify = true;
};

// A program that says who we are (client.authentication.k8s.io).
struct ExecEntry {
  enum class Interactive : unsigned char { kNever, kIfAvailable, kAlways };
  std::vector<std::string> command;    // with its arguments; empty: there is none
  std::vector<std::string> variables;  // "NAME=value"
  std::string api_version;
  std::string install_hint;
  Interactive interactive = Interactive::kIfAvailable;
  bool wants_cluster = false;
};

struct UserEntry {
  std::string certificate_file;
  std::string certificate_text;
  std::string key_file;
  std::string key_text;
  std::string token;
  std::string token_file;  // what it holds goes before `token`
  std::string user_name;
  std::string password;
  std::string as_user;  // impersonated
  std::string as_uid;
  std::vector<std::string> as_groups;
  std::string auth_provider;  // of old clients
  ExecEntry exec;
};

struct ContextEntry {
  std::string cluster;
  std::string user;
  std::string name_space;
};

template <class T>
struct NamedEntry {
  std::string name;
  std::string file;  // that it stands in
  T entry;
};

struct Kubeconfig {
  std::string current_context;
  std::vector<NamedEntry<ClusterEntry>> clusters;
  std::vector<NamedEntry<UserEntry>> users;
  std::vector<NamedEntry<ContextEntry>> contexts;
};

// What stands in one; `path` is the file's. Errors (kUsage) say the file and the line, and no
// secret.
Result<Kubeconfig> parse_kubeconfig(std::string_view text, const std::string& path);

// Takes of `more` what isn't there yet.
void merge(Kubeconfig& into, Kubeconfig more);

// What a context stands for: that one, or the current one where it is empty.
struct ChosenContext {
  std::string context;
  std::string file;  // of the context
  ClusterEntry cluster;
  std::string cluster_file;
  UserEntry user;
  std::string user_file;
  std::string name_space;  // "default" where none is said
};
Result<ChosenContext> choose(const Kubeconfig& config, const std::string& context);

}  // namespace galileo::kubernetes
