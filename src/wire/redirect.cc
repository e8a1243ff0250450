#include "wire/redirect.h"

#include <algorithm>

#include "base/text.h"
#include "wire/requests_url.h"

namespace galileo::wire {
namespace {

using http1::equals_ignoring_case;

// Who may have them is who they were given for: this host, port and scheme.
bool is_of_one_origin(std::string_view name) {
  return equals_ignoring_case(name, "authorization") ||
         equals_ignoring_case(name, "proxy-authorization") || equals_ignoring_case(name, "host");
}

// Says something about a body.
bool is_of_body(std::string_view name) {
  const std::string lower = to_lower(name);
  return lower.starts_with("content-") || lower == "transfer-encoding" || lower == "digest" ||
         lower == "last-modified" || lower == "expect" || lower == "trailer";
}

bool is_authorization(std::string_view name) {
  return equals_ignoring_case(name, "authorization");
}

bool same_origin(const Uri& a, const Uri& b) {
  return a.scheme == b.scheme && a.port == b.port && equals_ignoring_case(a.host, b.host);
}

// 303 means another thing to look at; of 301 and 302 browsers made the same for POST, and requests
// of 302 for all (RFC 9110, 15.4). 307 and 308 forbid it.
std::string method_after(int status, const std::string& method) {
  const bool looks = status == 303 || status == 302 || (status == 301 && method == "POST");
  return looks && method != "HEAD" ? "GET" : method;
}

}  // namespace

bool is_redirect(int status, const std::string& location) {
  return !location.empty() &&
         (status == 301 || status == 302 || status == 303 || status == 307 || status == 308);
}

void Redirect::begin(const RequestParts& request, const Uri& first) {
  to_ = first;
  method_ = request.method;
  headers_.clear();
  cookies_given_.clear();
  for (const auto& header : request.headers) {
    if (!equals_ignoring_case(header.first, "cookie"))
      headers_.push_back(header);
    else
      cookies_given_ += (cookies_given_.empty() ? "" : "; ") + header.second;
  }
  has_body_ = has_length_ = request.body != nullptr;
  cookies_.clear();
}

void Redirect::drop(bool (*goes)(std::string_view name)) {
  std::erase_if(headers_, [&](const auto& header) { return goes(header.first); });
}

Result<void> Redirect::follow(const RequestParts& request, const Uri& first, int status,
                              const std::string& location,
                              const std::vector<std::string>& set_cookies, Wall now) {
  if (count_ == 0) begin(request, first);
  if (request.cookies == RequestParts::GivenCookies::kNowhere) cookies_given_.clear();
  const std::string where = request.like_requests ? requests_location(location) : location;
  Uri to = TRY(resolve_reference(to_, where));
  if (request.like_requests) to.path = requests_hop(where, to_.path);
  if (!request.may_be_tls) to = TRY(plain(std::move(to)));
  ++count_;
  status_ = status;
  for (const std::string& cookie : set_cookies) cookies_.take(cookie, to_, now);
  if (!same_origin(to_, to)) {
    drop(&is_of_one_origin);
    if (request.cookies != RequestParts::GivenCookies::kEverywhere) cookies_given_.clear();
    to.user_info.clear();
  } else if (!to.user_info.empty()) {
    drop(&is_authorization);
    headers_.emplace_back("Authorization", "Basic " + base64(to.user_info));
  }
  method_ = method_after(status, method_);
  if (status != 307 && status != 308) {
    drop(&is_of_body);
    has_body_ = false;
    has_length_ = method_ != "GET" && method_ != "HEAD";
  }
  to_ = std::move(to);
  http1::Headers headers = headers_;
  std::string cookies = cookies_.header_for(to_, cookies_given_);
  if (!cookies.empty()) headers.emplace_back("Cookie", std::move(cookies));
  static const std::string kEmpty;
  const std::string* body = has_body_ ? request.body : has_length_ ? &kEmpty : nullptr;
  bytes_ = http1::serialize_request(method_, to_.path, host_header(to_.route_host()), headers, body,
                                    request.closes);
  return {};
}

}  // namespace galileo::wire
