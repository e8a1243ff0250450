#include "load/request_description.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "base/utf8.h"
#include "load/app_request.h"
#include "load/resource.h"
#include "load/targets_file.h"
#include "load/template_text.h"
#include "load/traceparent.h"
#include "wire/http1.h"
#include "wire/json.h"
#include "wire/uri.h"

namespace galileo::load {
namespace {

using wire::Json;
using Kind = Json::Kind;

constexpr const char* kBase64 = "base64";
constexpr const char* kCalled = "called";
constexpr const char* kFile = "file";
constexpr const char* kDataFile = "data.file";
constexpr std::string_view kMark = "mark.";
// What a template is replaced by is the mark's; what it was written as is for people.
constexpr std::string_view kWritten = "text.";
constexpr std::size_t kStepsMax = 1'000;

Json of_text(std::string_view value) {
  Json json;
  json.kind = Kind::kText;
  json.text = value;
  return json;
}

Json of_kind(Kind kind) {
  Json json;
  json.kind = kind;
  return json;
}

void put(Json& object, std::string key, Json value) {
  object.keys.push_back(std::move(key));
  object.items.push_back(std::move(value));
}

Json of_bytes(std::string_view value) {
  if (is_utf8(value)) return of_text(value);
  Json json = of_kind(Kind::kObject);
  put(json, kBase64, of_text(wire::base64(value)));
  return json;
}

Json of_number(std::int64_t value) {
  Json json = of_kind(Kind::kInteger);
  json.text = std::to_string(value);
  return json;
}

Json of_flag(bool value) {
  Json json = of_kind(Kind::kBoolean);
  json.boolean = value;
  return json;
}

Json of_list(std::vector<Json> items) {
  Json json = of_kind(Kind::kArray);
  json.items = std::move(items);
  return json;
}

Json of_tls(const TlsSettings& tls) {
  const TlsSettings usual;
  Json json = of_kind(Kind::kObject);
  if (!tls.verify) put(json, "verify", of_flag(false));
  if (!tls.ca_file.empty()) put(json, "ca_file", of_bytes(tls.ca_file));
  if (!tls.crl_file.empty()) put(json, "crl_file", of_bytes(tls.crl_file));
  if (!tls.certificate_file.empty()) put(json, "certificate_file", of_bytes(tls.certificate_file));
  if (!tls.key_file.empty()) put(json, "key_file", of_bytes(tls.key_file));
  if (tls.version_min != usual.version_min) put(json, "version_min", of_number(tls.version_min));
  if (!tls.resume) put(json, "resume", of_flag(false));
  return json;
}

Json of_http(const HttpSettings& http) {
  const HttpSettings usual;
  Json json = of_kind(Kind::kObject);
  if (http.version != usual.version) put(json, "version", of_number(http.version));
  if (http.prior_knowledge) put(json, "prior_knowledge", of_flag(true));
  if (http.streams > 0) put(json, "streams", of_number(http.streams));
  if (http.connections > 0) put(json, "connections", of_number(http.connections));
  if (!http.keep_alive) put(json, "keep_alive", of_flag(false));
  return json;
}

Json of_checks(const std::vector<CheckSpec>& checks) {
  Json list = of_list({});
  for (const CheckSpec& check : checks) {
    std::vector<Json> conditions;
    for (const std::string& condition : check.conditions) conditions.push_back(of_bytes(condition));
    Json json = of_kind(Kind::kObject);
    put(json, "name", of_bytes(check.name));
    put(json, "conditions", of_list(std::move(conditions)));
    list.items.push_back(std::move(json));
  }
  return list;
}

Json of_request(const Request& request);

Json of_step(const Step& step) {
  Json json = of_kind(Kind::kObject);
  put(json, "name", of_bytes(step.name));
  put(json, "request", of_request(step.request));
  std::vector<Json> takes;
  for (const TakenValue& value : step.takes)
    takes.push_back(of_list({of_bytes(value.name), of_bytes(value.from)}));
  if (!takes.empty()) put(json, "takes", of_list(std::move(takes)));
  if (step.pause > Duration{0}) put(json, "pause_ns", of_number(step.pause.count()));
  if (!step.drawn_pause.empty()) put(json, "drawn_pause", of_bytes(step.drawn_pause));
  return json;
}

// What isn't as it is without stands there.
Json of_request(const Request& request) {
  Json json = of_kind(Kind::kObject);
  put(json, "method", of_bytes(request.method));
  put(json, "path", of_bytes(request.path));
  std::vector<Json> headers;
  for (const auto& [name, value] : request.headers)
    headers.push_back(of_list({of_bytes(name), of_bytes(value)}));
  if (!headers.empty()) put(json, "headers", of_list(std::move(headers)));
  if (request.has_body) put(json, "body", of_bytes(request.body));
  if (request.timeout) put(json, "timeout_ns", of_number(request.timeout->count()));
  if (request.redirects_max) put(json, "redirects", of_number(*request.redirects_max));
  if (!(request.tls == TlsSettings{})) put(json, "tls", of_tls(request.tls));
  if (!(request.http == HttpSettings{})) put(json, "http", of_http(request.http));
  if (!request.source.kind.empty()) {
    put(json, "source", of_text(request.source.kind));
    Json parameters = of_kind(Kind::kObject);
    for (const auto& [name, value] : request.source.parameters) {
      if (!name.starts_with(kWritten)) put(parameters, name, of_bytes(value));
    }
    put(json, "parameters", std::move(parameters));
  }
  if (!request.checks.empty()) put(json, "checks", of_checks(request.checks));
  std::vector<Json> steps;
  for (const Step& step : request.steps) steps.push_back(of_step(step));
  if (!steps.empty()) put(json, "steps", of_list(std::move(steps)));
  if (request.digest) {
    Json digest = of_list({of_bytes(request.digest->user), of_bytes(request.digest->password),
                           of_flag(request.digest->keep)});
    put(json, "digest", std::move(digest));
  }
  if (request.keep_cookies) put(json, "keep_cookies", of_flag(true));
  if (request.traceparent)
    put(json, "traceparent", of_text(fmt::format("{:.15f}", *request.traceparent)));
  if (request.ok) put(json, "ok", of_text(request.ok->to_text()));
  if (request.like_requests) put(json, "like_requests", of_flag(true));
  if (request.cookies_by_name) put(json, "cookies_by_name", of_flag(true));
  return json;
}

// The first thing that can't be is what it says.
class DescriptionReader {
 public:
  Request request(const Json& json, bool is_step);
  Result<void> end() { return trouble_ ? Result<void>(*trouble_) : Result<void>(); }
  void fail(std::string_view key, std::string why) {
    if (trouble_) return;
    trouble_ = Error{ErrorCode::kCorrupt, "a client's requests can't be read", std::string(key),
                     std::move(why), "is the controller of the same version?"};
  }

 private:
  bool is(const Json& json, Kind kind, std::string_view key) {
    if (json.kind == kind) return true;
    fail(key, fmt::format("it is {}", wire::kind_name(json.kind)));
    return false;
  }
  std::string bytes(const Json& json, std::string_view key);
  bool flag(const Json& json, std::string_view key) {
    return is(json, Kind::kBoolean, key) && json.boolean;
  }
  std::int64_t number(const Json& json, std::string_view key, std::int64_t least,
                      std::int64_t most);
  // Calls take(key, value) for each of an object's; false: it doesn't know the key.
  template <class F>
  void each(const Json& json, std::string_view what, F&& take) {
    if (!is(json, Kind::kObject, what)) return;
    for (std::size_t i = 0; i < json.keys.size(); ++i) {
      if (!take(json.keys[i], json.items[i])) fail(json.keys[i], "it isn't known here");
    }
  }
  // Of lists of so many each.
  template <class F>
  void each_row(const Json& json, std::string_view what, std::size_t size, F&& take) {
    if (!is(json, Kind::kArray, what)) return;
    for (const Json& row : json.items) {
      if (row.kind != Kind::kArray || row.items.size() != size)
        return fail(what, fmt::format("it isn't a list of lists of {}", size));
      take(row.items);
    }
  }
  TlsSettings tls(const Json& json);
  HttpSettings http(const Json& json);
  std::vector<CheckSpec> checks(const Json& json);
  Step step(const Json& json);
  void take_headers(const Json& json, Request& into);
  bool take(const std::string& key, const Json& value, Request& into);
  bool take_settings(const std::string& key, const Json& value, Request& into);
  bool take_source(const std::string& key, const Json& value, Request& into);
  void check(const Request& request, bool is_step);

  std::optional<Error> trouble_;
};

std::string DescriptionReader::bytes(const Json& json, std::string_view key) {
  if (json.kind == Kind::kText) return json.text;
  const Json* const coded = wire::find(json, kBase64);
  if (coded && coded->kind == Kind::kText && json.items.size() == 1) {
    if (auto read = wire::from_base64(coded->text)) return std::move(*read);
  }
  fail(key, "it isn't a text");
  return {};
}

std::int64_t DescriptionReader::number(const Json& json, std::string_view key, std::int64_t least,
                                       std::int64_t most) {
  if (!is(json, Kind::kInteger, key)) return least;
  const auto value = parse_integer(json.text);
  if (value && *value >= least && *value <= most) return *value;
  fail(key, fmt::format("it isn't a number from {} to {}", least, most));
  return least;
}

constexpr std::int64_t kCountMax = 0xffff'ffff;
constexpr std::int64_t kTimeMax = std::int64_t{1} << 60;  // ns

TlsSettings DescriptionReader::tls(const Json& json) {
  TlsSettings tls;
  each(json, "tls", [&](const std::string& key, const Json& value) {
    if (key == "verify")
      tls.verify = flag(value, key);
    else if (key == "ca_file")
      tls.ca_file = bytes(value, key);
    else if (key == "crl_file")
      tls.crl_file = bytes(value, key);
    else if (key == "certificate_file")
      tls.certificate_file = bytes(value, key);
    else if (key == "key_file")
      tls.key_file = bytes(value, key);
    else if (key == "version_min")
      tls.version_min = static_cast<int>(number(value, key, 2, 3));
    else if (key == "resume")
      tls.resume = flag(value, key);
    else
      return false;
    return true;
  });
  return tls;
}

HttpSettings DescriptionReader::http(const Json& json) {
  HttpSettings http;
  each(json, "http", [&](const std::string& key, const Json& value) {
    if (key == "version")
      http.version = static_cast<int>(number(value, key, 1, 2));
    else if (key == "prior_knowledge")
      http.prior_knowledge = flag(value, key);
    else if (key == "streams")
      http.streams = static_cast<std::uint32_t>(number(value, key, 0, kCountMax));
    else if (key == "connections")
      http.connections = static_cast<std::uint32_t>(number(value, key, 0, kCountMax));
    else if (key == "keep_alive")
      http.keep_alive = flag(value, key);
    else
      return false;
    return true;
  });
  return http;
}

std::vector<CheckSpec> DescriptionReader::checks(const Json& json) {
  std::vector<CheckSpec> checks;
  if (!is(json, Kind::kArray, "checks")) return checks;
  for (const Json& one : json.items) {
    CheckSpec& check = checks.emplace_back();
    each(one, "checks", [&](const std::string& key, const Json& value) {
      if (key == "name") {
        check.name = bytes(value, key);
        return true;
      }
      if (key != "conditions") return false;
      if (!is(value, Kind::kArray, key)) return true;
      for (const Json& condition : value.items) check.conditions.push_back(bytes(condition, key));
      return true;
    });
  }
  return checks;
}

Step DescriptionReader::step(const Json& json) {
  Step step;
  each(json, "steps", [&](const std::string& key, const Json& value) {
    if (key == "name")
      step.name = bytes(value, key);
    else if (key == "request")
      step.request = request(value, true);
    else if (key == "takes")
      each_row(value, key, 2, [&](const std::vector<Json>& row) {
        step.takes.push_back({bytes(row[0], "takes"), bytes(row[1], "takes")});
      });
    else if (key == "pause_ns")
      step.pause = Duration{number(value, key, 0, kTimeMax)};
    else if (key == "drawn_pause")
      step.drawn_pause = bytes(value, key);
    else
      return false;
    return true;
  });
  return step;
}

void DescriptionReader::take_headers(const Json& json, Request& into) {
  each_row(json, "headers", 2, [&](const std::vector<Json>& row) {
    into.headers.emplace_back(bytes(row[0], "headers"), bytes(row[1], "headers"));
    const auto& [name, value] = into.headers.back();
    if (!wire::http1::is_token(name) || !wire::http1::is_header_value(value))
      fail("headers", "one of them can't be sent");
  });
}

bool DescriptionReader::take_settings(const std::string& key, const Json& value, Request& into) {
  if (key == "timeout_ns")
    into.timeout = Duration{number(value, key, 1, kTimeMax)};
  else if (key == "redirects")
    into.redirects_max = static_cast<std::uint32_t>(number(value, key, 0, kCountMax));
  else if (key == "tls")
    into.tls = tls(value);
  else if (key == "http")
    into.http = http(value);
  else if (key == "keep_cookies")
    into.keep_cookies = flag(value, key);
  else if (key == "like_requests")
    into.like_requests = flag(value, key);
  else if (key == "cookies_by_name")
    into.cookies_by_name = flag(value, key);
  else
    return false;
  return true;
}

bool DescriptionReader::take_source(const std::string& key, const Json& value, Request& into) {
  if (key == "source")
    into.source.kind = bytes(value, key);
  else if (key == "parameters")
    each(value, key, [&](const std::string& name, const Json& of) {
      into.source.parameters[name] = bytes(of, name);
      return true;
    });
  else if (key == "checks")
    into.checks = checks(value);
  else
    return false;
  return true;
}

bool DescriptionReader::take(const std::string& key, const Json& value, Request& into) {
  if (take_settings(key, value, into) || take_source(key, value, into)) return true;
  if (key == "method") {
    into.method = bytes(value, key);
  } else if (key == "path") {
    into.path = bytes(value, key);
  } else if (key == "headers") {
    take_headers(value, into);
  } else if (key == "body") {
    into.body = bytes(value, key);
    into.has_body = true;
  } else if (key == "digest") {
    if (value.kind != Kind::kArray || value.items.size() != 3) return false;
    into.digest = DigestUser{bytes(value.items[0], key), bytes(value.items[1], key),
                             flag(value.items[2], key)};
  } else if (key == "ok") {
    const auto ok = wire::StatusSet::parse(bytes(value, key));
    if (!ok.ok()) return false;
    into.ok = *ok;
  } else if (key == "traceparent") {
    const auto share = parse_traceparent_share(bytes(value, key));
    if (!share.ok()) return false;
    into.traceparent = *share;
  } else if (key == "steps") {
    if (!is(value, Kind::kArray, key)) return true;
    if (value.items.size() > kStepsMax) fail(key, "they are too many");
    for (const Json& one : value.items) into.steps.push_back(step(one));
  } else {
    return false;
  }
  return true;
}

// What would be another request on its way, or none.
void DescriptionReader::check(const Request& request, bool is_step) {
  if (!wire::http1::is_token(request.method)) fail("method", "it can't be sent");
  const auto stands = [](char c) { return c > ' ' && c < 0x7f; };
  if (!request.path.starts_with('/') ||
      !std::all_of(request.path.begin(), request.path.end(), stands))
    fail("path", "it can't be sent");
  if (is_step && (!request.steps.empty() || !request.source.kind.empty()))
    fail("steps", "a step has none");
}

Request DescriptionReader::request(const Json& json, bool is_step) {
  Request request;
  // A step in a step can't be, and isn't read: nothing here goes deeper than the text does.
  each(json, "request", [&](const std::string& key, const Json& value) {
    return (!is_step || key != "steps") && take(key, value, request);
  });
  check(request, is_step);
  return request;
}

// The mark with that file in place of its own.
std::string mark_of(const MarkMeaning& meaning, const std::string& path) {
  const bool plain = meaning.call.kind == TemplateCall::Kind::file;
  return fmt::format("{}{}{} {}", static_cast<char>(meaning.fit), meaning.call.raw ? "raw " : "",
                     plain ? "file" : "base64", quoted_word(path));
}

Result<void> replace_marks(SourceSpec& source, const ReplaceContent& replace) {
  for (auto& [name, value] : source.parameters) {
    if (!name.starts_with(kMark)) continue;
    const MarkMeaning meaning = TRY(meaning_of(name.substr(kMark.size()), source.parameters));
    if (meaning.call.kind != TemplateCall::Kind::file &&
        meaning.call.kind != TemplateCall::Kind::base64)
      continue;
    const std::string& path = meaning.call.words.front().text;
    value = mark_of(meaning, TRY(replace(path, true)));
  }
  return {};
}

// Bodies that the targets name, which their receiver can't look for beside the file.
Result<void> name_bodies(SourceSpec& source) {
  const auto folder = source.parameters.find("folder");
  if (folder == source.parameters.end()) return {};
  for (auto& [name, path] : TRY(bodies_of_targets(source.parameters[kFile], folder->second)))
    source.parameters[kBodyOfTarget + name] = std::move(path);
  source.parameters.erase("folder");
  return {};
}

Result<void> replace_file(SourceSpec& source, const char* parameter,
                          const ReplaceContent& replace) {
  const auto found = source.parameters.find(parameter);
  if (found == source.parameters.end()) return {};
  const std::string path = found->second;
  found->second = TRY(replace(path, false));
  source.parameters.try_emplace(kCalled, path);
  return {};
}

}  // namespace

bool needs_description(const Request& request) {
  if (!request.checks.empty() || !request.steps.empty()) return true;
  return !request.source.kind.empty() && !has_app(request);
}

std::string encode_description(const Request& request) {
  Json json = of_request(request);
  json.keys.insert(json.keys.begin(), "version");
  json.items.insert(json.items.begin(), of_number(kDescriptionVersion));
  return wire::to_text(json);
}

Result<Request> decode_description(std::string_view text) {
  Json json = TRY(wire::parse_json(text));
  DescriptionReader reader;
  const Json* const version = wire::find(json, "version");
  if (!version || version->kind != Kind::kInteger ||
      version->text != std::to_string(kDescriptionVersion))
    reader.fail("version", fmt::format("it isn't {}", kDescriptionVersion));
  TRY(reader.end());
  const auto place = static_cast<std::size_t>(version - json.items.data());
  json.keys.erase(json.keys.begin() + static_cast<std::ptrdiff_t>(place));
  json.items.erase(json.items.begin() + static_cast<std::ptrdiff_t>(place));
  Request request = reader.request(json, false);
  TRY(reader.end());
  return request;
}

Result<void> each_content(Request& request, const ReplaceContent& replace) {
  SourceSpec& source = request.source;
  const bool is_listed = source.kind == "replay" || source.kind == "targets";
  TRY(replace_marks(source, replace));
  if (!is_listed) return replace_file(source, kDataFile, replace);
  if (source.kind == "targets") TRY(name_bodies(source));
  for (auto& [name, value] : source.parameters) {
    if (name.starts_with(kBodyOfTarget)) value = TRY(replace(value, false));
  }
  return replace_file(source, kFile, replace);
}

std::string called(const SourceSpec& source, const char* parameter) {
  for (const char* name : {kCalled, parameter}) {
    const auto found = source.parameters.find(name);
    if (found != source.parameters.end()) return found->second;
  }
  return {};
}

}  // namespace galileo::load
