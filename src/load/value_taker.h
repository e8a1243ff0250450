// Takes a value out of an answer, for a later step: "json /user/id", "regex id=([0-9]+)", "header
// Location", "status". Immutable; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "load/json_at.h"
#include "load/regex.h"
#include "load/request_source.h"

namespace galileo::load {

class ValueTaker {
 public:
  // An Error has `why` and `hint`.
  static Result<ValueTaker> make(std::string_view from);
  // Nothing where the answer doesn't have it.
  std::optional<std::string> take(const AnswerView& answer) const;
  bool wants_body() const { return pointer_.has_value() || regex_.has_value(); }

 private:
  ValueTaker() = default;
  std::string header_;  // empty: none of the others means the status
  std::optional<JsonPointer> pointer_;
  std::optional<Regex> regex_;
};

}  // namespace galileo::load
