#include "tables/python_words.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"

namespace galileo::tables {

std::string last_line(int fd) {
  std::string said(4096, '\0');
  const off_t size = lseek(fd, 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(said.size()));
  const ssize_t count = pread(fd, said.data(), said.size(), from);
  said.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  const std::string_view lines = trim(said);
  return std::string(lines.substr(lines.rfind('\n') + 1));
}

bool tell_pyarrow(Error& error, const std::string& python, const std::string& last) {
  if (!last.starts_with("no pyarrow")) return false;
  error.code = ErrorCode::kUsage;
  error.hint = fmt::format(
      "install it by: {} -m pip install pyarrow; or name a Python that has it, by --python or "
      "galileo_python",
      python);
  return true;
}

}  // namespace galileo::tables
