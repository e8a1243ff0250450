#include "load/http_parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace galileo::load {
namespace {

using Kind = JsonValue::Kind;

constexpr std::int64_t kStreamsMax = 1'000'000;
constexpr std::int64_t kConnectionsMax = 1'000'000;

std::string said(const JsonValue& value) {
  if (value.kind == Kind::kList) return "a list";
  if (value.kind == Kind::kMap) return "a map";
  return fmt::format("'{}'", to_python_text(value).substr(0, 60));
}

// As YAML has them where they are texts.
std::optional<bool> yes_or_no(const JsonValue& value) {
  if (value.kind == Kind::kBoolean) return value.boolean;
  if (value.kind != Kind::kText) return std::nullopt;
  const std::string text = to_lower(value.text);
  if (text == "true" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "no" || text == "off") return false;
  return std::nullopt;
}

class HttpReader {
 public:
  explicit HttpReader(HttpSettings& settings) : settings_(settings) {}
  std::vector<HttpFault> faults;

  void read(const std::string& key, const JsonValue& value) {
    static const std::vector<std::string> known{"version", "prior_knowledge", "streams",
                                                "connections", "keepalive"};
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      faults.push_back(
          {key, true, fmt::format("unknown key '{}'", key), hint_for_unknown(key, known)});
      return;
    }
    if (value.kind == Kind::kNull) return;
    if (key == "version") return version(value);
    if (key == "prior_knowledge") return flag(key, value, settings_.prior_knowledge);
    if (key == "keepalive") return flag(key, value, settings_.keep_alive);
    if (key == "streams") return number(key, value, kStreamsMax, settings_.streams);
    number(key, value, kConnectionsMax, settings_.connections);
  }

 private:
  void must(const std::string& key, std::string_view what, const JsonValue& value) {
    faults.push_back({key, false, fmt::format("must be {}, not {}", what, said(value)), {}});
  }
  void version(const JsonValue& value) {
    const std::string text = value.is_scalar() ? to_python_text(value) : std::string();
    if (text == "1.1" || text == "1")
      settings_.version = 1;
    else if (text == "2" || text == "2.0")
      settings_.version = 2;
    else
      must("version", "1.1 or 2", value);
  }
  void flag(const std::string& key, const JsonValue& value, bool& setting) {
    if (const auto yes = yes_or_no(value))
      setting = *yes;
    else
      must(key, "true or false", value);
  }
  void number(const std::string& key, const JsonValue& value, std::int64_t most,
              std::uint32_t& setting) {
    const auto count = value.is_scalar() ? parse_integer(to_python_text(value)) : std::nullopt;
    if (count && *count >= 1 && *count <= most)
      setting = static_cast<std::uint32_t>(*count);
    else
      must(key,
           fmt::format("a whole number from 1 to {}",
                       format_count(static_cast<std::uint64_t>(most))),
           value);
  }

  HttpSettings& settings_;
};

}  // namespace

std::vector<HttpFault> read_http_settings(const JsonValue& value, HttpSettings& settings) {
  HttpReader reader(settings);
  if (value.kind != Kind::kMap) {
    reader.faults.push_back({{}, false, fmt::format("must be a map, not {}", said(value)), {}});
    return std::move(reader.faults);
  }
  for (std::size_t i = 0; i < value.keys.size(); ++i) reader.read(value.keys[i], value.items[i]);
  if (!settings.may_be_2() && settings.streams > 0)
    reader.faults.push_back({"streams", false, "are HTTP/2's", "add version: 2"});
  return std::move(reader.faults);
}

}  // namespace galileo::load
