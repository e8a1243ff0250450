#include "chaos/programs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/file.h"
#include "base/spawn.h"
#include "base/text.h"
#include "base/utf8.h"
#include "net/clock.h"
#include "net/loop.h"

namespace galileo::chaos {
namespace {

constexpr std::size_t kOutputMax = std::size_t{256} << 10;
constexpr std::size_t kSaidMax = 200;
constexpr Duration kLookEvery = std::chrono::milliseconds{5};
constexpr Duration kEndsWithin = std::chrono::milliseconds{300};

struct PipeEnds {
  int read = -1;
  int write = -1;

  bool open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    read = ends[0];
    write = ends[1];
    return true;
  }
  void close_write() {
    if (write >= 0) ::close(write);
    write = -1;
  }
  ~PipeEnds() {
    close_write();
    if (read >= 0) ::close(read);
  }
};

// Takes what is there; false at the end.
bool take(const PipeEnds& pipe, std::string& text) {
  char buffer[4096];
  const ssize_t size = ::read(pipe.read, buffer, sizeof buffer);
  if (size > 0 && text.size() < kOutputMax) text.append(buffer, static_cast<std::size_t>(size));
  return size > 0;
}

// Both until their ends. False: not in time.
bool read_all(const PipeEnds& output, const PipeEnds& errors, std::string& printed,
              std::string& said, Time until) {
  const net::RealClock clock;
  pollfd waits[2] = {{output.read, POLLIN, 0}, {errors.read, POLLIN, 0}};
  while (waits[0].fd >= 0 || waits[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock.now());
    if (left.count() <= 0) return false;
    if (poll(waits, 2, static_cast<int>(left.count())) <= 0) continue;
    if (waits[0].revents && !take(output, printed)) waits[0].fd = -1;
    if (waits[1].revents && !take(errors, said)) waits[1].fd = -1;
  }
  return true;
}

// The fields of /proc/<pid>/stat behind the name, which may hold anything: the state is the first.
std::vector<std::string> stat_fields(const std::string& path) {
  const auto text = read_whole_file(path, 4096);
  if (!text.ok()) return {};
  const std::size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) return {};
  std::vector<std::string> fields;
  for (const std::string_view field :
       split(trim(std::string_view(*text).substr(name_end + 1)), ' '))
    fields.emplace_back(field);
  return fields;
}

constexpr std::size_t kGroupField = 2;
constexpr std::size_t kUserField = 11;
constexpr std::size_t kSystemField = 12;
constexpr std::size_t kStartField = 19;
constexpr std::size_t kResidentField = 21;

double number_at(const std::vector<std::string>& fields, std::size_t i) {
  return i < fields.size() ? parse_number(fields[i]).value_or(0) : 0;
}

}  // namespace

Result<std::string> run_program(const std::vector<std::string>& words, Duration within) {
  PipeEnds output;
  PipeEnds errors;
  if (!output.open() || !errors.open()) return system_error("can't open a pipe", {}, errno);
  pid_t pid = 0;
  if (const int error = spawn(words, {-1, output.write, errors.write}, pid); error != 0) {
    Error failed = system_error("can't start it", words.front(), error);
    if (error == ENOENT) failed.hint = "it isn't installed here";
    return failed;
  }
  output.close_write();
  errors.close_write();
  std::string printed;
  std::string said;
  const bool is_over = read_all(output, errors, printed, said, net::RealClock().now() + within);
  if (!is_over) kill(-pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!is_over) return Error{ErrorCode::kIo, "it isn't over in time", words.front(), {}, {}};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return printed;
  const std::string why = shortened(one_line(std::string(trim(said))), kSaidMax);
  return Error{ErrorCode::kIo,
               fmt::format("{} refuses it", words.front()),
               {},
               why.empty() ? fmt::format("status {}", status) : why,
               {}};
}

std::uint64_t start_of(const std::string& proc, pid_t pid) {
  const std::vector<std::string> fields = stat_fields(fmt::format("{}/{}/stat", proc, pid));
  return static_cast<std::uint64_t>(number_at(fields, kStartField));
}

GroupUse use_of_group(const std::string& proc, pid_t group) {
  GroupUse use;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(proc, failed)) {
    const std::string name = entry.path().filename().string();
    if (name.empty() || name[0] < '0' || name[0] > '9') continue;
    const std::vector<std::string> fields = stat_fields(entry.path().string() + "/stat");
    if (number_at(fields, kGroupField) != group) continue;
    ++use.processes;
    use.cpu += seconds((number_at(fields, kUserField) + number_at(fields, kSystemField)) / ticks);
    use.memory += number_at(fields, kResidentField) * page;
  }
  return use;
}

void end_group(pid_t group) {
  kill(-group, SIGTERM);
  const net::RealClock clock;
  const Time until = clock.now() + kEndsWithin;
  bool is_over = false;
  while (!is_over && clock.now() < until) {
    is_over = waitpid(group, nullptr, WNOHANG) != 0;
    if (!is_over) net::pause_thread(kLookEvery);
  }
  kill(-group, SIGKILL);
  if (is_over) return;
  while (waitpid(group, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace galileo::chaos
