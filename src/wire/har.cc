#include "wire/har.h"

#include <utility>

#include "base/text.h"
#include "wire/json.h"
#include "wire/uri.h"

namespace galileo::wire {
namespace {

using Kind = Json::Kind;

constexpr std::string_view kBoundary = "galileo-boundary-of-a-recorded-form-7Q4cXw2b";

std::string text_of(const Json& object, std::string_view key) {
  const Json* const value = find(object, key);
  return value && value->kind == Kind::kText ? value->text : std::string();
}

// Browsers differ in whether they write a form's values as they were sent, or as they are.
std::string form_text(const std::string& text) {
  std::size_t escapes = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() &&
        std::string_view(text).substr(i + 1, 2).find_first_not_of("0123456789abcdefABCDEF") ==
            std::string_view::npos)
      ++escapes;
  }
  const bool is_sent =
      escapes > 0 && encode_path(text) == text && text.find_first_of("&=#") == std::string::npos;
  return is_sent ? text : encode_query(text);
}

std::string form_of(const Json& params) {
  std::string body;
  for (const Json& one : params.items) {
    if (!body.empty()) body += '&';
    body += form_text(text_of(one, "name")) + "=" + form_text(text_of(one, "value"));
  }
  return body;
}

// A name as it stands between quotes.
std::string quoted(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (c == '"')
      made += "%22";
    else if (c == '\r' || c == '\n')
      made += c == '\r' ? "%0D" : "%0A";
    else
      made += c;
  }
  return "\"" + made + "\"";
}

std::string multipart_of(const Json& params) {
  std::string body;
  for (const Json& one : params.items) {
    ((body += "--") += kBoundary) += "\r\n";
    body += "Content-Disposition: form-data; name=" + quoted(text_of(one, "name"));
    if (const std::string file = text_of(one, "fileName"); !file.empty())
      body += "; filename=" + quoted(file);
    const std::string type = text_of(one, "contentType");
    if (!type.empty() && http1::is_header_value(type)) body += "\r\nContent-Type: " + type;
    body += "\r\n\r\n" + text_of(one, "value") + "\r\n";
  }
  return ((body += "--") += kBoundary) += "--\r\n";
}

void set_type(const std::string& type, RecordedRequest& into) {
  for (auto& [name, value] : into.headers) {
    if (!http1::equals_ignoring_case(name, "content-type")) continue;
    value = type;
    return;
  }
  into.headers.emplace_back("Content-Type", type);
}

bool has_type(const RecordedRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (http1::equals_ignoring_case(name, "content-type")) return true;
  }
  return false;
}

void take_body(const Json& data, RecordedRequest& into) {
  const std::string type = text_of(data, "mimeType");
  const Json* const text = find(data, "text");
  const Json* const params = find(data, "params");
  const bool has_params = params && params->kind == Kind::kArray && !params->items.empty();
  if (text && text->kind == Kind::kText && (!text->text.empty() || !has_params)) {
    into.body = text->text;
    if (text_of(data, "encoding") == "base64" || text_of(data, "_encoding") == "base64")
      into.body = from_base64(text->text).value_or(text->text);
    into.has_body = true;
  } else if (has_params) {
    const bool is_multipart = to_lower(type).starts_with("multipart/");
    into.body = is_multipart ? multipart_of(*params) : form_of(*params);
    into.has_body = true;
    if (is_multipart)
      return set_type("multipart/form-data; boundary=" + std::string(kBoundary), into);
  }
  if (into.has_body && !has_type(into) && !type.empty() && http1::is_header_value(type))
    set_type(type, into);
}

}  // namespace

RecordFault read_har_entry(std::string_view entry, RecordedRequest& into) {
  const auto json = parse_json(entry);
  const Json* const request = json.ok() ? find(*json, "request") : nullptr;
  if (!request || request->kind != Kind::kObject) return RecordFault::not_the_form;
  const LogTime time = read_log_time(text_of(*json, "startedDateTime"));
  if (time.at == kNoWall) return RecordFault::no_time;
  into.at = time.at;
  into.mark = TimeMark::kStart;
  if (const Json* const took = find(*json, "time")) into.took = read_log_duration(took->text, 1e-3);
  into.method = text_of(*request, "method");
  if (into.method.empty()) return RecordFault::no_request;
  if (!http1::is_token(into.method)) return RecordFault::no_http;
  const std::string url = text_of(*request, "url");
  if (url.find("://") == std::string::npos) return RecordFault::no_http;
  if (const RecordFault fault = take_target(url, into); fault != RecordFault::none) return fault;
  const std::string host = into.host;
  if (const Json* const headers = find(*request, "headers")) {
    for (const Json& one : headers->items)
      take_header(text_of(one, "name"), text_of(one, "value"), into);
  }
  into.host = host;
  if (const Json* const data = find(*request, "postData")) take_body(*data, into);
  return RecordFault::none;
}

void HarEntries::take_in_text(char c) {
  if (escaped_) {
    escaped_ = false;
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '"') {
    in_text_ = false;
    key_ = depth_ == 2 && text_ == "entries" ? Key::kSeen : Key::kNone;
    return;
  }
  if (depth_ == 2 && text_.size() < 16) text_ += c;
}

HarEntries::Found HarEntries::take(char c) {
  if (in_text_) {
    take_in_text(c);
    return Found::kNothing;
  }
  if (c == ' ' || c == '\n' || c == '\r' || c == '\t') return Found::kNothing;
  return take_plain(c);
}

HarEntries::Found HarEntries::take_plain(char c) {
  const Key key = std::exchange(key_, Key::kNone);
  switch (c) {
    case '"':
      in_text_ = true;
      text_.clear();
      return Found::kNothing;
    case ':':
      if (key == Key::kSeen) key_ = Key::kColon;
      return Found::kNothing;
    case '{':
    case '[':
      if (c == '[' && key == Key::kColon && depth_ == 2) in_list_ = found_list_ = true;
      inside_ = inside_ || (c == '{' && in_list_ && depth_ == kListDepth);
      return depth_++ == kListDepth && inside_ ? Found::kBegin : Found::kNothing;
    case '}':
    case ']':
      if (depth_ > 0) --depth_;
      if (c == ']' && depth_ < kListDepth) in_list_ = false;
      if (c != '}' || !inside_ || depth_ != kListDepth) return Found::kNothing;
      inside_ = false;
      return Found::kEnd;
    default:
      return Found::kNothing;
  }
}

}  // namespace galileo::wire
