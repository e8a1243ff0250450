#include "experiment/file_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "wire/http1.h"
#include "wire/uri.h"

namespace galileo::experiment {
namespace {

using Json = nlohmann::json;

constexpr std::uint32_t kRedirectsFollowed = 30;  // of the old client

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// "0", "-12": digits that JSON takes as they are, however many.
bool is_json_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos &&
         (text[0] != '0' || text.size() == 1);
}

std::string json_string(const std::string& text) {
  return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::string scalar_json(const YamlNode& node) {
  const std::string& text = node.scalar;
  if (node.quoted) return json_string(text);
  if (is_one_of(text, {"true", "True", "TRUE"})) return "true";
  if (is_one_of(text, {"false", "False", "FALSE"})) return "false";
  if (is_json_integer(text)) return text;
  if (const auto number = parse_number(text)) return Json(*number).dump();
  return json_string(text);
}

// What RFC 9110 calls a token: a header's name, a method.
bool is_token(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), fits);
}

bool fits_in_header(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

bool given(const load::Request& request, std::string_view header) {
  return std::any_of(request.headers.begin(), request.headers.end(), [&](const auto& h) {
    return wire::http1::equals_ignoring_case(h.first, header);
  });
}

// Makes "a=1&b=2" as forms and queries have it, of a map (whose lists repeat their key) or of a
// list of pairs. What is null is left out.
class FormEncoder {
 public:
  FormEncoder(const Fields& fields, const char* key) : fields_(fields), key_(key) {}

  std::string encode(const YamlNode& node) {
    for (std::size_t i = 0; i < node.keys.size(); ++i) add_values(node.keys[i].text, node.items[i]);
    if (node.kind != YamlNode::Kind::kList) return std::move(text_);
    for (const YamlNode& pair : node.items) {
      if (pair.kind == YamlNode::Kind::kList && pair.items.size() == 2 &&
          pair.items[0].kind == YamlNode::Kind::kScalar)
        add_values(pair.items[0].scalar, pair.items[1]);
      else
        fields_.wrong_type(pair, key_, "a map, or a list of pairs [name, value]");
    }
    return std::move(text_);
  }

 private:
  void add_values(const std::string& name, const YamlNode& value) {
    if (value.kind == YamlNode::Kind::kList) {
      for (const YamlNode& item : value.items) add(name, item);
    } else {
      add(name, value);
    }
  }
  void add(const std::string& name, const YamlNode& value) {
    if (value.kind == YamlNode::Kind::kNull) return;
    if (value.kind != YamlNode::Kind::kScalar)
      return fields_.problems().add(value.place,
                                    fmt::format("{}.{} must be a text or a list of texts, not {}",
                                                fields_.where(key_), name, kind_text(value)));
    if (!text_.empty()) text_ += '&';
    text_ += wire::encode_query(name) + "=" + wire::encode_query(value.scalar);
  }

  const Fields& fields_;
  const char* const key_;
  std::string text_;
};

void read_path(const Fields& fields, load::Request& request) {
  std::string path = fields.text("path").value_or("/");
  if (!fits_in_header(path))
    fields.problems().add(fields.place("path"), fields.where("path") + " has a control character");
  if (path.empty() || path.front() != '/') path.insert(0, "/");
  request.path = wire::encode_path(path);
  const YamlNode* params = fields.find("params");
  if (!params) return;
  const std::string query = params->kind == YamlNode::Kind::kScalar
                                ? wire::encode_path(params->scalar)
                                : FormEncoder(fields, "params").encode(*params);
  if (query.empty()) return;
  request.path += request.path.find('?') == std::string::npos ? "?" : "&";
  request.path += query;
}

void read_headers(const Fields& fields, load::Request& request) {
  const YamlNode* headers = fields.find("headers");
  if (!headers) return;
  if (headers->kind != YamlNode::Kind::kMap)
    return fields.wrong_type(*headers, "headers", "a map of names and values");
  Problems& problems = fields.problems();
  for (std::size_t i = 0; i < headers->keys.size(); ++i) {
    const auto& [name, place] = headers->keys[i];
    const YamlNode& value = headers->items[i];
    if (value.kind == YamlNode::Kind::kNull) continue;
    if (!is_token(name)) problems.add(place, fmt::format("'{}' can't name a header", name));
    if (value.kind != YamlNode::Kind::kScalar)
      problems.add(value.place, fmt::format("{}.{} must be a text, not {}", fields.where("headers"),
                                            name, kind_text(value)));
    if (!fits_in_header(value.scalar))
      problems.add(value.place,
                   fmt::format("{}.{} has a control character", fields.where("headers"), name));
    request.headers.emplace_back(name, value.scalar);
  }
}

// Data wins over JSON, as it did.
void read_body(const Fields& fields, load::Request& request) {
  const YamlNode* data = fields.find("data");
  const YamlNode* json = fields.find("json");
  if (data && data->kind == YamlNode::Kind::kScalar && data->scalar.empty() && json) data = nullptr;
  const char* type = nullptr;
  if (data && data->kind == YamlNode::Kind::kScalar) {
    request.body = data->scalar;
  } else if (data) {
    request.body = FormEncoder(fields, "data").encode(*data);
    type = "application/x-www-form-urlencoded";
  } else if (json) {
    request.body = to_json_text(*json);
    type = "application/json";
  }
  if (type && !given(request, "content-type")) request.headers.emplace_back("Content-Type", type);
  request.has_body = data || json || (request.method != "GET" && request.method != "HEAD");
}

void read_auth(const Fields& fields, load::Request& request) {
  const auto pair = fields.words("auth");
  if (!pair) return;
  if (pair->size() != 2)
    return fields.problems().add(fields.place("auth"),
                                 fields.where("auth") + " must be a pair: [user, password]");
  std::erase_if(request.headers, [](const auto& header) {
    return wire::http1::equals_ignoring_case(header.first, "authorization");
  });
  request.headers.emplace_back("Authorization",
                               "Basic " + wire::base64((*pair)[0] + ":" + (*pair)[1]));
}

void read_cookies(const Fields& fields, load::Request& request) {
  const YamlNode* cookies = fields.find("cookies");
  if (!cookies) return;
  if (cookies->kind != YamlNode::Kind::kMap)
    return fields.wrong_type(*cookies, "cookies", "a map of names and values");
  std::string text;
  for (std::size_t i = 0; i < cookies->keys.size(); ++i) {
    const std::string& name = cookies->keys[i].text;
    const YamlNode& value = cookies->items[i];
    if (value.kind == YamlNode::Kind::kNull) continue;
    if (value.kind != YamlNode::Kind::kScalar || !is_token(name) || !fits_in_header(value.scalar) ||
        value.scalar.find(';') != std::string::npos)
      fields.problems().add(value.place,
                            fmt::format("{}.{} is no cookie", fields.where("cookies"), name));
    text += (text.empty() ? "" : "; ") + name + "=" + value.scalar;
  }
  if (!text.empty() && !given(request, "cookie"))
    request.headers.emplace_back("Cookie", std::move(text));
}

}  // namespace

std::string to_json_text(const YamlNode& node) {
  std::string text;
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "null";
    case YamlNode::Kind::kScalar:
      return scalar_json(node);
    case YamlNode::Kind::kList:
      for (const YamlNode& item : node.items)
        text += (text.empty() ? "" : ", ") + to_json_text(item);
      return "[" + text + "]";
    case YamlNode::Kind::kMap:
      for (std::size_t i = 0; i < node.keys.size(); ++i)
        text += (text.empty() ? "" : ", ") + json_string(node.keys[i].text) + ": " +
                to_json_text(node.items[i]);
      return "{" + text + "}";
  }
  return text;
}

load::Request read_request(Problems& problems, const YamlNode& node, const std::string& where) {
  const Fields fields(problems, node, where, MapKind::request);
  load::Request request;
  request.method = fields.text("method").value_or("get");
  for (char& c : request.method) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  if (!is_token(request.method) || request.method == "CONNECT")
    problems.add(fields.place("method"),
                 fmt::format("{} can't be '{}'", fields.where("method"), request.method),
                 "use get, post, put, ...");
  read_path(fields, request);
  read_headers(fields, request);
  read_body(fields, request);
  read_auth(fields, request);
  read_cookies(fields, request);
  request.timeout = fields.positive_duration("timeout");
  if (const auto follow = fields.boolean("allow_redirects"))
    request.redirects_max = *follow ? kRedirectsFollowed : 0u;
  // There is no TLS yet whose certificates could be looked at; files of the old system have it.
  static_cast<void>(fields.boolean("verify"));
  return request;
}

}  // namespace galileo::experiment
