// Checks: what an answer must be so that its request counts as answered. Each has a name, by which
// it is counted, and one condition or more:
//
//   [name:] condition      condition of checks.def: "status 200-299", "body has welcome",
//                          "json /user/id matches ^[0-9]+$", "header ETag", "time < 200ms"
//
// All checks are made of each answer; the first that fails is what its request failed by. Answers
// that aren't complete have no checks. Immutable once compiled; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "load/workload.h"
#include "wire/http1.h"
#include "wire/trace.h"

namespace galileo::load {

// Bodies are looked at up to here; one that is longer fails the checks that need it.
inline constexpr std::size_t kCheckedMax = std::size_t{64} << 20;

// "login: json /ok is true" is the check `login`; without a name it is called what it says. An
// Error has `why` and `hint`.
Result<CheckSpec> parse_check(std::string_view text);
// One of that name with these conditions.
Result<CheckSpec> make_check(std::string name, const std::vector<std::string>& conditions);

// An answer as checks see it; a view.
struct CheckedAnswer {
  int status = -1;
  const wire::http1::Headers* headers = nullptr;
  const std::string* body = nullptr;  // decompressed; null: it can't be, or is too long
  Duration took{0};
};

class Checks {
 public:
  // An Error as parse_check()'s.
  static Result<Checks> compile(const std::vector<CheckSpec>& specs);
  Checks(Checks&&) noexcept;
  Checks& operator=(Checks&&) noexcept;
  ~Checks();

  std::size_t size() const;
  const std::string& name(std::size_t check) const;
  bool holds(std::size_t check, const CheckedAnswer& answer) const;
  // Statuses are theirs to judge: Limits::fail_on isn't asked.
  bool judges_status() const { return judges_status_; }
  bool wants_headers() const { return wants_headers_; }
  bool wants_body() const { return wants_body_; }

 private:
  struct Condition;
  struct Check;
  Checks();
  static Result<Condition> compile_condition(const std::string& text);
  static bool is_so(const Condition& condition, const CheckedAnswer& answer);

  std::vector<Check> checks_;
  bool judges_status_ = false;
  bool wants_headers_ = false;
  bool wants_body_ = false;
};

// A complete answer came, whatever was made of it.
constexpr bool is_answer(wire::Failure failure) {
  return failure == wire::Failure::none || failure == wire::Failure::status ||
         failure == wire::Failure::check || failure == wire::Failure::no_value;
}

// Of the checks of one name.
struct CheckCounts {
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
};

}  // namespace galileo::load
