// Who is let in, by tokens and by logins of the page, and how often each may ask. Loopback needs no
// login; whoever gives one is held to it. The file of tokens is read anew when it has changed, so
// that a token that is taken out of it ends within seconds. Lives on the API's loop; reading the
// file is its only blocking, of a local file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "service/guard.h"
#include "service/tokens.h"

namespace galileo::service {

struct ApiAccessOptions {
  std::string token_file;  // empty: there are none
  // Requests a second of one token, login or address, with ten seconds' worth at once; 0: any
  // number. Of loopback without a login none are counted.
  double rate = 100;
  Duration session = std::chrono::hours{12};
};

class ApiAccess {
 public:
  explicit ApiAccess(ApiAccessOptions options) : options_(std::move(options)) {}

  // Reads the file where it has changed since the last look. One that can't be read lets nobody in
  // by tokens.
  void look();
  // Whether anybody could be let in from elsewhere.
  bool has_tokens() const { return !tokens_.empty(); }
  // What was wrong with the file, for a page of trouble; empty: nothing.
  const std::string& trouble() const { return trouble_; }

  // Who it is; its scope is kNone where it isn't let in.
  Caller caller_of(const Visitor& visitor, Wall now) const;
  // The login is still what it was.
  bool holds(const Caller& caller, Wall now) const;

  // A refusal (429, Retry-After) where it has asked too often.
  std::optional<RestAnswer> too_often(const Visitor& visitor, const Caller& caller, Time now);

  // A login of the page by a token; its cookie's value. Nothing: no such token.
  std::optional<std::string> log_in(std::string_view secret, Wall now);
  // A login that failed, of that address: after ten in a minute more are refused.
  std::optional<RestAnswer> too_many_failures(const Visitor& visitor, Time now);
  void log_out(std::string_view cookie);

  static constexpr std::string_view kCookie = "galileo_session";
  // The cookie's value in the header of that name; empty: none.
  static std::string session_of(std::string_view cookies);

 private:
  struct Session {
    std::string token_hash;
    Wall ends = kNoWall;
  };
  struct Bucket {
    double left = 0;
    Time at{};
  };
  const ApiToken* token_by_hash(std::string_view hash, Wall now) const;
  std::optional<double> take(const std::string& key, double rate, double most, Time now);

  const ApiAccessOptions options_;
  std::vector<ApiToken> tokens_;
  std::string trouble_;
  std::string seen_;  // what the file was when it was read: inode, size, time
  std::map<std::string, Session, std::less<>> sessions_;  // by the cookie's hash
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace galileo::service
