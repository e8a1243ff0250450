#include "pods/fields.h"

#include <nlohmann/json.hpp>

#include "kubernetes/objects.h"
#include "kubernetes/quantity.h"

namespace galileo::pods {

const nlohmann::json& value_at(const nlohmann::json& object, Path path) {
  static const nlohmann::json kNull;
  const nlohmann::json* const found = kubernetes::find(object, path);
  return found ? *found : kNull;
}

std::int64_t number_at(const nlohmann::json& object, Path path, std::int64_t otherwise) {
  const nlohmann::json& value = value_at(object, path);
  return value.is_number_integer() ? value.get<std::int64_t>() : otherwise;
}

bool is_true_at(const nlohmann::json& object, Path path) {
  const nlohmann::json& value = value_at(object, path);
  return value.is_boolean() && value.get<bool>();
}

std::map<std::string, std::string> texts_at(const nlohmann::json& object, Path path) {
  std::map<std::string, std::string> texts;
  const nlohmann::json& value = value_at(object, path);
  if (!value.is_object()) return texts;
  for (const auto& [key, one] : value.items()) {
    if (one.is_string())
      texts.emplace(key, one.get_ref<const std::string&>());
    else if (one.is_number())  // "cpu: 1", as somebody wrote it
      texts.emplace(key, one.dump());
  }
  return texts;
}

std::map<std::string, std::string> amounts_at(const nlohmann::json& object, Path path) {
  auto amounts = texts_at(object, path);
  for (auto& [key, amount] : amounts) {
    if (const auto quantity = kubernetes::parse_quantity(amount); quantity.ok())
      amount = quantity->canonical();
  }
  return amounts;
}

}  // namespace galileo::pods
