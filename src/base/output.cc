#include "base/output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>

#include "base/counters.h"
#include "base/file.h"
#include "base/secrets.h"
#include "base/utf8.h"

namespace galileo {
namespace {

// A stream of text, and the errno of the first write to it that failed.
class Printed {
 public:
  Printed(int fd, const char* name) : fd_(fd), name_(name) {}

  bool print(std::string_view text) {
    while (!text.empty() && error_.load() == 0) {
      const ssize_t count = write(fd_, text.data(), text.size());
      if (count >= 0)
        text.remove_prefix(static_cast<std::size_t>(count));
      else if (errno == EAGAIN)  // somebody else has made it non-blocking
        wait();
      else if (errno != EINTR)
        error_.add(static_cast<std::uint64_t>(errno));
    }
    return error_.load() == 0;
  }
  Result<void> printed() const {
    const int error_number = static_cast<int>(error_.load());
    if (error_number == 0) return {};
    return system_error("can't write", name_, error_number);
  }

 private:
  void wait() const {
    pollfd writable{fd_, POLLOUT, 0};
    poll(&writable, 1, -1);
  }

  const int fd_;
  const char* const name_;
  RelaxedCounter error_;
};

Printed& data() {
  static Printed printed(STDOUT_FILENO, "stdout");
  return printed;
}
Printed& talk() {
  static Printed printed(STDERR_FILENO, "stderr");
  return printed;
}

void out_of_memory() {
  give_up("out of memory", ENOMEM);
}

}  // namespace

void hold_standard_files() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number is this one.
    if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return;
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  std::set_new_handler(&out_of_memory);
}

bool print_data(std::string_view text) {
  static const bool terminal = isatty(STDOUT_FILENO) == 1;
  return data().print(terminal ? without_controls(text) : std::string(text));
}
bool print_talk(std::string_view text) {
  return talk().print(without_controls(without_user_info(text)));
}
bool draw_data(std::string_view text) {
  return data().print(text);
}
bool draw_talk(std::string_view text) {
  return talk().print(text);
}
Result<void> data_printed() {
  return data().printed();
}
Result<void> talk_printed() {
  return talk().printed();
}

bool is_stdout(const std::string& path) {
  if (path == "-") return true;
  struct stat there{};
  struct stat ours{};
  return !path.empty() && stat(path.c_str(), &there) == 0 && fstat(STDOUT_FILENO, &ours) == 0 &&
         there.st_dev == ours.st_dev && there.st_ino == ours.st_ino &&
         there.st_rdev == ours.st_rdev;
}

Result<std::string> read_input(const std::string& path, std::size_t size_max) {
  return read_whole_file(path == "-" ? "/dev/stdin" : path, size_max);
}

Result<void> write_document(const std::string& path, std::string_view bytes) {
  // The file behind stdout has text before and after the document: it can't be replaced by it.
  if (!is_stdout(path)) return write_whole_file(path, bytes);
  print_data(bytes);
  return data_printed();
}

void give_up(const char* what, int error_number) {
  // This takes no memory of its own: there may be none left.
  for (const char* text : {"galileo: ", what, ": ", strerrordesc_np(error_number),
                           "; see ulimit -a, what it allows may be too little\n"}) {
    if (text) static_cast<void>(!write(STDERR_FILENO, text, std::strlen(text)));
  }
  _exit(1);
}

}  // namespace galileo
