#include "plan/file_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "load/request_parameters.h"

namespace galileo::plan {
namespace {

using Json = nlohmann::json;

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// "0", "-12": digits that JSON takes as they are, however many.
bool is_json_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos &&
         (text[0] != '0' || text.size() == 1);
}

std::string json_string(const std::string& text) {
  return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::string scalar_json(const YamlNode& node) {
  const std::string& text = node.scalar;
  if (node.quoted) return json_string(text);
  if (is_one_of(text, {"true", "True", "TRUE"})) return "true";
  if (is_one_of(text, {"false", "False", "FALSE"})) return "false";
  if (is_json_integer(text)) return text;
  if (const auto number = parse_number(text)) return Json(*number).dump();
  return json_string(text);
}

// The node as JSON, each scalar by `scalar`.
std::string node_json(const YamlNode& node, std::string (*scalar)(const YamlNode& node)) {
  std::string text;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "null";
    case YamlNode::Kind::kScalar:
      return scalar(node);
    case YamlNode::Kind::kList:
      for (const YamlNode& item : node.items)
        text += (text.empty() ? "" : ", ") + node_json(item, scalar);
      return "[" + text + "]";
    case YamlNode::Kind::kMap:
      for (std::size_t i = 0; i < node.keys.size(); ++i)
        text += (text.empty() ? "" : ", ") + json_string(node.keys[i].text) + ": " +
                node_json(node.items[i], scalar);
      return "{" + text + "}";
  }
  return text;
}

// The parameters as the wire has them. A header or form value is the text that was written, 1.10
// and not 1.1; only in a JSON body are numbers numbers.
std::string parameters_json(const Fields& fields) {
  const auto as_written = [](const YamlNode& node) { return json_string(node.scalar); };
  std::string top;
  std::string kwargs;
  for (const std::string& key : keys_of(MapKind::request)) {
    const YamlNode* node = fields.find(key);
    if (!node) continue;
    const bool is_top = key == "method" || key == "path";
    std::string& text = is_top ? top : kwargs;
    text += (text.empty() ? "" : ", ") + json_string(key) + ": " +
            (key == "json" ? to_json_text(*node) : node_json(*node, as_written));
  }
  return fmt::format("{{{}{}\"kwargs\": {{{}}}}}", top, top.empty() ? "" : ", ", kwargs);
}

constexpr std::string_view kArguments = "kwargs";

// In the file the arguments stand beside method and path.
std::string subject_in_file(std::string subject) {
  if (subject.starts_with(kArguments)) subject.erase(0, kArguments.size() + 1);
  return subject;
}

// Where the value is written that a fault's path leads to, or the key.
const YamlPlace& place_of(const YamlNode& request, const load::RequestFault& fault) {
  const YamlNode* node = &request;
  for (std::size_t i = 0; i < fault.path.size(); ++i) {
    const std::string& step = fault.path[i];
    if (i == 0 && step == kArguments) continue;
    const YamlNode* next = node->find(step);
    if (node->kind == YamlNode::Kind::kList) {
      const auto position = parse_integer(step);
      if (position && static_cast<std::size_t>(*position) < node->items.size())
        next = &node->items[static_cast<std::size_t>(*position)];
    }
    if (!next) break;
    if (fault.of_key && node->kind == YamlNode::Kind::kMap && i + 1 == fault.path.size())
      return node->keys[static_cast<std::size_t>(next - node->items.data())].place;
    node = next;
  }
  return node->place;
}

}  // namespace

std::string to_json_text(const YamlNode& node) {
  return node_json(node, &scalar_json);
}

load::Request read_request(Problems& problems, const YamlNode& node, const std::string& where) {
  const Fields fields(problems, node, where, MapKind::request);
  const load::RequestReading reading = load::read_request_parameters(parameters_json(fields));
  for (const load::RequestFault& fault : reading.faults) {
    const std::string text =
        fault.of_key
            ? fault.why
            : fmt::format("{} {}", fields.where(subject_in_file(fault.subject)), fault.why);
    problems.add(place_of(node, fault), text, fault.hint);
  }
  return reading.request;
}

}  // namespace galileo::plan
