// A request on its way from one answer that redirects it to the next: where it goes, and what of it
// goes along. As Python's requests does it, of which parameters of clients are made, with these
// exceptions: all Content-* headers go with the body (RFC 9110, 15.4), and what is meant for one
// host only (cookies, a Host header) isn't told to another, as with curl. Passive values; belongs
// to whoever asks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "wire/cookies.h"
#include "wire/http1.h"
#include "wire/uri.h"

namespace galileo::wire {

// An answer that says where to ask instead; others of 300 and above are answers like any.
bool is_redirect(int status, const std::string& location);

// What the first request was made of; a view.
struct RequestParts {
  const std::string& method;  // upper case
  const http1::Headers& headers;
  const std::string* body;  // null: it has none
  bool may_be_tls = false;  // who asks speaks TLS too
  // Where a header Cookie goes that the user has given. Of Python's requests `cookies` go
  // everywhere, and a header goes nowhere; ours goes to whom it was given for.
  enum class GivenCookies : unsigned char { kToHost, kEverywhere, kNowhere };
  GivenCookies cookies = GivenCookies::kToHost;
  bool like_requests = false;  // a Location is changed as requests changes it
  bool closes = false;         // its connection is for this request alone, and is told so
};

class Redirect {
 public:
  // An answer to the request, or to the one before, of which there were none at `first`. Afterwards
  // to() and bytes() are the next request's. An Error where it leads nowhere that can be asked.
  Result<void> follow(const RequestParts& request, const Uri& first, int status,
                      const std::string& location, const std::vector<std::string>& set_cookies,
                      Wall now);

  std::uint32_t count() const { return count_; }  // followed so far
  const Uri& to() const { return to_; }
  const std::string& bytes() const { return bytes_; }
  const std::string& method() const { return method_; }
  // The status of the answer that was followed last.
  int status() const { return status_; }
  void clear() { count_ = 0; }

 private:
  void begin(const RequestParts& request, const Uri& first);
  void drop(bool (*goes)(std::string_view name));

  std::uint32_t count_ = 0;
  int status_ = 0;
  Uri to_;
  std::string method_;
  http1::Headers headers_;  // without cookies
  std::string cookies_given_;
  bool has_body_ = false;
  bool has_length_ = false;  // an empty body, which says so
  CookieJar cookies_;
  std::string bytes_;
};

}  // namespace galileo::wire
