// A laboratory's API, as the command line asks it. Blocking; one thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "net/blocking_http.h"

namespace galileo::commands {

class LabClient {
 public:
  // `url`: as a flag gave it; empty: galileo_api_url, ~/.galileo-cli ({"api": URL}) or this
  // machine's. A path "/api" at its end may stand there or not.
  static Result<LabClient> open(const std::string& url);

  struct Answer {
    int status = 0;
    std::string body;
  };
  // `path` is behind /api/v1. An answer of 4xx and 5xx is an Error with what it says: kNotFound for
  // 404, kUnavailable for 429 and 503, kUsage for the other 4xx.
  Result<Answer> ask(std::string_view method, const std::string& path, const std::string& body = {},
                     const std::string& idempotency_key = {},
                     Duration within = std::chrono::seconds{30});
  const std::string& where() const { return where_; }

 private:
  std::string prefix_;
  std::string host_;
  std::string where_;
  std::string authorization_;
  std::unique_ptr<net::BlockingHttp> http_;
};

}  // namespace galileo::commands
