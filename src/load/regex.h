// Regular expressions of the user's over texts of strangers: RE2, whose time is linear in the text
// whatever both are. Back-references and look-around, which no such engine has, are refused by
// name. Immutable; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace galileo::load {

class Regex {
 public:
  // The Error has `why` and `hint` set.
  static Result<Regex> make(const std::string& pattern);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  // Whether it matches anywhere in the text.
  bool matches(std::string_view text) const;
  // Its first group there, or all of what it matches where it has none.
  std::optional<std::string_view> find(std::string_view text) const;

 private:
  explicit Regex(std::unique_ptr<const re2::RE2> compiled);
  std::unique_ptr<const re2::RE2> compiled_;
};

}  // namespace galileo::load
