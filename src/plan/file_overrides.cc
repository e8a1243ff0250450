#include "plan/file_overrides.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace galileo::plan {
namespace {

constexpr std::size_t kStepsMax = 32;

// One step of a path: into a map by key, or into a list by position.
struct Step {
  std::string key;
  bool position = false;
};

// The steps of `text`, up to the '=' outside of brackets, which is taken off with them; nothing
// where it isn't of that form.
std::optional<std::vector<Step>> take_path(std::string_view& text) {
  std::vector<Step> steps;
  while (true) {
    if (text.starts_with('[')) {
      const bool quoted = text.starts_with("[\"");
      const std::size_t end = text.find(quoted ? "\"]" : "]", quoted ? 2 : 1);
      if (end == std::string_view::npos) return std::nullopt;
      const std::string_view inside = text.substr(quoted ? 2 : 1, end - (quoted ? 2 : 1));
      if (!quoted && inside.find_first_not_of("0123456789") != std::string_view::npos)
        return std::nullopt;
      steps.push_back({std::string(inside), !quoted});
      text.remove_prefix(end + (quoted ? 2 : 1));
    } else {
      const std::size_t end = text.find_first_of(".[=]");
      if (end == std::string_view::npos) return std::nullopt;
      steps.push_back({std::string(text.substr(0, end)), false});
      text.remove_prefix(end);
    }
    if (steps.back().key.empty() || steps.size() > kStepsMax || text.empty()) return std::nullopt;
    const char next = text.front();
    if (next != '[') text.remove_prefix(1);
    if (next == '=') return steps;
    if (next != '.' && next != '[') return std::nullopt;
  }
}

void set_place(wire::YamlNode& node, int setting) {
  node.place = {0, 0, setting};
  for (wire::YamlKey& key : node.keys) key.place = node.place;
  for (wire::YamlNode& item : node.items) set_place(item, setting);
}

// Null where there is no such way; `why` then says so.
wire::YamlNode* step_into(wire::YamlNode& node, const Step& step, int setting, std::string& why) {
  if (node.kind == wire::YamlNode::Kind::kNull)
    node.kind = step.position ? wire::YamlNode::Kind::kList : wire::YamlNode::Kind::kMap;
  if (step.position != (node.kind == wire::YamlNode::Kind::kList) ||
      node.kind == wire::YamlNode::Kind::kScalar) {
    why = fmt::format("'{}' can't be found in {}", step.key, wire::kind_text(node));
    return nullptr;
  }
  if (!step.position) {
    if (wire::YamlNode* found = node.find(step.key)) return found;
    const wire::YamlPlace place{0, 0, setting};
    node.keys.push_back({step.key, place});
    node.items.emplace_back();
    node.items.back().place = place;
    return &node.items.back();
  }
  const auto position = parse_integer(step.key);
  const auto size = static_cast<std::int64_t>(node.items.size());
  if (!position || *position > size) {
    why = fmt::format("there is no item [{}]: the list has {}", step.key, size);
    return nullptr;
  }
  if (*position == size) {
    node.items.emplace_back();
    node.items.back().place = {0, 0, setting};
  }
  return &node.items[static_cast<std::size_t>(*position)];
}

bool is_variable_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && (name[0] < '0' || name[0] > '9') &&
         std::all_of(name.begin(), name.end(), fits);
}

class Expander {
 public:
  Expander(Problems& problems,
           const std::function<std::optional<std::string>(std::string_view)>& environment)
      : problems_(problems), environment_(environment) {}

  void expand(wire::YamlNode& node) {
    if (node.kind == wire::YamlNode::Kind::kScalar) node.scalar = expanded(node.place, node.scalar);
    for (auto& [key, place] : node.keys) {
      if (key.find('$') == std::string::npos) continue;
      std::string now = expanded(place, key);
      if (now != key && node.find(now))
        problems_.add(place, fmt::format("the key '{}' is there twice", now));
      key = std::move(now);
    }
    for (wire::YamlNode& item : node.items) expand(item);
  }

 private:
  std::string expanded(const wire::YamlPlace& place, const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char next = i + 1 < text.size() ? text[i + 1] : '\0';
      if (text[i] != '$' || (next != '{' && next != '$')) {
        out += text[i];
        continue;
      }
      if (next == '$') {
        out += '$';
        ++i;
        continue;
      }
      const std::size_t end = text.find('}', i);
      if (end == std::string::npos) {
        problems_.add(place, "'${' has no '}'", "write ${NAME}, or $$ for a dollar");
        return out;
      }
      out += variable(place, text.substr(i + 2, end - i - 2));
      i = end;
    }
    return out;
  }

  std::string variable(const wire::YamlPlace& place, const std::string& inside) {
    const std::size_t colon = inside.find(":-");
    const std::string name = inside.substr(0, colon);
    if (!is_variable_name(name) || inside.find("${") != std::string::npos) {
      problems_.add(place, fmt::format("'${{{}}}' isn't an environment variable", inside),
                    "write ${NAME} or ${NAME:-default}, or $$ for a dollar");
      return {};
    }
    const auto value = environment_ ? environment_(name) : std::nullopt;
    if (value && !(value->empty() && colon != std::string::npos)) return *value;
    if (colon != std::string::npos) return inside.substr(colon + 2);
    problems_.add(place, fmt::format("the environment variable {} isn't set", name),
                  fmt::format("set it, or give a default: ${{{}:-value}}", name));
    return {};
  }

  Problems& problems_;
  const std::function<std::optional<std::string>(std::string_view)>& environment_;
};

}  // namespace

std::string setting_name(const std::string& setting) {
  std::string_view rest = setting;
  const bool has_path = take_path(rest).has_value();
  return "--set " +
         setting.substr(0, has_path ? setting.size() - rest.size() - 1 : setting.find('='));
}

void apply_setting(Problems& problems, wire::YamlNode& root, const std::string& setting,
                   int number) {
  const wire::YamlPlace place{0, 0, number};
  std::string_view rest = setting;
  const auto path = take_path(rest);
  if (!path)
    return problems.add(place, "it isn't of the form path=value",
                        "write for example --set clients[0].requests=100");
  auto value = wire::parse_yaml(rest);
  if (!value) return problems.add(place, "its value is no YAML: " + value.error().why);
  wire::YamlNode* node = &root;
  for (const Step& step : *path) {
    std::string why;
    node = step_into(*node, step, number, why);
    if (!node) return problems.add(place, why);
  }
  *node = std::move(*value);
  set_place(*node, number);
}

void expand_environment(
    Problems& problems, wire::YamlNode& root,
    const std::function<std::optional<std::string>(std::string_view)>& environment) {
  Expander(problems, environment).expand(root);
}

}  // namespace galileo::plan
