#include "wire/request_targets.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/utf8.h"
#include "wire/csv.h"
#include "wire/json.h"
#include "wire/uri.h"

namespace galileo::wire {
namespace {

using Kind = Json::Kind;

Error wrong_target(std::string why, std::string hint = {}) {
  return Error{ErrorCode::kUsage, {}, {}, std::move(why), std::move(hint)};
}

// Method and URL, with a fault's words where they can't be.
Result<void> take_method_and_url(std::string_view method, std::string_view url,
                                 RecordedRequest& into) {
  if (!http1::is_token(method))
    return wrong_target(fmt::format("'{}' isn't a method", method.substr(0, 40)),
                        "write for example GET http://127.0.0.1:8080/");
  into.method = method;
  const RecordFault fault = take_target(url, into);
  if (fault == RecordFault::none) return {};
  return wrong_target(fmt::format("'{}' is no URL of HTTP", url.substr(0, 80)),
                      "write it with http:// or https://, or as a path from its / on");
}

Result<void> take_target_header(std::string_view name, std::string_view value,
                                RecordedRequest& into) {
  if (!http1::is_token(name) || !http1::is_header_value(value))
    return wrong_target("it isn't a header", "write it as Name: value");
  // The host is the URL's; another one that is sent is a header like others.
  if (http1::equals_ignoring_case(name, "host"))
    into.headers.emplace_back(name, value);
  else
    take_header(name, value, into);
  return {};
}

bool begins_target(std::string_view line) {
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos || blank == 0) return false;
  return std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(blank),
                     [](char c) { return c >= 'A' && c <= 'Z'; });
}

// Reads the first form, line by line.
class HttpTargets {
 public:
  Result<void> take(std::string_view line, std::uint64_t number) {
    if (line.starts_with('#')) return {};
    if (line.empty()) {
      open_ = false;
      return {};
    }
    if (!open_ || begins_target(line)) return begin(line, number);
    RequestTarget& target = targets_.back();
    if (line.starts_with('@')) {
      target.body_file = trim(line.substr(1));
      target.request.has_body = true;
      if (target.body_file.empty()) return wrong_target("no file is named behind the @");
      return {};
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos)
      return wrong_target("it is neither a header nor a body's file",
                          "write Name: value or @FILE, and an empty line before the next target");
    return take_target_header(trim(line.substr(0, colon)), trim(line.substr(colon + 1)),
                              target.request);
  }
  std::vector<RequestTarget> targets() { return std::move(targets_); }
  std::size_t count() const { return targets_.size(); }

 private:
  Result<void> begin(std::string_view line, std::uint64_t number) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string_view::npos)
      return wrong_target("it isn't a method and a URL", "write for example GET http://host/path");
    targets_.emplace_back();
    targets_.back().line = number;
    open_ = true;
    return take_method_and_url(line.substr(0, blank), trim(line.substr(blank)),
                               targets_.back().request);
  }

  std::vector<RequestTarget> targets_;
  bool open_ = false;
};

Result<void> take_headers(const Json& headers, RecordedRequest& into) {
  if (headers.kind == Kind::kNull) return {};
  if (headers.kind != Kind::kObject) return wrong_target("its header isn't an object");
  for (std::size_t i = 0; i < headers.keys.size(); ++i) {
    const Json& values = headers.items[i];
    if (values.kind == Kind::kText) {
      TRY(take_target_header(headers.keys[i], values.text, into));
      continue;
    }
    if (values.kind != Kind::kArray) return wrong_target("a header isn't a list of texts");
    for (const Json& one : values.items) {
      if (one.kind != Kind::kText) return wrong_target("a header isn't a list of texts");
      TRY(take_target_header(headers.keys[i], one.text, into));
    }
  }
  return {};
}

std::string text_at(const Json& object, std::string_view key) {
  const Json* const value = find(object, key);
  return value && value->kind == Kind::kText ? value->text : std::string();
}

Result<std::vector<RequestTarget>> located(Error error, std::uint64_t line) {
  error.where = fmt::format("line {}", line);
  return error;
}

}  // namespace

Result<RecordedRequest> parse_target_line(std::string_view line) {
  const auto object = parse_json(line);
  if (!object.ok()) return wrong_target(object.error().why);
  if (object->kind != Kind::kObject) return wrong_target("it isn't a JSON object");
  RecordedRequest request;
  const std::string method = text_at(*object, "method");
  const std::string url = text_at(*object, "url");
  if (method.empty() || url.empty())
    return wrong_target("it has no method or no url",
                        R"(write for example {"method": "GET", "url": "http://host/path"})");
  TRY(take_method_and_url(method, url, request));
  if (const Json* const headers = find(*object, "header")) TRY(take_headers(*headers, request));
  if (const Json* const body = find(*object, "body"); body && body->kind != Kind::kNull) {
    auto bytes = body->kind == Kind::kText ? from_base64(body->text) : std::nullopt;
    if (!bytes) return wrong_target("its body isn't in base64");
    request.body = std::move(*bytes);
    request.has_body = true;
  }
  if (const Json* const at = find(*object, "at")) {
    const auto seconds = parse_number(at->text);
    const bool is_number = at->kind == Kind::kInteger || at->kind == Kind::kReal;
    if (!is_number || !seconds || from_unix_seconds(*seconds) == kNoWall)
      return wrong_target("its `at` isn't a number of seconds from 0 up");
    request.at = from_unix_seconds(*seconds);
  }
  return request;
}

RecordFault read_timed_line(std::string_view line, RecordedRequest& into) {
  auto request = parse_target_line(line);
  if (!request.ok()) return RecordFault::not_the_form;
  if (request->at == kNoWall) return RecordFault::no_time;
  into = std::move(*request);
  return RecordFault::none;
}

Result<std::vector<RequestTarget>> parse_request_targets(std::string_view text) {
  text = after_byte_order_mark(text);
  const bool is_json = trim(text).starts_with('{');
  HttpTargets http;
  std::vector<RequestTarget> targets;
  for (std::uint64_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::string_view plain = trim(line);
    if (!is_json) {
      if (auto taken = http.take(plain, number); !taken.ok()) return located(taken.error(), number);
    } else if (!plain.empty()) {
      auto request = parse_target_line(plain);
      if (!request.ok()) return located(request.error(), number);
      targets.push_back({std::move(*request), {}, number});
    }
    if (std::max(targets.size(), http.count()) > kTargetsMax)
      return located(wrong_target("there are more than 10 million targets"), number);
  }
  if (!is_json) targets = http.targets();
  if (targets.empty())
    return wrong_target("there is no target in it", "write for example GET http://host/path");
  return targets;
}

std::string target_line(const RecordedRequest& request, Duration at) {
  // Bytes beyond ASCII that are no UTF-8 have no place in JSON.
  const auto text = [](const std::string& bytes) {
    return json_text(is_utf8(bytes) ? bytes : utf8_of_latin1(bytes));
  };
  std::string line = fmt::format(R"({{"at": {}, "method": {}, "url": {})",
                                 json_real(static_cast<double>(at.count()) / 1e9),
                                 text(request.method), text(request.target));
  std::string headers;
  std::vector<std::string> names;
  for (const auto& [name, value] : request.headers) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    names.push_back(name);
    std::string values;
    for (const auto& [other, one] : request.headers) {
      if (other == name) values += (values.empty() ? "" : ", ") + text(one);
    }
    headers += (headers.empty() ? "" : ", ") + text(name) + ": [" + values + "]";
  }
  if (!headers.empty()) line += ", \"header\": {" + headers + "}";
  if (request.has_body) line += ", \"body\": \"" + base64(request.body) + "\"";
  return line + "}";
}

}  // namespace galileo::wire
