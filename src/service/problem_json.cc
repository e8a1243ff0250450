#include "service/problem_json.h"

#include "wire/json.h"

namespace galileo::service {
namespace {

void put(std::string& body, std::string_view key, std::string_view text) {
  if (text.empty()) return;
  body += ", " + wire::json_text(key) + ": " + wire::json_text(text);
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kInterrupted:
      return 503;
    case ErrorCode::kUsage:
      return 422;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kIo:
    case ErrorCode::kCorrupt:
      return 500;
  }
  return 500;
}

}  // namespace

RestAnswer problem_answer(const ProblemDetail& problem) {
  RestAnswer answer;
  answer.status = problem.status;
  answer.content_type = "application/problem+json";
  std::string& body = answer.body;
  body = R"({"type": "about:blank", "status": )" + std::to_string(problem.status);
  put(body, "title", problem.title);
  put(body, "detail", problem.detail);
  put(body, "hint", problem.hint);
  if (!problem.faults.empty()) {
    body += R"(, "errors": [)";
    for (const auto& fault : problem.faults) {
      if (&fault != &problem.faults.front()) body += ", ";
      body += R"({"where": )" + wire::json_text(fault.where);
      put(body, "what", fault.what);
      body += "}";
    }
    body += "]";
  }
  body += "}";
  return answer;
}

RestAnswer problem_answer(const Error& error) {
  ProblemDetail problem{status_of(error.code), error.what};
  problem.detail = error.to_text();
  problem.hint = error.hint;
  RestAnswer answer = problem_answer(problem);
  if (problem.status == 503) answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

}  // namespace galileo::service
