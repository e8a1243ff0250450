// Files that are read when a plan is made and again before the first request: a pipe would be empty
// by then, or never opened. Any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "plan/fields.h"

namespace galileo::plan {

// False where it is a pipe, which is added to the problems. `key` names it.
inline bool can_be_read_twice(const Fields& fields, std::string_view key, const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_fifo(path, ignored) && !std::filesystem::is_socket(path, ignored))
    return true;
  fields.problems().add(fields.place(key), fields.where(key) + " can't be a pipe",
                        "it is read twice, before the run and for its requests: save it as a file");
  return false;
}

}  // namespace galileo::plan
