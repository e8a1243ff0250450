#include "load/json_at.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace galileo::load {
namespace {

using Json = nlohmann::json;

// "~1" is '/', "~0" is '~'.
std::string unescaped(std::string_view step) {
  std::string out;
  for (std::size_t i = 0; i < step.size(); ++i) {
    const bool escape = step[i] == '~' && i + 1 < step.size();
    if (escape && step[i + 1] == '1')
      out += '/', ++i;
    else if (escape && step[i + 1] == '0')
      out += '~', ++i;
    else
      out += step[i];
  }
  return out;
}

const Json* below(const Json& json, const std::string& step) {
  if (json.is_object()) {
    const auto found = json.find(step);
    return found == json.end() ? nullptr : &*found;
  }
  if (!json.is_array() || step.empty() || (step.size() > 1 && step[0] == '0')) return nullptr;
  const auto place = parse_integer(step);
  if (!place || *place < 0 || static_cast<std::size_t>(*place) >= json.size()) return nullptr;
  return &json[static_cast<std::size_t>(*place)];
}

}  // namespace

bool JsonAt::is(const std::string& written) const {
  if (is_text) {
    if (text == written) return true;
    const Json value = Json::parse(written, nullptr, false);
    return value.is_string() && value.get_ref<const std::string&>() == text;
  }
  const Json value = Json::parse(written, nullptr, false);
  return !value.is_discarded() && value == Json::parse(text, nullptr, false);
}

Result<JsonPointer> JsonPointer::parse(std::string_view text) {
  JsonPointer pointer;
  if (text.empty()) return pointer;
  if (text[0] != '/')
    return Error{ErrorCode::kUsage,
                 {},
                 {},
                 fmt::format("'{}' is no JSON pointer", text),
                 fmt::format("write /{}", text)};
  for (const std::string_view step : split(text.substr(1), '/'))
    pointer.steps_.push_back(unescaped(step));
  return pointer;
}

std::optional<JsonAt> JsonPointer::find(std::string_view text) const {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  const Json* at = &json;
  for (const std::string& step : steps_) {
    at = below(*at, step);
    if (!at) return std::nullopt;
  }
  if (at->is_string()) return JsonAt{at->get<std::string>(), true};
  return JsonAt{at->dump(-1, ' ', false, Json::error_handler_t::replace), false};
}

}  // namespace galileo::load
