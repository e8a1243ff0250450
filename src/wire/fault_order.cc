#include "wire/fault_order.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "base/text.h"
#include "wire/json.h"
#include "wire/unix_time.h"

namespace galileo::wire {
namespace {

// An order is written by hand or by a script: what is larger is none.
constexpr std::size_t kMessageMax = std::size_t{64} << 10;

constexpr std::array<std::pair<std::string_view, FaultOrder::Kind>, 5> kKinds{
    {{"start", FaultOrder::Kind::kStart},
     {"stop", FaultOrder::Kind::kStop},
     {"try", FaultOrder::Kind::kTry},
     {"renew", FaultOrder::Kind::kRenew},
     {"end", FaultOrder::Kind::kEnd}}};
constexpr std::array<std::pair<std::string_view, FaultReport::State>, 5> kStates{
    {{"tried", FaultReport::State::kTried},
     {"started", FaultReport::State::kStarted},
     {"renewed", FaultReport::State::kRenewed},
     {"ended", FaultReport::State::kEnded},
     {"refused", FaultReport::State::kRefused}}};

Error unreadable(std::string why) {
  return Error{ErrorCode::kCorrupt, "can't read the message of a fault", {}, std::move(why), {}};
}

// The value that the word stands for.
template <class T, std::size_t N>
Result<T> value_of(const std::array<std::pair<std::string_view, T>, N>& table,
                   std::string_view word, std::string_view key) {
  std::string known;
  for (const auto& [name, value] : table) {
    if (name == word) return value;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  return unreadable(fmt::format("'{}' is none of {}", key, known));
}

template <class T, std::size_t N>
std::string_view word_of(const std::array<std::pair<std::string_view, T>, N>& table, T value) {
  for (const auto& [name, one] : table) {
    if (one == value) return name;
  }
  return {};
}

bool is_number(const Json& json) {
  return json.kind == Json::Kind::kInteger || json.kind == Json::Kind::kReal;
}

// A text; empty where the key isn't there.
Result<std::string> text_of(const Json& json, std::string_view key) {
  const Json* const value = find(json, key);
  if (!value || value->kind == Json::Kind::kNull) return std::string();
  if (value->kind != Json::Kind::kText)
    return unreadable(fmt::format("'{}' is {}, not a text", key, kind_name(value->kind)));
  return value->text;
}

Result<Duration> seconds_of(const Json& json, std::string_view key) {
  const Json* const value = find(json, key);
  if (!value || value->kind == Json::Kind::kNull) return Duration{0};
  const auto number = is_number(*value) ? parse_number(value->text) : std::nullopt;
  const Duration lasts = number ? from_seconds(*number) : kNoDuration;
  if (lasts == kNoDuration) return unreadable(fmt::format("'{}' isn't a number of seconds", key));
  return lasts;
}

// What stands on a command line for it: a flag alone has no value.
Result<std::string> word_from(const Json& json, std::string_view key) {
  if (json.kind == Json::Kind::kText || is_number(json)) return json.text;
  if (json.kind == Json::Kind::kNull) return std::string();
  if (json.kind == Json::Kind::kBoolean && json.boolean) return std::string();
  return unreadable(fmt::format("'{}' is {}, not a text or a number", key, kind_name(json.kind)));
}

Result<void> read_parameters(const Json& json, FaultOrder& order) {
  const Json* const parameters = find(json, "parameters");
  if (!parameters || parameters->kind != Json::Kind::kObject)
    return unreadable("'parameters' isn't an object");
  if (order.name != kTc) {
    for (std::size_t i = 0; i < parameters->keys.size(); ++i) {
      const std::string& key = parameters->keys[i];
      order.options.emplace_back(key, TRY(word_from(parameters->items[i], key)));
    }
    return {};
  }
  const Json* const words = find(*parameters, kTc);
  if (!words || words->kind != Json::Kind::kArray)
    return unreadable("'parameters' has no list 'tc'");
  for (const Json& word : words->items) {
    if (word.kind != Json::Kind::kText && !is_number(word))
      return unreadable("a word of 'tc' isn't a text or a number");
    order.words.push_back(word.text);
  }
  return {};
}

Result<Json> object_of(std::string_view message) {
  if (message.size() > kMessageMax) return unreadable("it is longer than 64 KiB");
  Json json = TRY(parse_json(message));
  if (json.kind != Json::Kind::kObject)
    return unreadable(fmt::format("it is {}, not an object", kind_name(json.kind)));
  return json;
}

void append_text(std::string& to, std::string_view key, std::string_view value) {
  if (!value.empty()) to += fmt::format(", \"{}\": {}", key, json_text(value));
}

void append_seconds(std::string& to, std::string_view key, Duration value) {
  if (value.count() > 0) to += fmt::format(", \"{}\": {}", key, json_real(to_seconds(value)));
}

}  // namespace

Result<FaultOrder> parse_fault_order(std::string_view message) {
  const Json json = TRY(object_of(message));
  FaultOrder order;
  order.kind = TRY(value_of(kKinds, TRY(text_of(json, "kind")), "kind"));
  order.id = TRY(text_of(json, "id"));
  order.of = TRY(text_of(json, "of"));
  if (order.kind == FaultOrder::Kind::kRenew || order.kind == FaultOrder::Kind::kEnd) {
    if (order.of.empty()) return unreadable("it doesn't say whose faults are meant: 'of'");
    return order;
  }
  order.name = TRY(text_of(json, "name"));
  if (order.name.empty()) return unreadable("it has no 'name'");
  TRY(read_parameters(json, order));
  order.network = TRY(text_of(json, "network"));
  order.lasts = TRY(seconds_of(json, "for"));
  order.lease = TRY(seconds_of(json, "lease"));
  return order;
}

std::string to_text(const FaultOrder& order) {
  std::string text = "{";
  if (!order.name.empty()) {
    std::string parameters;
    for (const auto& [key, value] : order.options) {
      if (!parameters.empty()) parameters += ", ";
      parameters += fmt::format("{}: {}", json_text(key), json_text(value));
    }
    if (order.name == kTc) {
      for (const std::string& word : order.words)
        parameters += (parameters.empty() ? "\"tc\": [" : ", ") + json_text(word);
      parameters = parameters.empty() ? "\"tc\": []" : parameters + "]";
    }
    text +=
        fmt::format("\"name\": {}, \"parameters\": {{{}}}, ", json_text(order.name), parameters);
  }
  text += fmt::format("\"kind\": \"{}\"", word_of(kKinds, order.kind));
  append_text(text, "id", order.id);
  append_text(text, "of", order.of);
  append_text(text, "network", order.network);
  append_seconds(text, "for", order.lasts);
  append_seconds(text, "lease", order.lease);
  return text + "}";
}

Result<FaultReport> parse_fault_report(std::string_view message) {
  const Json json = TRY(object_of(message));
  FaultReport report;
  report.state = TRY(value_of(kStates, TRY(text_of(json, "state")), "state"));
  report.node = TRY(text_of(json, "node"));
  report.id = TRY(text_of(json, "id"));
  report.of = TRY(text_of(json, "of"));
  report.name = TRY(text_of(json, "name"));
  report.why = TRY(text_of(json, "why"));
  if (const Json* const at = find(json, "at"); at && is_number(*at))
    report.at = parse_unix_time(at->text).value_or(kNoWall);
  const Json* const effect = find(json, "effect");
  if (!effect) return report;
  if (effect->kind != Json::Kind::kObject) return unreadable("'effect' isn't an object");
  for (std::size_t i = 0; i < effect->keys.size(); ++i) {
    const auto value =
        is_number(effect->items[i]) ? parse_number(effect->items[i].text) : std::nullopt;
    if (!value || !std::isfinite(*value))
      return unreadable(fmt::format("'{}' of 'effect' isn't a number", effect->keys[i]));
    report.effect.emplace_back(effect->keys[i], *value);
  }
  return report;
}

std::string to_text(const FaultReport& report) {
  std::string text = fmt::format("{{\"state\": \"{}\"", word_of(kStates, report.state));
  append_text(text, "node", report.node);
  append_text(text, "id", report.id);
  append_text(text, "of", report.of);
  append_text(text, "name", report.name);
  text += ", \"at\": ";
  append_unix_time(text, report.at, 6);
  append_text(text, "why", report.why);
  if (report.effect.empty()) return text + "}";
  std::string effect;
  for (const auto& [name, value] : report.effect) {
    if (!effect.empty()) effect += ", ";
    effect += fmt::format("{}: {}", json_text(name), json_real(value));
  }
  return text + ", \"effect\": {" + effect + "}}";
}

}  // namespace galileo::wire
