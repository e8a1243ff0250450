#include "load/request_identity.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/latin1.h"
#include "base/text.h"
#include "load/request_body.h"
#include "wire/http1.h"
#include "wire/uri.h"

namespace galileo::load {
namespace {

using Kind = JsonValue::Kind;
using wire::http1::is_header_value;
using wire::http1::is_token;

// A pair is a list here: JSON has no other.
bool is_pair(const JsonValue& value) {
  return value.kind == Kind::kList && value.items.size() == 2 && value.items[0].is_scalar() &&
         value.items[1].is_scalar();
}

void set_authorization(Request& request, std::string value) {
  std::erase_if(request.headers, [](const auto& header) {
    return wire::http1::equals_ignoring_case(header.first, "authorization");
  });
  request.headers.emplace_back("Authorization", std::move(value));
}

class AuthReader {
 public:
  AuthReader(Request& request, ParameterFaults& faults) : request_(request), faults_(faults) {}

  void read(const JsonValue& auth) {
    if (is_pair(auth)) {
      const std::string user = latin1_of_utf8(to_python_text(auth.items[0]));
      const std::string password = latin1_of_utf8(to_python_text(auth.items[1]));
      return set_authorization(request_, "Basic " + wire::base64(user + ":" + password));
    }
    if (auth.kind != Kind::kMap)
      return faults_.wrong("auth", "must be a pair: [user, password]",
                           "or {digest: [user, password]}, {bearer: token}");
    for (std::size_t i = 0; i < auth.keys.size(); ++i) read_form(auth.keys[i], auth.items[i]);
    if (auth.find("digest") && auth.find("bearer"))
      faults_.wrong("auth", "can't have both a digest and a bearer's token", "give one of them");
    else if (!auth.find("digest") && !auth.find("bearer"))
      faults_.wrong("auth", "has neither a digest nor a bearer's token",
                    "write {digest: [user, password]} or {bearer: token}");
    if (auth.find("keep") && !auth.find("digest"))
      faults_.wrong("auth", "has nothing to keep", "keep is a digest's");
  }

 private:
  void read_form(const std::string& name, const JsonValue& value) {
    static const std::vector<std::string> known{"digest", "bearer", "keep"};
    const auto must = [&](const char* what) {
      faults_.add({"kwargs", "auth", name}, fmt::format("kwargs.auth.{}", name),
                  fmt::format("must be {}", what));
    };
    if (name == "digest") {
      if (!is_pair(value)) return must("a pair: [user, password]");
      request_.digest.emplace();
      request_.digest->user = to_python_text(value.items[0]);
      request_.digest->password = to_python_text(value.items[1]);
      request_.digest->keep = keep_;
      if (request_.digest->user.find(':') != std::string::npos) must("a user without a colon");
    } else if (name == "bearer") {
      const std::string token = value.is_scalar() ? to_python_text(value) : "";
      if (token.empty() || !is_header_value(token)) return must("a token");
      set_authorization(request_, "Bearer " + token);
    } else if (name == "keep") {
      const auto keep = boolean_of(value);
      if (!keep) return must("true or false");
      keep_ = *keep;
      if (request_.digest) request_.digest->keep = *keep;
    } else {
      faults_.of_key({"kwargs", "auth", name}, fmt::format("unknown key '{}'", name),
                     hint_for_unknown(name, known));
    }
  }

  Request& request_;
  ParameterFaults& faults_;
  bool keep_ = false;
};

}  // namespace

void read_auth(const Arguments& arguments, Writer, Request& request, ParameterFaults& faults) {
  const JsonValue* auth = arguments.argument("auth");
  if (!auth || is_falsy(*auth)) return;
  AuthReader(request, faults).read(*auth);
}

// An old client's cookies are as free as requests leaves them; of ours each is one cookie.
void read_cookies(const Arguments& arguments, Writer writer, Request& request,
                  ParameterFaults& faults) {
  const JsonValue* cookies = arguments.argument("cookies");
  if (!cookies || is_falsy(*cookies)) return;
  if (cookies->kind == Kind::kText && cookies->text == "keep") {
    request.keep_cookies = true;
    return;
  }
  if (cookies->kind != Kind::kMap)
    return faults.wrong_type("cookies", *cookies, "a map of names and values, or 'keep'");
  const bool is_old = writer == Writer::kOldClient;
  std::string all;
  for (std::size_t i = 0; i < cookies->keys.size(); ++i) {
    const std::string& name = cookies->keys[i];
    const JsonValue& value = cookies->items[i];
    if (value.kind == Kind::kNull && !is_old) continue;
    const std::string text = to_python_text(value);
    const bool fits =
        is_old ? is_header_value(name) : is_token(name) && text.find(';') == std::string::npos;
    if (!value.is_scalar() || !fits || !is_header_value(text))
      faults.add({"kwargs", "cookies", name}, fmt::format("kwargs.cookies.{}", name),
                 "is no cookie");
    if (!all.empty()) all += "; ";
    all += name;
    if (value.kind != Kind::kNull) all += "=" + text;
  }
  if (all.empty() || has_header(request, "cookie")) return;
  request.cookies_by_name = true;
  request.headers.emplace_back("Cookie", is_old ? latin1_of_utf8(all) : std::move(all));
}

}  // namespace galileo::load
