// ENSURE(condition, values...): what must hold whatever the input. It stays on in release builds; a
// failure is a bug of ours, so the program says where and stops. (Not CHECK: doctest has that
// name.)
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace galileo {

// Prints the failed condition with its place and values, then aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line,
                               std::string_view values);

template <class... Values>
std::string check_values(const Values&... values) {
  std::string text;
  ((text += fmt::format(" {}", values)), ...);
  return text;
}

}  // namespace galileo

#define ENSURE(condition, ...)                                       \
  do {                                                               \
    if (!(condition)) [[unlikely]] {                                 \
      ::galileo::check_failed(#condition, __FILE__, __LINE__,        \
                              ::galileo::check_values(__VA_ARGS__)); \
    }                                                                \
  } while (false)
