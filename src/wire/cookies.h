// The cookies of one request and the redirects that follow it, as RFC 6265 and Python's requests
// without a session have them: kept from hop to hop, and gone with the last; or of a client that
// keeps them. Bounded in number and size. Passive: the time is an argument. A jar belongs to its
// request, or to its client.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "wire/uri.h"

namespace galileo::wire {

class CookieJar {
 public:
  // RFC 6265, 6.1: the least that a browser should keep. What is beyond is passed over.
  static constexpr std::size_t kCookiesMax = 50;
  static constexpr std::size_t kCookieSizeMax = 4096;

  // What an answer from `from` set by one header Set-Cookie. What can't be is passed over: a domain
  // that isn't the host's own, a control character; and `Secure`, where it didn't come over TLS.
  void take(std::string_view set_cookie, const Uri& from, Wall now);

  // The header Cookie of a request to `to`: `given`, which the user set, without what answers have
  // set anew, and what they set. Empty: none.
  std::string header_for(const Uri& to, std::string_view given) const;

  // Those whose time is over go. A request and its redirects needn't ask: it is over sooner.
  void forget_expired(Wall now);

  void clear() { cookies_.clear(); }

 private:
  struct Cookie {
    std::string name;
    std::string value;
    std::string domain;  // lower case
    std::string path;
    bool host_only = true;  // not for hosts below the domain
    bool secure = false;    // for TLS only
    Wall expires = Wall::max();
  };
  static bool read_domain(std::string_view attribute, Cookie& cookie);

  std::vector<Cookie> cookies_;  // in the order in which they were made
};

// The time in `Expires=`, as RFC 6265, 5.1.1 reads it; nothing for what isn't one.
std::optional<Wall> parse_cookie_date(std::string_view text);

}  // namespace galileo::wire
