#include "load/request_parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/latin1.h"
#include "base/text.h"
#include "load/http_parameters.h"
#include "load/json_value.h"
#include "load/parameter_faults.h"
#include "load/request_body.h"
#include "load/request_identity.h"
#include "load/traceparent.h"
#include "wire/content_coding.h"
#include "wire/http1.h"
#include "wire/requests_url.h"
#include "wire/uri.h"

namespace galileo::load {
namespace {

using Kind = JsonValue::Kind;
using Path = ParameterFaults::Path;

constexpr double kTimeoutMax_s = 1e9;
// All that can be read, of a client that asks for compressed answers.
constexpr const char* kAllCodings = "gzip, deflate, br, zstd";

const std::vector<std::string>& known_arguments() {
  static const std::vector<std::string> names{
      "data",   "json",    "headers",    "params", "timeout",    "auth",       "allow_redirects",
      "verify", "cookies", "files",      "stream", "hooks",      "cert",       "proxies",
      "tls",    "http",    "compressed", "ok",     "as_written", "traceparent"};
  return names;
}

using wire::http1::equals_ignoring_case;
using wire::http1::is_header_value;
using wire::http1::is_token;

class Reader {
 public:
  Reader(const JsonValue& parameters, Writer writer) : parameters_(parameters), writer_(writer) {}

  RequestReading read();

 private:
  const JsonValue* value_of(std::string_view name) const { return arguments_.value_of(name); }
  const JsonValue* argument(std::string_view name) const { return arguments_.argument(name); }
  bool is_old() const { return writer_ == Writer::kOldClient; }

  void check_arguments();
  const JsonValue* arguments_named(const char* name);
  std::string top_text(const char* name, std::string_view otherwise);
  void read_method();
  void read_path();
  void read_headers();
  void read_header(const std::string& name, const JsonValue& value, Path of_name, Path of_value);
  void read_codings();
  void check_framing();
  void read_verify();
  void read_certificate();
  void read_tls();
  void read_http();
  void read_proxies();
  void read_timeout();
  std::optional<Duration> timeout_of(const JsonValue& value);
  void read_ok();
  void read_traceparent();
  std::optional<bool> read_boolean(const char* name);

  const JsonValue& parameters_;
  Writer writer_;
  Arguments arguments_;
  Request request_;
  ParameterFaults faults_;
  bool codings_left_out_ = false;  // the user wants no header Accept-Encoding
};

RequestReading Reader::read() {
  if (parameters_.kind == Kind::kMap) {
    check_arguments();
    if (read_boolean("as_written").value_or(false)) writer_ = Writer::kOurs;
    read_method();
    read_path();
    read_headers();
    read_body(arguments_, request_, faults_);
    check_framing();
    read_auth(arguments_, writer_, request_, faults_);
    read_cookies(arguments_, writer_, request_, faults_);
    read_timeout();
    if (const auto follow = read_boolean("allow_redirects"))
      request_.redirects_max = *follow ? kRedirectsFollowed : 0u;
    read_verify();
    read_certificate();
    read_tls();
    read_http();
    read_proxies();
    read_ok();
    read_traceparent();
  } else if (parameters_.kind != Kind::kNull) {
    faults_.add({}, "parameters", fmt::format("must be a map, not {}", kind_text(parameters_)));
  }
  read_codings();
  request_.like_requests = is_old();
  return {std::move(request_), faults_.take()};
}

// A text that is neither yes nor no is a file or folder of authorities.
void Reader::read_verify() {
  const JsonValue* verify = value_of("verify");
  if (!verify) return;
  TlsSettings& tls = request_.tls;
  if (is_falsy(*verify))
    tls.verify = false;
  else if (const auto said = boolean_of(*verify))
    tls.verify = *said;
  else if (verify->kind == Kind::kText)
    tls.ca_file = verify->text;
  else
    faults_.wrong_type("verify", *verify, "true, false, or a file of authorities");
}

void Reader::read_certificate() {
  const JsonValue* cert = argument("cert");
  if (!cert || is_falsy(*cert)) return;
  TlsSettings& tls = request_.tls;
  const auto is_path = [](const JsonValue& value) { return value.kind == Kind::kText; };
  if (is_path(*cert)) {
    tls.certificate_file = cert->text;
  } else if (cert->kind == Kind::kList && cert->items.size() == 2 && is_path(cert->items[0]) &&
             (is_path(cert->items[1]) || cert->items[1].kind == Kind::kNull)) {
    tls.certificate_file = cert->items[0].text;
    if (is_path(cert->items[1])) tls.key_file = cert->items[1].text;
  } else {
    faults_.wrong_type("cert", *cert, "a path, or a pair [path, key]");
  }
}

// Ours, which requests hasn't.
void Reader::read_tls() {
  const JsonValue* tls = argument("tls");
  if (!tls) return;
  if (tls->kind != Kind::kMap) return faults_.wrong_type("tls", *tls, "a map");
  static const std::vector<std::string> known{"min_version", "resume", "crl"};
  for (std::size_t i = 0; i < tls->keys.size(); ++i) {
    const std::string& key = tls->keys[i];
    const JsonValue& value = tls->items[i];
    const auto must = [&](const char* what) {
      faults_.add({"kwargs", "tls", key}, fmt::format("kwargs.tls.{}", key),
                  fmt::format("must be {}, not {}", what, kind_text(value)));
    };
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      faults_.of_key({"kwargs", "tls", key}, fmt::format("unknown key '{}'", key),
                     hint_for_unknown(key, known));
    } else if (value.kind == Kind::kNull) {
      continue;
    } else if (key == "crl") {
      if (value.kind == Kind::kText)
        request_.tls.crl_file = value.text;
      else
        must("a file of revoked certificates");
    } else if (key == "resume") {
      if (const auto said = boolean_of(value))
        request_.tls.resume = *said;
      else
        must("true or false");
    } else if (const std::string version = value.is_scalar() ? to_python_text(value) : "";
               version == "1.2" || version == "1.3") {
      request_.tls.version_min = version == "1.3" ? 3 : 2;
    } else {
      must("1.2 or 1.3");
    }
  }
  if (!request_.tls.crl_file.empty() && !request_.tls.verify)
    faults_.add({"kwargs", "tls", "crl"}, "kwargs.tls.crl",
                "is for certificates that are verified, which 'verify' says no to",
                "leave one of them out");
}

void Reader::read_http() {
  const JsonValue* http = argument("http");
  if (!http) return;
  for (HttpFault& one : read_http_settings(*http, request_.http)) {
    Path path{"kwargs", "http"};
    if (!one.key.empty()) path.push_back(one.key);
    std::string subject = one.key.empty() ? "kwargs.http" : "kwargs.http." + one.key;
    if (one.of_key)
      faults_.of_key(std::move(path), std::move(one.why), std::move(one.hint));
    else
      faults_.add(std::move(path), std::move(subject), std::move(one.why), std::move(one.hint));
  }
}

// `stream` and `hooks` have no effect on what is sent.
void Reader::read_proxies() {
  const JsonValue* proxies = argument("proxies");
  if (!proxies || is_falsy(*proxies)) return;
  // {"http": null} is how a script says that there is to be none; those of other schemes than ours
  // mean nothing.
  bool any = proxies->kind != Kind::kMap;
  for (std::size_t i = 0; i < proxies->keys.size(); ++i) {
    const std::string scheme = proxies->keys[i].substr(0, proxies->keys[i].find(':'));
    const bool counts = scheme == "http" || scheme == "https" || scheme == "all";
    any = any || (counts && !is_falsy(proxies->items[i]));
  }
  if (!any) return;
  faults_.wrong("proxies", "can't be used: requests go to the service's hosts, not through a proxy",
                "leave it out, or set a route to the proxy");
}

// Beside `kwargs`, which an old worker gives to requests as they are, `galileo` has arguments that
// only we know.
void Reader::check_arguments() {
  arguments_.kwargs = arguments_named("kwargs");
  arguments_.ours = arguments_named("galileo");
}

const JsonValue* Reader::arguments_named(const char* name) {
  const JsonValue* arguments = parameters_.find(name);
  if (!arguments || is_falsy(*arguments)) return nullptr;
  if (arguments->kind != Kind::kMap) {
    faults_.add({name}, name, fmt::format("must be a map, not {}", kind_text(*arguments)));
    return nullptr;
  }
  const std::vector<std::string>& known = known_arguments();
  for (const std::string& key : arguments->keys) {
    if (std::find(known.begin(), known.end(), key) == known.end())
      faults_.of_key({name, key}, fmt::format("unknown argument '{}'", key),
                     hint_for_unknown(key, known));
  }
  return arguments;
}

// A text beside kwargs.
std::string Reader::top_text(const char* name, std::string_view otherwise) {
  const JsonValue* value = parameters_.find(name);
  if (!value || value->kind == Kind::kNull) return std::string(otherwise);
  if (value->is_scalar()) return to_python_text(*value);
  faults_.add({name}, name, fmt::format("must be a text, not {}", kind_text(*value)));
  return std::string(otherwise);
}

void Reader::read_method() {
  std::string& method = request_.method;
  method = top_text("method", "get");
  for (char& c : method) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  if (!is_token(method) || method == "CONNECT")
    faults_.add({"method"}, "method", fmt::format("can't be '{}'", method),
                "use get, post, put, ...");
}

void Reader::read_path() {
  const std::string path = top_text("path", "/");
  const JsonValue* params = argument("params");
  if (params && is_falsy(*params)) params = nullptr;
  const bool is_text = params && params->is_scalar();
  std::string query = is_text  ? to_python_text(*params)
                      : params ? form_text("params", *params, faults_)
                               : std::string();
  if (is_old()) {
    request_.path = wire::requests_target(path, query);
    return;
  }
  if (!is_header_value(path)) faults_.add({"path"}, "path", "has a control character");
  request_.path = wire::written_target(path);
  if (query.empty()) return;
  request_.path += request_.path.find('?') == std::string::npos ? "?" : "&";
  request_.path += wire::written_target("/" + query).substr(1);
}

// A map; or a list of pairs, in which a name may be there several times.
void Reader::read_headers() {
  constexpr std::string_view kWanted = "a map of names and values";
  const JsonValue* headers = argument("headers");
  if (!headers || is_falsy(*headers)) return;
  if (headers->kind == Kind::kMap) {
    for (std::size_t i = 0; i < headers->keys.size(); ++i) {
      const std::string& name = headers->keys[i];
      read_header(name, headers->items[i], {"kwargs", "headers", name},
                  {"kwargs", "headers", name});
    }
    return;
  }
  const auto is_pair = [](const JsonValue& item) {
    return item.kind == Kind::kList && item.items.size() == 2 && item.items[0].is_scalar();
  };
  if (headers->kind != Kind::kList ||
      !std::all_of(headers->items.begin(), headers->items.end(), is_pair))
    return faults_.wrong_type("headers", *headers, kWanted);
  for (std::size_t i = 0; i < headers->items.size(); ++i) {
    const JsonValue& pair = headers->items[i];
    const std::string number = std::to_string(i);
    read_header(to_python_text(pair.items[0]), pair.items[1], {"kwargs", "headers", number, "0"},
                {"kwargs", "headers", number, "1"});
  }
}

// Of two names that differ in their letters' case only the last one's value goes where the first
// one stood: so requests' own map of headers has it. A list of pairs is ours, and keeps both.
void Reader::read_header(const std::string& name, const JsonValue& value, Path of_name,
                         Path of_value) {
  if (value.kind == Kind::kNull) {
    codings_left_out_ = codings_left_out_ || equals_ignoring_case(name, "accept-encoding");
    return;
  }
  const std::string subject = fmt::format("kwargs.headers.{}", name);
  if (!is_token(name))
    faults_.of_key(std::move(of_name), fmt::format("'{}' can't name a header", name));
  if (!value.is_scalar())
    return faults_.add(std::move(of_value), subject,
                       fmt::format("must be a text, not {}", kind_text(value)));
  std::string text = to_python_text(value);
  if (!is_header_value(text)) faults_.add(std::move(of_value), subject, "has a control character");
  if (is_old()) text = latin1_of_utf8(text);
  if (is_old() && argument("headers")->kind == Kind::kMap) {
    for (auto& [other, its] : request_.headers) {
      if (!equals_ignoring_case(other, name)) continue;
      other = name;
      its = std::move(text);
      return;
    }
  }
  request_.headers.emplace_back(name, std::move(text));
}

// An old client always takes compressed answers, ours where they say so: it decides how much of its
// CPU the server spends on that.
void Reader::read_codings() {
  const bool compressed = read_boolean("compressed").value_or(false);
  if (has_header(request_, "accept-encoding")) return;
  if (compressed)
    request_.headers.emplace_back("Accept-Encoding", kAllCodings);
  else if (is_old())
    request_.headers.emplace_back("Accept-Encoding", codings_left_out_
                                                         ? std::string("identity")
                                                         : std::string(wire::kAcceptedCodings));
}

// A body goes out with its own length, whatever a header says of it. Both framings at once is how
// requests are smuggled past a proxy.
void Reader::check_framing() {
  if (has_header(request_, "transfer-encoding"))
    faults_.add({"kwargs", "headers", "Transfer-Encoding"}, "kwargs.headers.Transfer-Encoding",
                "can't be given: a body goes out with its length", "leave it out");
  std::erase_if(request_.headers, [&](const auto& header) {
    return equals_ignoring_case(header.first, "content-length") &&
           (request_.has_body || header.second != "0");
  });
}

// A number of seconds, or a duration in words. A pair is requests' time-outs of connecting and of
// each read: together they bound the whole answer here.
void Reader::read_timeout() {
  const JsonValue* timeout = argument("timeout");
  if (!timeout) return;
  if (timeout->kind != Kind::kList || timeout->items.size() != 2) {
    request_.timeout = timeout_of(*timeout);
    return;
  }
  std::optional<Duration> sum = Duration{0};
  for (const JsonValue& part : timeout->items) {
    const auto own = part.kind == Kind::kNull ? std::nullopt : timeout_of(part);
    sum = own && sum ? std::optional(*sum + *own) : std::nullopt;
  }
  request_.timeout = sum;
}

// None where it can't be one, which is told.
std::optional<Duration> Reader::timeout_of(const JsonValue& value) {
  constexpr std::string_view kWanted = "a duration above 0";
  if (!value.is_scalar() || value.kind == Kind::kBoolean) {
    faults_.wrong_type("timeout", value, kWanted);
    return std::nullopt;
  }
  const std::string text = to_python_text(value);
  const auto number = parse_number(text);
  Result<Duration> parsed = number && *number > 0 && *number < kTimeoutMax_s
                                ? Result<Duration>(seconds(*number))
                                : parse_duration(text);
  if (parsed.ok() && *parsed > Duration{0}) return *parsed;
  faults_.wrong("timeout", fmt::format("must be {}, not {}", kWanted, kind_text(value)),
                parsed.ok() ? std::string() : parsed.error().hint);
  return std::nullopt;
}

// Ours: which statuses are a success. A text, or a list of them.
void Reader::read_ok() {
  const JsonValue* ok = argument("ok");
  if (!ok) return;
  std::string text = ok->is_scalar() ? to_python_text(*ok) : "";
  for (const JsonValue& item : ok->items) {
    if (ok->kind != Kind::kList || !item.is_scalar())
      return faults_.wrong("ok", "must be statuses", "as '2xx, 304', or a list of such");
    text += (text.empty() ? "" : ", ") + to_python_text(item);
  }
  auto statuses = wire::StatusSet::parse(text);
  if (statuses.ok())
    request_.ok = *statuses;
  else
    faults_.wrong("ok", statuses.error().what, statuses.error().hint);
}

// Ours: that each request says its trace, and which share is sampled.
void Reader::read_traceparent() {
  const JsonValue* said = argument("traceparent");
  if (!said) return;
  auto share = parse_traceparent_share(said->is_scalar() ? to_python_text(*said) : "");
  if (share.ok())
    request_.traceparent = *share;
  else
    faults_.wrong("traceparent", share.error().what, share.error().hint);
}

// What a script has is true by Python's rules; in a file the words count.
std::optional<bool> Reader::read_boolean(const char* name) {
  const JsonValue* value = value_of(name);
  if (!value) return std::nullopt;
  if (is_old() && std::string_view(name) == "allow_redirects") return !is_falsy(*value);
  if (const auto said = boolean_of(*value)) return said;
  faults_.wrong_type(name, *value, "true or false");
  return std::nullopt;
}

}  // namespace

RequestReading read_request_parameters(std::string_view json, Writer writer) {
  if (trim(json).empty()) json = "null";
  const Result<JsonValue> parameters = parse_json(json);
  if (parameters.ok()) return Reader(*parameters, writer).read();
  RequestReading reading;
  reading.faults.push_back({{}, true, {}, parameters.error().why, {}});
  return reading;
}

Result<Request> parse_request_parameters(std::string_view json) {
  RequestReading reading = read_request_parameters(json);
  if (reading.faults.empty()) return std::move(reading.request);
  RequestFault& fault = reading.faults.front();
  return Error{ErrorCode::kUsage, "the client's parameters can't be used", std::move(fault.subject),
               std::move(fault.why), std::move(fault.hint)};
}

}  // namespace galileo::load
