// Answers that the versioned API's calls have in common. Pure functions; any thread.
#pragma once

#include <string>

#include "service/problem_json.h"
#include "service/rest_message.h"

namespace galileo::service {

inline RestAnswer json_answer(std::string body) {
  RestAnswer answer;
  answer.body = std::move(body);
  return answer;
}

inline RestAnswer nothing_more() {
  RestAnswer answer;
  answer.status = 204;
  return answer;
}

RestAnswer not_there(const std::string& id);  // 404: of an experiment
RestAnswer in_the_way(const std::string& title, const std::string& detail,
                      const std::string& hint);  // 409

}  // namespace galileo::service

// Of a Result that holds an error, the calling function returns the answer for that.
#define OR_PROBLEM(result)                   \
  if (!(result).ok()) {                      \
    return problem_answer((result).error()); \
  }
