#include "commands/load_document.h"

namespace galileo::commands {
namespace {

using wire::YamlNode;
using Kind = wire::YamlNode::Kind;

constexpr std::string_view kClient = "client/";

wire::YamlNode& value_of(wire::YamlNode& map, std::string_view key) {
  map.kind = Kind::kMap;
  if (wire::YamlNode* found = map.find(key)) return *found;
  map.keys.push_back({std::string(key), {}});
  map.items.emplace_back();
  return map.items.back();
}

}  // namespace

wire::YamlNode& LoadDocument::at(wire::YamlNode& node, std::string_view path) {
  wire::YamlNode* place = &node;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    place = &value_of(*place, path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return *place;
}

wire::YamlNode LoadDocument::scalar(std::string_view value, const std::string& flag) {
  flags_.push_back(flag);
  wire::YamlNode node;
  node.kind = Kind::kScalar;
  node.scalar = value;
  node.quoted = true;
  node.place.setting = static_cast<int>(flags_.size()) - 1;
  return node;
}

void LoadDocument::set(std::string_view path, std::string_view value, const std::string& flag) {
  if (value.empty()) return;
  const bool is_client = path.starts_with(kClient);
  const std::string_view own = is_client ? path.substr(kClient.size()) : path;
  Node& root = is_client ? client_ : file_;
  const Node made = scalar(value, flag);
  at(root, own) = made;
  // What is wrong with a map as a whole is wrong with its first flag.
  for (std::size_t end = own.find('/'); end != std::string_view::npos;
       end = own.find('/', end + 1)) {
    Node& map = at(root, own.substr(0, end));
    if (map.place.setting < 0) map.place = made.place;
  }
}

void LoadDocument::add(std::string_view path, std::string_view value, const std::string& flag) {
  const bool is_client = path.starts_with(kClient);
  Node& list = is_client ? at(client_, path.substr(kClient.size())) : at(file_, path);
  list.kind = Kind::kList;
  list.items.push_back(scalar(value, flag));
}

void LoadDocument::add_abort(std::string_view expression, std::string_view lasting,
                             const std::string& flag) {
  Node& list = at(file_, "thresholds");
  list.kind = Kind::kList;
  Node threshold;
  value_of(threshold, "expression") = scalar(expression, flag);
  threshold.place = threshold.items.front().place;
  value_of(threshold, "abort") = scalar("yes", flag);
  if (!lasting.empty())
    value_of(threshold, "for") = scalar(lasting, "--abort-after " + std::string(lasting));
  list.items.push_back(std::move(threshold));
}

void LoadDocument::add_header(std::string_view name, std::string_view value) {
  Node& headers = at(client_, "request/headers");
  headers.kind = Kind::kList;
  // Not with the value: it may be a password.
  const std::string flag = "-H " + std::string(name);
  Node pair;
  pair.kind = Kind::kList;
  pair.items = {scalar(name, flag), scalar(value, flag)};
  headers.items.push_back(std::move(pair));
}

wire::YamlNode LoadDocument::document() const {
  wire::YamlNode file = file_;
  wire::YamlNode& clients = value_of(file, "clients");
  clients.kind = Kind::kList;
  clients.items.push_back(client_);
  return file;
}

}  // namespace galileo::commands
