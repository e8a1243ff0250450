#include "store/metadata_json.h"

#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace galileo::store {
namespace {

// Reads sound JSON, so it has nothing to check.
struct Scanner {
  std::string_view text;
  std::size_t at = 0;

  char skip_blanks() {
    at = text.find_first_not_of(" \t\r\n", at);
    return text[at];
  }
  void skip_string() {
    for (++at; text[at] != '"'; ++at) {
      if (text[at] == '\\') ++at;
    }
    ++at;
  }
  // Goes to the ',' or bracket behind it.
  void skip_value() {
    int depth = 0;
    for (;; ++at) {
      const char c = text[at];
      if (c == '"') {
        skip_string();
        --at;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if (depth == 0 && (c == ',' || c == '}')) {
        return;
      } else if (c == '}' || c == ']') {
        --depth;
      }
    }
  }
};

Error no_metadata(std::string_view id, std::string why) {
  return {ErrorCode::kUsage, "can't save the metadata", std::string(id), std::move(why),
          "give the text of a JSON object"};
}

}  // namespace

bool is_nested_deeply(std::string_view json) {
  constexpr int kMost = 500;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMost) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

Result<std::string> metadata_with_id(std::string_view json, std::string_view id) {
  const std::string text = make_utf8(json);
  if (is_nested_deeply(text)) return no_metadata(id, "it is nested too deeply");
  try {
    if (!nlohmann::json::parse(text).is_object()) return no_metadata(id, "it isn't a JSON object");
  } catch (const nlohmann::json::exception& exception) {
    return no_metadata(id, exception.what());
  }
  const std::string id_json = nlohmann::json(std::string(id))
                                  .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string with_id;
  Scanner scanner{text};
  scanner.skip_blanks();
  ++scanner.at;
  std::size_t copied = 0;
  bool found = false;
  bool is_empty = true;
  while (scanner.skip_blanks() != '}') {
    is_empty = false;
    if (text[scanner.at] == ',') ++scanner.at;
    scanner.skip_blanks();
    const std::size_t key = scanner.at;
    scanner.skip_string();
    const bool is_id = std::string_view(text).substr(key, scanner.at - key) == R"("exp_id")";
    scanner.skip_blanks();
    const std::size_t value = ++scanner.at;
    scanner.skip_value();
    if (!is_id) continue;
    with_id.append(text, copied, value - copied).append(id_json);
    copied = scanner.at;
    found = true;
  }
  with_id.append(text, copied, scanner.at - copied);
  if (!found) with_id.append(is_empty ? R"("exp_id":)" : R"(,"exp_id":)").append(id_json);
  with_id.append(text, scanner.at);
  return with_id;
}

}  // namespace galileo::store
