#include "plan/file_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "load/request_parameters.h"
#include "wire/json.h"

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

std::string scalar_json(const wire::YamlNode& node) {
  const std::string& text = node.scalar;
  if (node.quoted) return wire::json_text(text);
  if (is_one_of(text, {"true", "True", "TRUE"})) return "true";
  if (is_one_of(text, {"false", "False", "FALSE"})) return "false";
  if (is_json_integer(text)) return text;
  if (const auto number = parse_number(text)) return Json(*number).dump();
  return wire::json_text(text);
}

// The parameters as the wire has them. A header or form value is the text that was written, 1.10
// and not 1.1; only in a JSON body are numbers numbers.
std::string parameters_json(const Fields& fields) {
  const auto as_written = [](const wire::YamlNode& node) { return wire::json_text(node.scalar); };
  std::string top;
  std::string kwargs;
  for (const std::string& key : keys_of(MapKind::request)) {
    const wire::YamlNode* node = fields.find(key);
    if (!node) continue;
    const bool is_top = key == "method" || key == "path";
    std::string& text = is_top ? top : kwargs;
    text += (text.empty() ? "" : ", ") + wire::json_text(key) + ": " +
            (key == "json" ? to_json_text(*node) : wire::yaml_to_json(*node, as_written));
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
const wire::YamlPlace& place_of(const wire::YamlNode& request, const load::RequestFault& fault) {
  const wire::YamlNode* node = &request;
  for (std::size_t i = 0; i < fault.path.size(); ++i) {
    const std::string& step = fault.path[i];
    if (i == 0 && step == kArguments) continue;
    const wire::YamlNode* next = node->find(step);
    if (node->kind == wire::YamlNode::Kind::kList) {
      const auto position = parse_integer(step);
      if (position && static_cast<std::size_t>(*position) < node->items.size())
        next = &node->items[static_cast<std::size_t>(*position)];
    }
    if (!next) break;
    if (fault.of_key && node->kind == wire::YamlNode::Kind::kMap && i + 1 == fault.path.size())
      return node->keys[static_cast<std::size_t>(next - node->items.data())].place;
    node = next;
  }
  return node->place;
}

}  // namespace

std::string to_json_text(const wire::YamlNode& node) {
  return wire::yaml_to_json(node, &scalar_json);
}

load::Request read_request(Problems& problems, const wire::YamlNode& node,
                           const std::string& where) {
  const Fields fields(problems, node, where, MapKind::request);
  const load::RequestReading reading =
      load::read_request_parameters(parameters_json(fields), load::Writer::kOurs);
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
