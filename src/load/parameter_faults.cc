#include "load/parameter_faults.h"

#include <fmt/format.h>

#include "base/text.h"

namespace galileo::load {

using Kind = JsonValue::Kind;

bool is_falsy(const JsonValue& value) {
  switch (value.kind) {
    case Kind::kNull:
      return true;
    case Kind::kBoolean:
      return !value.boolean;
    case Kind::kInteger:
      return value.text == "0";
    case Kind::kFloat:
      return value.number == 0;
    case Kind::kText:
      return value.text.empty();
    default:
      return value.items.empty();
  }
}

std::string kind_text(const JsonValue& value) {
  switch (value.kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
    default:
      break;
  }
  const std::string text = to_python_text(value);
  return text.size() > 60 ? "a text" : fmt::format("'{}'", text);
}

std::optional<bool> boolean_of(const JsonValue& value) {
  if (value.kind == Kind::kBoolean) return value.boolean;
  if (value.kind == Kind::kInteger || value.kind == Kind::kFloat) return !is_falsy(value);
  const std::string word = value.kind == Kind::kText ? to_lower(value.text) : "";
  if (word == "true" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "no" || word == "off") return false;
  return std::nullopt;
}

const JsonValue* Arguments::value_of(std::string_view name) const {
  const JsonValue* value = kwargs ? kwargs->find(name) : nullptr;
  if (!value && ours) value = ours->find(name);
  return value && value->kind != Kind::kNull ? value : nullptr;
}

const JsonValue* Arguments::argument(std::string_view name) const {
  const JsonValue* value = value_of(name);
  return value && (value->kind != Kind::kBoolean || value->boolean) ? value : nullptr;
}

void ParameterFaults::wrong(const char* name, std::string why, std::string hint) {
  add({"kwargs", name}, fmt::format("kwargs.{}", name), std::move(why), std::move(hint));
}

void ParameterFaults::wrong_type(const char* name, const JsonValue& value,
                                 std::string_view wanted) {
  wrong(name, fmt::format("must be {}, not {}", wanted, kind_text(value)));
}

}  // namespace galileo::load
