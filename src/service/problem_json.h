// What went wrong, as the versioned API says it: application/problem+json (RFC 9457). Pure
// functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "service/rest_message.h"

namespace galileo::service {

struct ProblemDetail {
  int status = 400;
  std::string title;
  std::string detail = {};  // what, where, why
  std::string hint = {};    // the mend
  // Of a file or a body with several faults: where each is, and what.
  struct Fault {
    std::string where;
    std::string what;
  };
  std::vector<Fault> faults = {};
};

// Any text in it may be a stranger's: what isn't UTF-8 is repaired.
RestAnswer problem_answer(const ProblemDetail& problem);

// An Error of ours: 503 with Retry-After where a server is away, 404, 422 or 500.
RestAnswer problem_answer(const Error& error);

}  // namespace galileo::service
