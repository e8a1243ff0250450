// HTTP to one InfluxDB: connections that are kept, a deadline for every call. Lives at the store's
// desk. Says what was answered; what that means is the caller's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/blocking_http.h"
#include "store/database_url.h"

namespace galileo::store {

struct HttpAnswer {
  int status = 0;
  std::string body;
  // What Retry-After asks for, from now on.
  std::optional<Duration> retry_after;
};

struct InfluxCall {
  const char* method = "GET";
  std::string path;  // with its query
  std::string body = {};
  const char* content_type = nullptr;
  bool compressed = false;  // the body is gzip
  const char* accept = nullptr;
  // Takes the body of an answer of 200 as it comes, instead of HttpAnswer::body. False ends the
  // call with an Error. Then no deadline holds for the whole, only for a standstill.
  std::function<bool(std::string_view)> stream = {};
};

class InfluxConnection {
 public:
  // Options of the URL: tls (yes, no), ca (a file), timeout_ms. Redirects aren't followed.
  static Result<std::unique_ptr<InfluxConnection>> open(const DatabaseUrl& url);

  // Blocking. kUnavailable: no answer came. What was sent may have been taken all the same.
  Result<HttpAnswer> call(const InfluxCall& call);

  // One call that goes on while others are made and other things done, over a connection of its
  // own: begin() and advance() send and take what can be at once, end() waits for the answer as
  // call() does. advance() is false once that waits for nothing more. Each begin() is followed by
  // one end() or abandon().
  void begin(const InfluxCall& call);
  bool advance();
  Result<HttpAnswer> end();
  void abandon();

  const std::string& where() const { return where_; }
  Duration timeout() const { return timeout_; }

 private:
  InfluxConnection() = default;
  net::BlockingHttp::Request request_of(const InfluxCall& call) const;
  Result<HttpAnswer> result(Result<net::BlockingHttp::Answer> answer) const;

  std::unique_ptr<net::BlockingHttp> http_;
  std::unique_ptr<net::BlockingHttp> streams_;  // who takes one may call and write meanwhile
  std::unique_ptr<net::BlockingHttp::Asking> background_;
  std::string where_;  // for Errors: the database's URL without secrets
  std::string host_;
  std::string token_;
  Duration timeout_{};
};

// "?name=value&...", encoded.
std::string url_query(const std::vector<std::pair<std::string_view, std::string_view>>& parts);

}  // namespace galileo::store
