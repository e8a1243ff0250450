#include "kubernetes/objects.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/utf8.h"

namespace galileo::kubernetes {

const nlohmann::json* find(const nlohmann::json& object,
                           std::initializer_list<std::string_view> keys) {
  const nlohmann::json* at = &object;
  for (const std::string_view key : keys) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(key);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

std::string text_at(const nlohmann::json& object, std::initializer_list<std::string_view> keys) {
  const nlohmann::json* const found = find(object, keys);
  return found && found->is_string() ? found->get_ref<const std::string&>() : std::string();
}

std::string message_of(const nlohmann::json& status) {
  return in_one_line(text_at(status, {"message"}));
}

std::string in_one_line(std::string_view text) {
  std::string line(trim(text));
  std::replace(line.begin(), line.end(), '\n', ' ');
  return one_line(shortened(make_utf8(line), 1000));
}

std::string name_of(const nlohmann::json& object) {
  return text_at(object, {"metadata", "name"});
}
std::string name_space_of(const nlohmann::json& object) {
  return text_at(object, {"metadata", "namespace"});
}
std::string uid_of(const nlohmann::json& object) {
  return text_at(object, {"metadata", "uid"});
}
std::string version_of(const nlohmann::json& object) {
  return text_at(object, {"metadata", "resourceVersion"});
}

}  // namespace galileo::kubernetes
