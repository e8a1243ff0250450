#include "kubernetes/kubeconfig.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/utf8.h"
#include "wire/uri.h"
#include "wire/yaml.h"

namespace galileo::kubernetes {
namespace {

using wire::YamlNode;
using Kind = wire::YamlNode::Kind;

// Reads one file; keeps its first fault.
class KubeconfigReader {
 public:
  explicit KubeconfigReader(const std::string& path) : path_(path) {
    const std::size_t slash = path.rfind('/');
    if (slash != std::string::npos) folder_ = path.substr(0, slash + 1);
  }

  Result<Kubeconfig> read(const YamlNode& root) {
    Kubeconfig config;
    if (!is_map(root, "a kubeconfig")) return *error_;
    const std::string kind = text(root, "kind");
    if (!kind.empty() && kind != "Config")
      fail(root, fmt::format("it is of the kind {}", one_line(kind)), "give one of kind Config");
    config.current_context = text(root, "current-context");
    each(root, "clusters", "cluster", config.clusters,
         [&](const YamlNode& node) { return cluster(node); });
    each(root, "users", "user", config.users, [&](const YamlNode& node) { return user(node); });
    each(root, "contexts", "context", config.contexts, [&](const YamlNode& node) {
      return ContextEntry{text(node, "cluster"), text(node, "user"), text(node, "namespace")};
    });
    if (error_) return std::move(*error_);
    return config;
  }

  Error error(const wire::YamlPlace& place, std::string why, std::string hint) const {
    return Error{ErrorCode::kUsage, "can't use the kubeconfig",
                 place.line > 0 ? fmt::format("{}:{}", path_, place.line) : path_, std::move(why),
                 std::move(hint)};
  }

 private:
  void fail(const YamlNode& node, std::string why, std::string hint) {
    if (!error_) error_ = error(node.place, std::move(why), std::move(hint));
  }

  bool is_map(const YamlNode& node, const std::string& what) {
    if (node.kind == Kind::kMap) return true;
    // Never the value itself: it may be a secret in the wrong place.
    fail(node,
         node.kind == Kind::kNull ? fmt::format("{} has nothing in it", what)
                                  : fmt::format("{} is no map", what),
         "kubectl config view shows what it must look like");
    return false;
  }

  // Empty where there is none.
  std::string text(const YamlNode& map, std::string_view key) {
    const YamlNode* const node = map.find(key);
    if (!node || node->kind == Kind::kNull) return {};
    if (node->kind == Kind::kScalar) return node->scalar;
    fail(*node, fmt::format("'{}' must be a text", key), {});
    return {};
  }

  bool flag(const YamlNode& map, std::string_view key) {
    const std::string value = text(map, key);
    if (!value.empty() && value != "true" && value != "false")
      fail(*map.find(key), fmt::format("'{}' must be true or false", key), {});
    return value == "true";
  }

  std::string path_of(const YamlNode& map, std::string_view key) {
    std::string path = text(map, key);
    if (!path.empty() && !path.starts_with('/')) path = folder_ + path;
    return path;
  }

  // PEM, as base64 that may have line ends in it.
  std::string pem(const YamlNode& map, std::string_view key) {
    std::string value = text(map, key);
    std::erase_if(value, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
    if (value.empty()) return {};
    auto bytes = wire::from_base64(value);
    if (!bytes || bytes->find("-----BEGIN ") == std::string::npos) {
      fail(*map.find(key), fmt::format("'{}' isn't PEM in base64", key),
           "base64 -w0 of the file gives it");
      return {};
    }
    return std::move(*bytes);
  }

  const YamlNode* list(const YamlNode& map, std::string_view key) {
    const YamlNode* const node = map.find(key);
    if (!node || node->kind == Kind::kNull) return nullptr;
    if (node->kind == Kind::kList) return node;
    fail(*node, fmt::format("'{}' must be a list", key), {});
    return nullptr;
  }

  template <class T, class Read>
  void each(const YamlNode& root, std::string_view key, std::string_view inner,
            std::vector<NamedEntry<T>>& into, const Read& read) {
    const YamlNode* const all = list(root, key);
    if (!all) return;
    for (const YamlNode& item : all->items) {
      if (!is_map(item, fmt::format("an entry of '{}'", key))) return;
      const YamlNode* const node = item.find(inner);
      NamedEntry<T> entry{text(item, "name"), path_, {}};
      // A half-filled one hides others of its name all the same.
      if (node && node->kind != Kind::kNull) {
        if (!is_map(*node, fmt::format("'{}'", inner))) return;
        entry.entry = read(*node);
      }
      const bool is_new = std::none_of(into.begin(), into.end(),
                                       [&](const auto& one) { return one.name == entry.name; });
      if (is_new) into.push_back(std::move(entry));
    }
  }

  ClusterEntry cluster(const YamlNode& node) {
    ClusterEntry entry;
    entry.server = text(node, "server");
    entry.ca_text = pem(node, "certificate-authority-data");
    if (entry.ca_text.empty()) entry.ca_file = path_of(node, "certificate-authority");
    entry.server_name = text(node, "tls-server-name");
    entry.proxy = text(node, "proxy-url");
    entry.verify = !flag(node, "insecure-skip-tls-verify");
    return entry;
  }

  UserEntry user(const YamlNode& node) {
    UserEntry entry;
    entry.certificate_text = pem(node, "client-certificate-data");
    if (entry.certificate_text.empty())
      entry.certificate_file = path_of(node, "client-certificate");
    entry.key_text = pem(node, "client-key-data");
    if (entry.key_text.empty()) entry.key_file = path_of(node, "client-key");
    entry.token = text(node, "token");
    entry.token_file = path_of(node, "tokenFile");
    entry.user_name = text(node, "username");
    entry.password = text(node, "password");
    entry.as_user = text(node, "as");
    entry.as_uid = text(node, "as-uid");
    if (const YamlNode* const groups = list(node, "as-groups")) {
      for (const YamlNode& group : groups->items) entry.as_groups.push_back(group.scalar);
    }
    const YamlNode* const provider = node.find("auth-provider");
    if (provider && is_map(*provider, "'auth-provider'"))
      entry.auth_provider = text(*provider, "name");
    const YamlNode* const program = node.find("exec");
    if (program && program->kind != Kind::kNull && is_map(*program, "'exec'"))
      entry.exec = exec(*program);
    return entry;
  }

  ExecEntry exec(const YamlNode& node) {
    ExecEntry entry;
    std::string command = text(node, "command");
    if (command.empty()) fail(node, "'exec' has no command", {});
    // A bare name is looked for in PATH, all else is of the file's folder.
    if (command.find('/') != std::string::npos && command[0] != '/') command = folder_ + command;
    entry.command.push_back(std::move(command));
    if (const YamlNode* const arguments = list(node, "args")) {
      for (const YamlNode& one : arguments->items) entry.command.push_back(one.scalar);
    }
    if (const YamlNode* const variables = list(node, "env")) {
      for (const YamlNode& one : variables->items)
        entry.variables.push_back(text(one, "name") + "=" + text(one, "value"));
    }
    entry.api_version = text(node, "apiVersion");
    if (entry.api_version != "client.authentication.k8s.io/v1" &&
        entry.api_version != "client.authentication.k8s.io/v1beta1")
      fail(node, "'exec' speaks another version than ours",
           "give apiVersion client.authentication.k8s.io/v1, or a newer plugin");
    entry.install_hint = text(node, "installHint");
    entry.wants_cluster = flag(node, "provideClusterInfo");
    const std::string mode = text(node, "interactiveMode");
    using Interactive = ExecEntry::Interactive;
    entry.interactive = mode == "Never"    ? Interactive::kNever
                        : mode == "Always" ? Interactive::kAlways
                                           : Interactive::kIfAvailable;
    if (!mode.empty() && mode != "Never" && mode != "Always" && mode != "IfAvailable")
      fail(node, "'interactiveMode' is none", "give Never, IfAvailable or Always");
    return entry;
  }

  const std::string path_;
  std::string folder_;
  std::optional<Error> error_;
};

template <class T>
void merge_entries(std::vector<NamedEntry<T>>& into, std::vector<NamedEntry<T>>& more) {
  for (NamedEntry<T>& entry : more) {
    const bool is_new = std::none_of(into.begin(), into.end(),
                                     [&](const auto& one) { return one.name == entry.name; });
    if (is_new) into.push_back(std::move(entry));
  }
}

template <class T>
std::vector<std::string> names_of(const std::vector<NamedEntry<T>>& entries) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(one_line(entry.name));
  return names;
}

template <class T>
Result<const NamedEntry<T>*> find_named(const std::vector<NamedEntry<T>>& entries,
                                        const std::string& name, const char* kind,
                                        const std::string& file) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const auto& entry) { return entry.name == name; });
  if (found != entries.end()) return &*found;
  return Error{ErrorCode::kUsage, "can't use the kubeconfig", file,
               fmt::format("it has no {} '{}'", kind, one_line(name)),
               entries.empty() ? "kubectl config view shows what it has"
                               : hint_for_unknown(name, names_of(entries))};
}

}  // namespace

Result<Kubeconfig> parse_kubeconfig(std::string_view text, const std::string& path) {
  KubeconfigReader reader(path);
  const auto root = wire::parse_yaml(text);
  if (!root) return reader.error(root.error().place, root.error().why, root.error().hint);
  return reader.read(*root);
}

void merge(Kubeconfig& into, Kubeconfig more) {
  if (into.current_context.empty()) into.current_context = std::move(more.current_context);
  merge_entries(into.clusters, more.clusters);
  merge_entries(into.users, more.users);
  merge_entries(into.contexts, more.contexts);
}

Result<ChosenContext> choose(const Kubeconfig& config, const std::string& context) {
  ChosenContext chosen;
  chosen.context = context.empty() ? config.current_context : context;
  if (chosen.context.empty())
    return Error{ErrorCode::kUsage,
                 "can't use the kubeconfig",
                 {},
                 "it says no current context",
                 config.contexts.empty() ? "kubectl config view shows what it has"
                                         : fmt::format("give --context with one of {}",
                                                       fmt::join(names_of(config.contexts), ", "))};
  const auto* const found =
      TRY(find_named(config.contexts, chosen.context, "context", std::string()));
  chosen.file = found->file;
  const auto* const cluster =
      TRY(find_named(config.clusters, found->entry.cluster, "cluster", found->file));
  chosen.cluster = cluster->entry;
  chosen.cluster_file = cluster->file;
  if (!found->entry.user.empty()) {
    const auto* const user = TRY(find_named(config.users, found->entry.user, "user", found->file));
    chosen.user = user->entry;
    chosen.user_file = user->file;
  }
  chosen.name_space = found->entry.name_space.empty() ? "default" : found->entry.name_space;
  return chosen;
}

}  // namespace galileo::kubernetes
