// One value of a JSON text, by a pointer (RFC 6901): "/user/roles/0", "" for the whole. Pure; any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::load {

struct JsonAt {
  std::string text;  // of a text the text itself, of all else its JSON
  bool is_text = false;
  // Whether it is what somebody wrote: the same value as JSON ("1.0" is 1), or that text.
  bool is(const std::string& written) const;
};

class JsonPointer {
 public:
  // An Error (with `why` and `hint`) where it neither is empty nor begins with '/'.
  static Result<JsonPointer> parse(std::string_view text);
  // Nothing where the text isn't JSON, or nothing is there.
  std::optional<JsonAt> find(std::string_view json) const;

 private:
  std::vector<std::string> steps_;
};

}  // namespace galileo::load
