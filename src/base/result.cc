#include "base/result.h"

#include <system_error>

namespace galileo {

std::string Error::to_text() const {
  std::string text = what;
  if (!where.empty()) text += ", " + where;
  // A list of reasons begins on a line of its own.
  if (!why.empty()) text += (why.front() == '\n' ? ":" : ": ") + why;
  if (!hint.empty()) text += "; " + hint;
  return text;
}

Error system_error(std::string what, std::string where, int error_number) {
  return Error{ErrorCode::kIo,
               std::move(what),
               std::move(where),
               std::generic_category().message(error_number),
               {}};
}

}  // namespace galileo
