#include "tables/parquet_numbers.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/spawn.h"
#include "tables/python_words.h"

// parquet_numbers.py, put into the program by galileo_embed() in CMakeLists.txt.
extern const char galileo_parquet_numbers_script[];
extern const char galileo_parquet_numbers_script_end[];

namespace galileo::tables {
namespace {

// A file in memory, gone with this.
class MemoryOutput {
 public:
  explicit MemoryOutput(const char* name) : fd_(memfd_create(name, MFD_CLOEXEC)) {}
  ~MemoryOutput() {
    if (fd_ >= 0) ::close(fd_);
  }
  MemoryOutput(const MemoryOutput&) = delete;
  MemoryOutput& operator=(const MemoryOutput&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

Result<std::vector<double>> doubles_of(int fd) {
  const off_t size = lseek(fd, 0, SEEK_END);
  std::vector<double> numbers(static_cast<std::size_t>(size) / sizeof(double));
  auto* const bytes = reinterpret_cast<char*>(numbers.data());
  for (off_t at = 0; at < size;) {
    const ssize_t count = pread(fd, bytes + at, static_cast<std::size_t>(size - at), at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return system_error("can't read the column's numbers", "memory", errno);
    at += count;
  }
  return numbers;
}

}  // namespace

Result<std::vector<double>> read_parquet_numbers(const std::string& python, const std::string& path,
                                                 const std::string& column, std::size_t count_max) {
  const MemoryOutput output("galileo-parquet-numbers");
  const MemoryOutput errors("galileo-parquet-errors");
  if (output.fd() < 0 || errors.fd() < 0)
    return system_error("can't read the Parquet file", path, errno);
  pid_t pid = 0;
  const int error_number =
      spawn({python, "-c",
             std::string(galileo_parquet_numbers_script, galileo_parquet_numbers_script_end), path,
             column, fmt::format("{}", count_max)},
            {-1, output.fd(), errors.fd()}, pid);
  if (error_number != 0) {
    Error error = system_error("can't start Python for the Parquet file", python, error_number);
    error.hint = "install python3, or name one by --python or galileo_python";
    return error;
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status == 0) return doubles_of(output.fd());
  Error error{ErrorCode::kUsage, "can't read the Parquet file", path, last_line(errors.fd()), {}};
  if (!tell_pyarrow(error, python, error.why) && WIFSIGNALED(status))
    error.why = fmt::format("Python was killed by signal {} ({})", WTERMSIG(status),
                            strsignal(WTERMSIG(status)));
  return error;
}

}  // namespace galileo::tables
