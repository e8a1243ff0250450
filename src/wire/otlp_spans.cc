#include "wire/otlp_spans.h"

#include <array>
#include <charconv>
#include <optional>

#include "wire/json.h"

namespace galileo::wire {
namespace {

using Kind = Json::Kind;

constexpr std::string_view kHeaderPrefix = "http.request.header.";

// The value of an attribute as a text: {"stringValue": "x"}, {"intValue": "5"}.
std::string attribute_text(const Json& value) {
  for (const char* kind : {"stringValue", "intValue"}) {
    const Json* const found = find(value, kind);
    if (found && found->kind != Kind::kNull) return found->text;
  }
  return {};
}

class Attributes {
 public:
  explicit Attributes(const Json* list) : list_(list) {}
  // Of the first of these names that has one.
  std::string text(std::initializer_list<std::string_view> names) const {
    for (const std::string_view name : names) {
      const Json* const value = find_value(name);
      if (std::string found = value ? attribute_text(*value) : std::string(); !found.empty())
        return found;
    }
    return {};
  }
  void take_headers(RecordedRequest& into) const {
    if (!list_ || list_->kind != Kind::kArray) return;
    for (const Json& one : list_->items) {
      const Json* const key = find(one, "key");
      const Json* const value = find(one, "value");
      if (!key || !value || !std::string_view(key->text).starts_with(kHeaderPrefix)) continue;
      const std::string_view name = std::string_view(key->text).substr(kHeaderPrefix.size());
      const Json* const list = find(*value, "arrayValue");
      const Json* const values = list ? find(*list, "values") : nullptr;
      if (!values) {
        take_header(name, attribute_text(*value), into);
        continue;
      }
      for (const Json& each : values->items) take_header(name, attribute_text(each), into);
    }
  }

 private:
  const Json* find_value(std::string_view name) const {
    if (!list_ || list_->kind != Kind::kArray) return nullptr;
    for (const Json& one : list_->items) {
      const Json* const key = find(one, "key");
      if (key && key->text == name) return find(one, "value");
    }
    return nullptr;
  }
  const Json* list_;
};

Wall time_of(const Json& span, std::string_view key) {
  const Json* const value = find(span, key);
  std::int64_t ns = 0;
  if (!value || value->text.empty()) return kNoWall;
  const char* const end = value->text.data() + value->text.size();
  const auto [last, error] = std::from_chars(value->text.data(), end, ns);
  return error == std::errc{} && last == end && ns > 0 ? Wall{Duration{ns}} : kNoWall;
}

bool is_of_kind(const Json& span, std::string_view number, std::string_view name) {
  const Json* const kind = find(span, "kind");
  return kind && (kind->text == number || kind->text == name);
}

RecordFault read_span(const Json& span, bool client_spans, RecordedRequest& into) {
  const bool wanted = is_of_kind(span, "2", "SPAN_KIND_SERVER") ||
                      (client_spans && is_of_kind(span, "3", "SPAN_KIND_CLIENT"));
  if (!wanted) return RecordFault::other_span;
  const Attributes attributes(find(span, "attributes"));
  into.method =
      attributes.text({"http.request.method_original", "http.request.method", "http.method"});
  if (into.method.empty()) return RecordFault::no_http_span;
  if (!http1::is_token(into.method)) return RecordFault::no_http;
  std::string target = attributes.text({"url.path", "http.target", "url.full", "http.url"});
  const std::string query = attributes.text({"url.query"});
  if (!query.empty() && target.find('?') == std::string::npos) target += "?" + query;
  if (target.empty()) return RecordFault::no_path;
  into.at = time_of(span, "startTimeUnixNano");
  if (into.at == kNoWall) return RecordFault::no_time;
  if (const Wall end = time_of(span, "endTimeUnixNano"); end >= into.at) into.took = end - into.at;
  const std::string host = attributes.text({"server.address", "http.host", "net.host.name"});
  if (const RecordFault fault = take_target(target, into); fault != RecordFault::none) return fault;
  if (into.host.empty()) into.host = host;
  attributes.take_headers(into);
  const std::string agent = attributes.text({"user_agent.original", "http.user_agent"});
  if (!agent.empty()) take_header("User-Agent", agent, into);
  return RecordFault::none;
}

// Calls f for each item of the list that stands under one of these keys.
template <class F>
void each_of(const Json& object, std::initializer_list<std::string_view> keys, F&& f) {
  for (const std::string_view key : keys) {
    const Json* const list = find(object, key);
    if (!list || list->kind != Kind::kArray) continue;
    for (const Json& item : list->items) f(item);
  }
}

}  // namespace

void read_otlp_line(std::string_view line, bool client_spans, RecordedRequest& into,
                    const std::function<void(RecordFault)>& take) {
  const auto document = parse_json(line);
  const Json* const resources = document.ok() ? find(*document, "resourceSpans") : nullptr;
  if (!resources || resources->kind != Kind::kArray) return take(RecordFault::not_the_form);
  for (const Json& resource : resources->items) {
    each_of(resource, {"scopeSpans", "instrumentationLibrarySpans"}, [&](const Json& scope) {
      each_of(scope, {"spans"}, [&](const Json& span) {
        into.clear();
        take(read_span(span, client_spans, into));
      });
    });
  }
}

}  // namespace galileo::wire
