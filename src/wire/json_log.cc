#include "wire/json_log.h"

#include <array>
#include <optional>

#include "base/text.h"
#include "wire/json.h"

namespace galileo::wire {
namespace {

using Kind = Json::Kind;

// Who writes them: nginx by its variables' names, Envoy's default, Traefik, Caddy, Google's.
constexpr std::array<std::string_view, 5> kStartKeys{"start_time", "StartUTC", "StartLocal",
                                                     "startTime", "request_start"};
// The finer ones first, where a log has several.
constexpr std::array<std::string_view, 10> kEndKeys{
    "msec", "ts",   "@timestamp", "timestamp", "time_iso8601",
    "time", "date", "datetime",   "log_time",  "time_local"};
constexpr std::array<std::string_view, 4> kLineKeys{"request", "request_line", "requestLine",
                                                    "http_request"};
constexpr std::array<std::string_view, 8> kMethodKeys{"request_method",
                                                      "method",
                                                      "RequestMethod",
                                                      "http_method",
                                                      "verb",
                                                      "requestMethod",
                                                      "httpRequest.requestMethod",
                                                      "request.method"};
constexpr std::array<std::string_view, 10> kTargetKeys{
    "request_uri", "RequestPath", "uri",
    "path",        "url",         "target",
    "http_path",   "requestUrl",  "httpRequest.requestUrl",
    "request.uri"};
constexpr std::array<std::string_view, 4> kQueryKeys{"args", "query_string", "query",
                                                     "queryString"};
constexpr std::array<std::string_view, 5> kAgentKeys{"http_user_agent", "user_agent", "userAgent",
                                                     "request_User-Agent", "httpRequest.userAgent"};
constexpr std::array<std::string_view, 4> kRefererKeys{"http_referer", "referer", "referrer",
                                                       "httpRequest.referer"};
constexpr std::array<std::string_view, 5> kHostKeys{"http_host", "authority", "host", "RequestHost",
                                                    "request.host"};
constexpr std::array<std::string_view, 2> kBodyKeys{"request_body", "body"};

struct TookKey {
  std::string_view key;
  double unit_s;
};
constexpr std::array kTookKeys{TookKey{"request_time", 1},        TookKey{"duration_s", 1},
                               TookKey{"duration_ms", 1e-3},      TookKey{"request_time_ms", 1e-3},
                               TookKey{"response_time_ms", 1e-3}, TookKey{"elapsed_ms", 1e-3},
                               TookKey{"latency_ms", 1e-3},       TookKey{"Duration", 1e-9},
                               TookKey{"time_taken_us", 1e-6},    TookKey{"duration_us", 1e-6}};

// A key as it stands, or the way into objects: "request.uri".
const Json* value_at(const Json& object, std::string_view path) {
  if (const Json* const found = find(object, path)) return found;
  const std::size_t point = path.find('.');
  if (point == std::string_view::npos) return nullptr;
  const Json* const inner = find(object, path.substr(0, point));
  return inner ? value_at(*inner, path.substr(point + 1)) : nullptr;
}

bool is_plain(const Json* value) {
  return value && (value->kind == Kind::kText || value->kind == Kind::kInteger ||
                   value->kind == Kind::kReal);
}

// The text of the first key that has one; numbers are texts too. "-" stands for none.
template <std::size_t count>
const Json* first_of(const Json& object, const std::array<std::string_view, count>& keys) {
  for (const std::string_view key : keys) {
    const Json* const value = value_at(object, key);
    if (is_plain(value) && !value->text.empty() && value->text != "-") return value;
  }
  return nullptr;
}

RecordFault take_time_of(const Json& object, const LogFields& fields, RecordedRequest& into) {
  const Json* value = nullptr;
  into.mark = TimeMark::kEnd;
  if (!fields.time.empty()) {
    value = value_at(object, fields.time);
    for (const std::string_view key : kStartKeys) {
      if (key == fields.time) into.mark = TimeMark::kStart;
    }
  } else {
    value = first_of(object, kStartKeys);
    if (value)
      into.mark = TimeMark::kStart;
    else
      value = first_of(object, kEndKeys);
  }
  if (!is_plain(value)) return RecordFault::no_time;
  const LogTime time = read_log_time(value->text);
  if (time.at == kNoWall) return RecordFault::no_time;
  into.at = time.at;
  into.whole_second = time.whole_second;
  return RecordFault::none;
}

void take_took_of(const Json& object, const LogFields& fields, RecordedRequest& into) {
  const auto read = [&](std::string_view key, double unit_s) {
    const Json* const value = value_at(object, key);
    if (!is_plain(value) || into.took != kNoDuration) return;
    std::string_view text = value->text;
    // "0.012s", as Google's has it.
    if (text.ends_with('s') && unit_s == 1) text.remove_suffix(1);
    into.took = read_log_duration(text, unit_s);
  };
  if (!fields.took.empty()) return read(fields.took, fields.took_unit_s);
  for (const TookKey& one : kTookKeys) read(one.key, one.unit_s);
  read("httpRequest.latency", 1);
  // Caddy's are seconds with decimals; Envoy's are milliseconds, beside the time of the start.
  const Json* const duration = find(object, "duration");
  if (duration && duration->kind == Kind::kReal) read("duration", 1);
}

RecordFault take_request_of(const Json& object, const LogFields& fields, RecordedRequest& into) {
  const Json* const method =
      fields.method.empty() ? first_of(object, kMethodKeys) : value_at(object, fields.method);
  const Json* const target =
      fields.target.empty() ? first_of(object, kTargetKeys) : value_at(object, fields.target);
  if (!is_plain(method) || !is_plain(target)) {
    const Json* const line = first_of(object, kLineKeys);
    if (line) return take_request_line(line->text, into);
    for (const std::string_view key : kLineKeys) {
      if (is_plain(value_at(object, key))) return RecordFault::no_request;
    }
    return RecordFault::not_the_form;
  }
  if (!http1::is_token(method->text)) return RecordFault::no_http;
  into.method = method->text;
  const Json* const query = first_of(object, kQueryKeys);
  const bool has_query = target->text.find('?') != std::string::npos;
  return take_target(query && !has_query
                         ? target->text + (query->text.starts_with('?') ? "" : "?") + query->text
                         : target->text,
                     into);
}

// Caddy has the request's headers as an object, each with a list.
void take_headers_of(const Json& headers, RecordedRequest& into) {
  if (headers.kind != Kind::kObject) return;
  for (std::size_t i = 0; i < headers.keys.size(); ++i) {
    const Json& value = headers.items[i];
    if (is_plain(&value)) take_header(headers.keys[i], value.text, into);
    if (value.kind != Kind::kArray) continue;
    for (const Json& one : value.items) {
      if (is_plain(&one)) take_header(headers.keys[i], one.text, into);
    }
  }
}

}  // namespace

RecordFault read_json_line(std::string_view line, const LogFields& fields, RecordedRequest& into) {
  const auto object = parse_json(line);
  if (!object.ok() || object->kind != Kind::kObject) return RecordFault::not_the_form;
  if (const RecordFault fault = take_time_of(*object, fields, into); fault != RecordFault::none)
    return fault;
  if (const RecordFault fault = take_request_of(*object, fields, into); fault != RecordFault::none)
    return fault;
  take_took_of(*object, fields, into);
  if (const Json* const headers = value_at(*object, "request.headers"))
    take_headers_of(*headers, into);
  if (into.headers.empty()) {
    if (const Json* const agent = first_of(*object, kAgentKeys))
      take_header("User-Agent", agent->text, into);
    if (const Json* const referer = first_of(*object, kRefererKeys))
      take_header("Referer", referer->text, into);
  }
  if (const Json* const host = first_of(*object, kHostKeys); host && into.host.empty())
    into.host = host->text;
  if (const Json* const body = first_of(*object, kBodyKeys); body && body->kind == Kind::kText) {
    into.body = body->text;
    into.has_body = true;
  }
  return RecordFault::none;
}

}  // namespace galileo::wire
