#include "load/request_parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "load/http_parameters.h"
#include "load/json_value.h"
#include "load/multipart.h"
#include "wire/http1.h"
#include "wire/uri.h"

namespace galileo::load {
namespace {

using Kind = JsonValue::Kind;
using Path = std::vector<std::string>;

constexpr double kTimeoutMax_s = 1e9;

const std::vector<std::string>& known_arguments() {
  static const std::vector<std::string> names{
      "data",   "json",    "headers", "params", "timeout", "auth", "allow_redirects",
      "verify", "cookies", "files",   "stream", "hooks",   "cert", "proxies",
      "tls",    "http"};
  return names;
}

using wire::http1::is_header_value;
using wire::http1::is_token;

// What Python takes for false: then an argument counts as not given.
bool is_falsy(const JsonValue& value) {
  switch (value.kind) {
    case Kind::kNull:
      return true;
    case Kind::kBoolean:
      return !value.boolean;
    case Kind::kInteger:
      return value.text == "0";
    case Kind::kFloat:
      return value.number == 0;
    case Kind::kText:
      return value.text.empty();
    default:
      return value.items.empty();
  }
}

// What kind of value it is, for a message: "'text'", "a list".
std::string kind_text(const JsonValue& value) {
  switch (value.kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
    default:
      break;
  }
  const std::string text = to_python_text(value);
  return text.size() > 60 ? "a text" : fmt::format("'{}'", text);
}

// UTF-8 as Latin-1, as far as it goes: what the old client made of a user and password. A text with
// other characters, which it refused, stays as it is.
std::string to_latin1(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      bytes += text[i];
    } else if ((byte == 0xc2 || byte == 0xc3) && i + 1 < text.size()) {
      bytes +=
          static_cast<char>(((byte & 3u) << 6) | (static_cast<unsigned char>(text[++i]) & 63u));
    } else {
      return text;
    }
  }
  return bytes;
}

class Reader {
 public:
  explicit Reader(const JsonValue& parameters) : parameters_(parameters) {}

  RequestReading read();

 private:
  // An argument that isn't null: one that may be false.
  const JsonValue* value_of(std::string_view name) const {
    const JsonValue* value = kwargs_ ? kwargs_->find(name) : nullptr;
    return value && value->kind != Kind::kNull ? value : nullptr;
  }
  // An argument that is given; false is as good as none.
  const JsonValue* argument(std::string_view name) const {
    const JsonValue* value = value_of(name);
    return value && (value->kind != Kind::kBoolean || value->boolean) ? value : nullptr;
  }
  void fault(Path path, std::string subject, std::string why, std::string hint = {}) {
    reading_.faults.push_back(
        {std::move(path), false, std::move(subject), std::move(why), std::move(hint)});
  }
  // The argument of that name is wrong as a whole.
  void wrong(const char* name, std::string why, std::string hint = {}) {
    fault({"kwargs", name}, fmt::format("kwargs.{}", name), std::move(why), std::move(hint));
  }
  void wrong_type(const char* name, const JsonValue& value, std::string_view wanted) {
    wrong(name, fmt::format("must be {}, not {}", wanted, kind_text(value)));
  }
  bool given(std::string_view header) const {
    return std::any_of(
        reading_.request.headers.begin(), reading_.request.headers.end(),
        [&](const auto& h) { return wire::http1::equals_ignoring_case(h.first, header); });
  }

  void check_arguments();
  std::string top_text(const char* name, std::string_view otherwise);
  void read_method();
  void read_path();
  void read_headers();
  void read_header(const std::string& name, const JsonValue& value, Path of_name, Path of_value);
  void read_body();
  void read_multipart(const JsonValue& files, const JsonValue* data);
  void add_fields(std::vector<Part>& parts, const JsonValue& data);
  void add_file(std::vector<Part>& parts, const Path& path, const JsonValue& name,
                const JsonValue& file);
  void add_file_headers(Part& part, const Path& path, const JsonValue& headers);
  void read_verify();
  void read_certificate();
  void read_tls();
  void read_http();
  void read_proxies();
  void read_auth();
  void read_cookies();
  void read_timeout();
  std::optional<bool> read_boolean(const char* name);
  static std::optional<bool> boolean_of(const JsonValue& value);
  // "a=1&b=2" as forms and queries have it, of a map (whose lists repeat their key) or of a list
  // of pairs. What is null is left out.
  std::string form(const char* name, const JsonValue& value);
  void add_values(std::string& out, const char* name, const Path& path, const std::string& key,
                  const JsonValue& value);
  void add_value(std::string& out, const char* name, Path path, const std::string& key,
                 const JsonValue& value);

  const JsonValue& parameters_;
  const JsonValue* kwargs_ = nullptr;
  RequestReading reading_;
};

RequestReading Reader::read() {
  if (parameters_.kind == Kind::kNull) return std::move(reading_);
  if (parameters_.kind != Kind::kMap) {
    fault({}, "parameters", fmt::format("must be a map, not {}", kind_text(parameters_)));
    return std::move(reading_);
  }
  check_arguments();
  read_method();
  read_path();
  read_headers();
  read_body();
  read_auth();
  read_cookies();
  read_timeout();
  if (const auto follow = read_boolean("allow_redirects"))
    reading_.request.redirects_max = *follow ? kRedirectsFollowed : 0u;
  read_verify();
  read_certificate();
  read_tls();
  read_http();
  read_proxies();
  return std::move(reading_);
}

// A text that is neither yes nor no is a file or folder of authorities.
void Reader::read_verify() {
  const JsonValue* verify = value_of("verify");
  if (!verify) return;
  TlsSettings& tls = reading_.request.tls;
  if (is_falsy(*verify))
    tls.verify = false;
  else if (const auto said = boolean_of(*verify))
    tls.verify = *said;
  else if (verify->kind == Kind::kText)
    tls.ca_file = verify->text;
  else
    wrong_type("verify", *verify, "true, false, or a file of authorities");
}

void Reader::read_certificate() {
  const JsonValue* cert = argument("cert");
  if (!cert || is_falsy(*cert)) return;
  TlsSettings& tls = reading_.request.tls;
  const auto is_path = [](const JsonValue& value) { return value.kind == Kind::kText; };
  if (is_path(*cert)) {
    tls.certificate_file = cert->text;
  } else if (cert->kind == Kind::kList && cert->items.size() == 2 && is_path(cert->items[0]) &&
             (is_path(cert->items[1]) || cert->items[1].kind == Kind::kNull)) {
    tls.certificate_file = cert->items[0].text;
    if (is_path(cert->items[1])) tls.key_file = cert->items[1].text;
  } else {
    wrong_type("cert", *cert, "a path, or a pair [path, key]");
  }
}

// Ours, which requests hasn't.
void Reader::read_tls() {
  const JsonValue* tls = argument("tls");
  if (!tls) return;
  if (tls->kind != Kind::kMap) return wrong_type("tls", *tls, "a map");
  static const std::vector<std::string> known{"min_version", "resume", "crl"};
  for (std::size_t i = 0; i < tls->keys.size(); ++i) {
    const std::string& key = tls->keys[i];
    const JsonValue& value = tls->items[i];
    const auto must = [&](const char* what) {
      fault({"kwargs", "tls", key}, fmt::format("kwargs.tls.{}", key),
            fmt::format("must be {}, not {}", what, kind_text(value)));
    };
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      reading_.faults.push_back({{"kwargs", "tls", key},
                                 true,
                                 {},
                                 fmt::format("unknown key '{}'", key),
                                 hint_for_unknown(key, known)});
    } else if (value.kind == Kind::kNull) {
      continue;
    } else if (key == "crl") {
      if (value.kind == Kind::kText)
        reading_.request.tls.crl_file = value.text;
      else
        must("a file of revoked certificates");
    } else if (key == "resume") {
      if (const auto said = boolean_of(value))
        reading_.request.tls.resume = *said;
      else
        must("true or false");
    } else if (const std::string version = value.is_scalar() ? to_python_text(value) : "";
               version == "1.2" || version == "1.3") {
      reading_.request.tls.version_min = version == "1.3" ? 3 : 2;
    } else {
      must("1.2 or 1.3");
    }
  }
  if (!reading_.request.tls.crl_file.empty() && !reading_.request.tls.verify)
    fault({"kwargs", "tls", "crl"}, "kwargs.tls.crl",
          "is for certificates that are verified, which 'verify' says no to",
          "leave one of them out");
}

void Reader::read_http() {
  const JsonValue* http = argument("http");
  if (!http) return;
  for (HttpFault& one : read_http_settings(*http, reading_.request.http)) {
    Path path{"kwargs", "http"};
    if (!one.key.empty()) path.push_back(one.key);
    std::string subject = one.of_key        ? ""
                          : one.key.empty() ? "kwargs.http"
                                            : "kwargs.http." + one.key;
    reading_.faults.push_back(
        {std::move(path), one.of_key, std::move(subject), std::move(one.why), std::move(one.hint)});
  }
}

// `stream` and `hooks` have no effect on what is sent.
void Reader::read_proxies() {
  const JsonValue* proxies = argument("proxies");
  if (!proxies || is_falsy(*proxies)) return;
  // {"http": null} is how a script says that there is to be none.
  if (proxies->kind == Kind::kMap &&
      std::all_of(proxies->items.begin(), proxies->items.end(), is_falsy))
    return;
  wrong("proxies", "can't be used: requests go to the service's hosts, not through a proxy",
        "leave it out, or set a route to the proxy");
}

void Reader::check_arguments() {
  const JsonValue* kwargs = parameters_.find("kwargs");
  if (!kwargs || kwargs->kind == Kind::kNull) return;
  if (kwargs->kind != Kind::kMap)
    return fault({"kwargs"}, "kwargs", fmt::format("must be a map, not {}", kind_text(*kwargs)));
  kwargs_ = kwargs;
  const std::vector<std::string>& known = known_arguments();
  for (const std::string& key : kwargs->keys) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    reading_.faults.push_back({{"kwargs", key},
                               true,
                               {},
                               fmt::format("unknown argument '{}'", key),
                               hint_for_unknown(key, known)});
  }
}

// A text beside kwargs.
std::string Reader::top_text(const char* name, std::string_view otherwise) {
  const JsonValue* value = parameters_.find(name);
  if (!value || value->kind == Kind::kNull) return std::string(otherwise);
  if (value->is_scalar()) return to_python_text(*value);
  fault({name}, name, fmt::format("must be a text, not {}", kind_text(*value)));
  return std::string(otherwise);
}

void Reader::read_method() {
  std::string& method = reading_.request.method;
  method = top_text("method", "get");
  for (char& c : method) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  if (!is_token(method) || method == "CONNECT")
    fault({"method"}, "method", fmt::format("can't be '{}'", method), "use get, post, put, ...");
}

void Reader::read_path() {
  Request& request = reading_.request;
  const std::string path = top_text("path", "/");
  if (!is_header_value(path)) fault({"path"}, "path", "has a control character");
  request.path = wire::request_target(path);
  const JsonValue* params = argument("params");
  if (!params) return;
  const std::string query =
      params->is_scalar() ? wire::encode_path(to_python_text(*params)) : form("params", *params);
  if (query.empty()) return;
  request.path += request.path.find('?') == std::string::npos ? "?" : "&";
  request.path += query;
}

std::string Reader::form(const char* name, const JsonValue& value) {
  std::string out;
  for (std::size_t i = 0; i < value.keys.size(); ++i)
    add_values(out, name, {"kwargs", name, value.keys[i]}, value.keys[i], value.items[i]);
  if (value.kind != Kind::kList) return out;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    const JsonValue& pair = value.items[i];
    const Path path{"kwargs", name, std::to_string(i)};
    if (pair.kind == Kind::kList && pair.items.size() == 2 && pair.items[0].is_scalar() &&
        pair.items[0].kind != Kind::kNull) {
      Path of_value = path;
      of_value.emplace_back("1");
      add_values(out, name, of_value, to_python_text(pair.items[0]), pair.items[1]);
    } else {
      fault(
          path, fmt::format("kwargs.{}", name),
          fmt::format("must be a map, or a list of pairs [name, value], not {}", kind_text(pair)));
    }
  }
  return out;
}

void Reader::add_values(std::string& out, const char* name, const Path& path,
                        const std::string& key, const JsonValue& value) {
  if (value.kind != Kind::kList) return add_value(out, name, path, key, value);
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    Path of_item = path;
    of_item.push_back(std::to_string(i));
    add_value(out, name, std::move(of_item), key, value.items[i]);
  }
}

void Reader::add_value(std::string& out, const char* name, Path path, const std::string& key,
                       const JsonValue& value) {
  if (value.kind == Kind::kNull) return;
  if (!value.is_scalar())
    return fault(std::move(path), fmt::format("kwargs.{}.{}", name, key),
                 fmt::format("must be a text or a list of texts, not {}", kind_text(value)));
  if (!out.empty()) out += '&';
  out += wire::encode_query(key) + "=" + wire::encode_query(to_python_text(value));
}

// A map; or a list of pairs, in which a name may be there several times.
void Reader::read_headers() {
  constexpr std::string_view kWanted = "a map of names and values";
  const JsonValue* headers = argument("headers");
  if (!headers) return;
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
    return wrong_type("headers", *headers, kWanted);
  for (std::size_t i = 0; i < headers->items.size(); ++i) {
    const JsonValue& pair = headers->items[i];
    const std::string number = std::to_string(i);
    read_header(to_python_text(pair.items[0]), pair.items[1], {"kwargs", "headers", number, "0"},
                {"kwargs", "headers", number, "1"});
  }
}

void Reader::read_header(const std::string& name, const JsonValue& value, Path of_name,
                         Path of_value) {
  if (value.kind == Kind::kNull) return;
  const std::string subject = fmt::format("kwargs.headers.{}", name);
  if (!is_token(name))
    reading_.faults.push_back(
        {std::move(of_name), true, {}, fmt::format("'{}' can't name a header", name), {}});
  if (!value.is_scalar())
    return fault(std::move(of_value), subject,
                 fmt::format("must be a text, not {}", kind_text(value)));
  const std::string text = to_python_text(value);
  if (!is_header_value(text)) fault(std::move(of_value), subject, "has a control character");
  reading_.request.headers.emplace_back(name, text);
}

// Data wins over JSON, as it did; data that is empty is none.
void Reader::read_body() {
  Request& request = reading_.request;
  const JsonValue* data = argument("data");
  if (data && is_falsy(*data)) data = nullptr;
  if (const JsonValue* files = argument("files"); files && !is_falsy(*files))
    return read_multipart(*files, data);
  const JsonValue* json = data ? nullptr : value_of("json");
  const char* type = nullptr;
  if (data && data->is_scalar()) {
    request.body = to_python_text(*data);
  } else if (data) {
    request.body = form("data", *data);
    type = "application/x-www-form-urlencoded";
  } else if (json) {
    request.body = to_python_json(*json);
    type = "application/json";
  }
  if (type && !given("content-type")) request.headers.emplace_back("Content-Type", type);
  request.has_body = data || json || (request.method != "GET" && request.method != "HEAD");
}

// Files as a form sends them: a map of names, or a list of pairs, each with a text or
// [file name, text, content type, headers]; fields of `data` come before them. JSON is none then.
void Reader::read_multipart(const JsonValue& files, const JsonValue* data) {
  std::vector<Part> parts;
  if (data) add_fields(parts, *data);
  JsonValue name;
  name.kind = Kind::kText;
  for (std::size_t i = 0; i < files.keys.size(); ++i) {
    name.text = files.keys[i];
    add_file(parts, {"kwargs", "files", name.text}, name, files.items[i]);
  }
  if (files.kind == Kind::kList) {
    for (std::size_t i = 0; i < files.items.size(); ++i) {
      const JsonValue& pair = files.items[i];
      const Path path{"kwargs", "files", std::to_string(i)};
      if (pair.kind == Kind::kList && pair.items.size() == 2 && pair.items[0].is_scalar())
        add_file(parts, path, pair.items[0], pair.items[1]);
      else
        fault(path, "kwargs.files", "must be a map, or a list of pairs [name, file]");
    }
  } else if (files.kind != Kind::kMap) {
    wrong_type("files", files, "a map of names and files");
  }
  Multipart made = make_multipart(parts);
  Request& request = reading_.request;
  request.body = std::move(made.body);
  request.has_body = true;
  if (!given("content-type"))
    request.headers.emplace_back("Content-Type", std::move(made.content_type));
}

void Reader::add_fields(std::vector<Part>& parts, const JsonValue& data) {
  const auto add = [&](const JsonValue& value, const std::string& name) {
    const std::vector<JsonValue> one{value};
    for (const JsonValue& item : value.kind == Kind::kList ? value.items : one) {
      if (item.kind == Kind::kNull) continue;
      if (!item.is_scalar())
        wrong("data", fmt::format("has no text at '{}', but {}", name, kind_text(item)));
      parts.push_back({name, std::nullopt, to_python_text(item), {}});
    }
  };
  for (std::size_t i = 0; i < data.keys.size(); ++i) add(data.items[i], data.keys[i]);
  if (data.kind == Kind::kMap) return;
  for (const JsonValue& pair : data.items) {
    if (pair.kind != Kind::kList || pair.items.size() != 2 || !pair.items[0].is_scalar())
      return wrong("data", "must be a map, or a list of pairs [name, value]");
    add(pair.items[1], to_python_text(pair.items[0]));
  }
  if (data.is_scalar())
    wrong("data", "must be a map beside files, not a text", "put its fields as names and values");
}

void Reader::add_file(std::vector<Part>& parts, const Path& path, const JsonValue& name,
                      const JsonValue& file) {
  const std::string subject = fmt::format("kwargs.files.{}", to_python_text(name));
  Part part;
  part.name = to_python_text(name);
  part.file_name = part.name;
  if (file.is_scalar()) {
    part.content = to_python_text(file);
    if (file.kind != Kind::kNull) parts.push_back(std::move(part));
    return;
  }
  const std::vector<JsonValue>& items = file.items;
  if (file.kind != Kind::kList || items.size() < 2 || items.size() > 4 || !items[0].is_scalar() ||
      !items[1].is_scalar())
    return fault(path, subject, "must be a text or [file name, text, content type]");
  part.file_name.reset();
  if (!is_falsy(items[0])) part.file_name = to_python_text(items[0]);
  part.content = to_python_text(items[1]);
  if (items.size() > 2 && !is_falsy(items[2])) {
    const std::string type = to_python_text(items[2]);
    if (!items[2].is_scalar() || !is_header_value(type))
      fault(path, subject, "has a content type that is none");
    part.headers.emplace_back("Content-Type", type);
  }
  if (items.size() > 3 && !is_falsy(items[3])) add_file_headers(part, path, items[3]);
  if (items[1].kind != Kind::kNull) parts.push_back(std::move(part));
}

void Reader::add_file_headers(Part& part, const Path& path, const JsonValue& headers) {
  const std::string subject = fmt::format("kwargs.files.{}", part.name);
  if (headers.kind != Kind::kMap) return fault(path, subject, "has headers that are no map");
  for (std::size_t i = 0; i < headers.keys.size(); ++i) {
    const std::string value = to_python_text(headers.items[i]);
    if (!is_token(headers.keys[i]) || !headers.items[i].is_scalar() || !is_header_value(value))
      fault(path, subject, fmt::format("has a header '{}' that is none", headers.keys[i]));
    part.headers.emplace_back(headers.keys[i], value);
  }
}

// A pair is a list here: JSON has no other.
void Reader::read_auth() {
  const JsonValue* auth = argument("auth");
  if (!auth) return;
  if (auth->kind != Kind::kList || auth->items.size() != 2 || !auth->items[0].is_scalar() ||
      !auth->items[1].is_scalar())
    return wrong("auth", "must be a pair: [user, password]");
  std::erase_if(reading_.request.headers, [](const auto& header) {
    return wire::http1::equals_ignoring_case(header.first, "authorization");
  });
  const std::string user = to_latin1(to_python_text(auth->items[0]));
  const std::string password = to_latin1(to_python_text(auth->items[1]));
  reading_.request.headers.emplace_back("Authorization",
                                        "Basic " + wire::base64(user + ":" + password));
}

void Reader::read_cookies() {
  const JsonValue* cookies = argument("cookies");
  if (!cookies) return;
  if (cookies->kind != Kind::kMap)
    return wrong_type("cookies", *cookies, "a map of names and values");
  std::string all;
  for (std::size_t i = 0; i < cookies->keys.size(); ++i) {
    const std::string& name = cookies->keys[i];
    const JsonValue& value = cookies->items[i];
    if (value.kind == Kind::kNull) continue;
    const std::string text = to_python_text(value);
    if (!value.is_scalar() || !is_token(name) || !is_header_value(text) ||
        text.find(';') != std::string::npos)
      fault({"kwargs", "cookies", name}, fmt::format("kwargs.cookies.{}", name), "is no cookie");
    all += fmt::format("{}{}={}", all.empty() ? "" : "; ", name, text);
  }
  if (!all.empty() && !given("cookie"))
    reading_.request.headers.emplace_back("Cookie", std::move(all));
}

// A number of seconds, or a duration in words.
void Reader::read_timeout() {
  const JsonValue* timeout = argument("timeout");
  if (!timeout) return;
  constexpr std::string_view kWanted = "a duration above 0";
  if (!timeout->is_scalar() || timeout->kind == Kind::kBoolean)
    return wrong_type("timeout", *timeout, kWanted);
  const std::string text = to_python_text(*timeout);
  const auto number = parse_number(text);
  Result<Duration> parsed = number && *number > 0 && *number < kTimeoutMax_s
                                ? Result<Duration>(seconds(*number))
                                : parse_duration(text);
  if (parsed.ok() && *parsed > Duration{0}) {
    reading_.request.timeout = *parsed;
    return;
  }
  wrong("timeout", fmt::format("must be {}, not {}", kWanted, kind_text(*timeout)),
        parsed.ok() ? std::string() : parsed.error().hint);
}

std::optional<bool> Reader::boolean_of(const JsonValue& value) {
  if (value.kind == Kind::kBoolean) return value.boolean;
  if (value.kind == Kind::kInteger) return !is_falsy(value);
  const std::string word = value.kind == Kind::kText ? to_lower(value.text) : "";
  if (word == "true" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "no" || word == "off") return false;
  return std::nullopt;
}

std::optional<bool> Reader::read_boolean(const char* name) {
  const JsonValue* value = value_of(name);
  if (!value) return std::nullopt;
  if (const auto said = boolean_of(*value)) return said;
  wrong_type(name, *value, "true or false");
  return std::nullopt;
}

}  // namespace

RequestReading read_request_parameters(std::string_view json) {
  if (trim(json).empty()) return {};
  const Result<JsonValue> parameters = parse_json(json);
  if (parameters.ok()) return Reader(*parameters).read();
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
