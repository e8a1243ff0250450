// How anything here fails: Result<T> holds a value or an Error that says what, where, why and what
// to do about it. Nothing of ours throws. Values; usable on any thread.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace galileo {

// What kind of failure it is; commands/exit_codes.h maps each to the program's exit code.
enum class ErrorCode {
  kUsage,        // the command line or a file of the user's is wrong
  kNotFound,     // something named doesn't exist
  kIo,           // a file or socket call failed
  kUnavailable,  // a server or service that is needed can't be reached, or not just now
  kCorrupt,      // stored bytes aren't what they must be
  kInterrupted,  // ended by a signal or a deadline
};

// Printed as "what, where: why; hint". Only `what` is always there.
struct Error {
  ErrorCode code = ErrorCode::kUsage;
  std::string what;   // what couldn't be done: "can't read the experiment file"
  std::string where;  // file and line, address, key
  std::string why;    // what stood in the way
  std::string hint;   // what to do about it

  std::string to_text() const;
};

// An Error from errno: `what` couldn't be done at `where`.
Error system_error(std::string what, std::string where, int error_number);

template <class T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  // So that a function returns its Error as it is. NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}
  bool ok() const { return this->has_value(); }
};

}  // namespace galileo

// TRY(x) is the value of the Result x; where it holds an error, the function returns that instead.
// The name inside is another one each time, so that one TRY may stand in another.
#define GALILEO_JOIN_(a, b) a##b
#define GALILEO_JOIN(a, b) GALILEO_JOIN_(a, b)
#define GALILEO_TRY(name, ...)                \
  __extension__({                             \
    auto name = (__VA_ARGS__);                \
    if (!name.ok()) {                         \
      return std::move(name).error();         \
    }                                         \
    galileo::internal::take(std::move(name)); \
  })
#define TRY(...) GALILEO_TRY(GALILEO_JOIN(galileo_result_, __COUNTER__), __VA_ARGS__)

namespace galileo::internal {
template <class T>
T take(Result<T>&& result) {
  return std::move(*result);
}
inline void take(Result<void>&&) {}
}  // namespace galileo::internal
