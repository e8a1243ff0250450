#include "apps/sandbox.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/audit.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>

namespace galileo::apps {
namespace {

constexpr int kControl = 3, kInput = 4, kFirstOther = 5;
constexpr int kAbove = 16;  // descriptors that must not be in the way of those

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;  // no filter is known for it
#endif

using Filter = std::vector<sock_filter>;

constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kDeny = SECCOMP_RET_ERRNO | EPERM;

sock_filter statement(unsigned code, std::uint32_t k) {
  return {static_cast<std::uint16_t>(code), 0, 0, k};
}
// The next statement, where it is (or, `unless`, isn't) so.
void deny_if(Filter& filter, unsigned comparison, std::uint32_t k) {
  filter.push_back({static_cast<std::uint16_t>(BPF_JMP | comparison | BPF_K), 0, 1, k});
  filter.push_back(statement(BPF_RET | BPF_K, kDeny));
}

// Another architecture's calls have other numbers, and io_uring makes calls that no filter sees.
Filter make_filter(bool network) {
  Filter filter;
  const auto load = [&](std::size_t at) {
    filter.push_back(statement(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(at)));
  };
  load(offsetof(seccomp_data, arch));
  filter.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, kArchitecture});
  filter.push_back(statement(BPF_RET | BPF_K, kDeny));
  load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
  constexpr std::uint32_t kX32 = 0x40000000;
  deny_if(filter, BPF_JGE, kX32);
#endif
  // Who left the session couldn't be found any more.
  deny_if(filter, BPF_JEQ, SYS_setsid);
  deny_if(filter, BPF_JEQ, SYS_setpgid);
  if (!network) {
    deny_if(filter, BPF_JEQ, SYS_io_uring_setup);
    deny_if(filter, BPF_JEQ, SYS_io_uring_enter);
    deny_if(filter, BPF_JEQ, SYS_io_uring_register);
    // Sockets of this machine's own kind stay: processes of Python talk over them.
    filter.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 3, SYS_socket});
    load(offsetof(seccomp_data, args));
    filter.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AF_UNIX});
    filter.push_back(statement(BPF_RET | BPF_K, kDeny));
  }
  filter.push_back(statement(BPF_RET | BPF_K, kAllow));
  return filter;
}

// All that the new process does before it is another program, made before it is there: between
// fork and exec of a process with threads nothing may be allocated.
struct Start {
  std::vector<std::string> words;
  std::vector<char*> arguments;
  std::array<int, kFirstOther> files{};  // by the number that they get
  int report = -1;                       // where an errno goes
  AppLimits limits;
  unsigned long namespaces = 0;
  std::string user_map;
  std::string group_map;
  Filter filter;
  sock_fprog program{};
  bool filtered = false;
};

void limit(int what, std::uint64_t value) {
  const rlimit both{static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
  setrlimit(static_cast<__rlimit_resource_t>(what), &both);
}

bool write_to(const char* path, std::string_view text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  return written;
}

bool hold_it(const Start& start) {
  setsid();
  if (start.namespaces & CLONE_NEWUSER) {
    // Its user is who ours is; groups can't be changed where a plain user maps them.
    if (!write_to("/proc/self/setgroups", "deny") ||
        !write_to("/proc/self/uid_map", start.user_map) ||
        !write_to("/proc/self/gid_map", start.group_map))
      return false;
  }
  if (start.namespaces != 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return false;
  // Without a namespace it takes its session with it when our end of the line is closed.
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return false;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  limit(RLIMIT_NOFILE, start.limits.open_files);
  limit(RLIMIT_CORE, 0);
  if (start.limits.cpu_s > 0) limit(RLIMIT_CPU, start.limits.cpu_s);
  return true;
}

[[noreturn]] void become(const Start& start) {
  const auto give_up = [&] {
    const int error = errno == 0 ? EPERM : errno;
    // Nobody can be told that this couldn't be told.
    [[maybe_unused]] const ssize_t told = write(start.report, &error, sizeof error);
    _exit(127);
  };
  for (int number = 0; number < kFirstOther; ++number) {
    if (dup2(start.files[static_cast<std::size_t>(number)], number) < 0) give_up();
  }
  // As spawn() has it: no signal is blocked or ignored.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  if (!hold_it(start)) give_up();
  // Where the kernel can't, each was opened so that it goes.
  syscall(SYS_close_range, kFirstOther, ~0u, CLOSE_RANGE_CLOEXEC);
  if (start.filtered && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &start.program) != 0) give_up();
  execvp(start.arguments.front(), start.arguments.data());
  give_up();
  _exit(127);
}

// 0 with the process in `pid`, or why there is none.
int start_one(Start& start, pid_t& pid) {
  int report[2] = {-1, -1};
  if (pipe2(report, O_CLOEXEC) != 0) return errno;
  start.report = fcntl(report[1], F_DUPFD_CLOEXEC, kAbove);
  close(report[1]);
  pid = static_cast<pid_t>(
      syscall(SYS_clone, start.namespaces | SIGCHLD, nullptr, nullptr, nullptr, 0));
  if (pid == 0) become(start);
  int error = pid < 0 ? errno : 0;
  close(start.report);
  if (pid > 0) {
    ssize_t size = 0;
    do {
      size = read(report[0], &error, sizeof error);
    } while (size < 0 && errno == EINTR);
    if (size <= 0) error = 0;
    if (error != 0) {
      while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }
  close(report[0]);
  return error;
}

Error cant_start(const std::string& program, int error) {
  Error failed = system_error("can't start Python for a client app", program, error);
  if (error == ENOENT || error == EACCES) {
    failed.code = ErrorCode::kNotFound;
    failed.hint = "install python3, or name one by galileo_apps_python";
  }
  return failed;
}

// As root without one for users, so that files stay whose they are; else with one.
Result<Started> start_any(Start& start) {
  Started started;
  constexpr unsigned long kApart = CLONE_NEWPID | CLONE_NEWIPC;
  const unsigned long network = start.limits.network ? 0 : CLONE_NEWNET;
  started.hold = Hold::kNamespaces;
  for (const unsigned long users : {0ul, static_cast<unsigned long>(CLONE_NEWUSER)}) {
    if (!start.limits.namespaces) break;
    start.namespaces = kApart | network | users;
    const int error = start_one(start, started.pid);
    if (error == 0) return started;
    if (error == ENOENT) return cant_start(start.words.front(), error);
  }
  started.hold = Hold::kFilter;
  start.namespaces = 0;
  if (kArchitecture != 0) {
    start.filter = make_filter(start.limits.network);
    start.program = {static_cast<unsigned short>(start.filter.size()), start.filter.data()};
    start.filtered = true;
  } else if (!start.limits.network) {
    return Error{ErrorCode::kUnavailable,
                 "can't run a client app without the network",
                 {},
                 "this machine allows neither namespaces nor a filter",
                 "allow the network: galileo_apps_network=yes"};
  }
  if (const int error = start_one(start, started.pid); error != 0)
    return cant_start(start.words.front(), error);
  return started;
}

}  // namespace

const char* hold_text(Hold hold) {
  return hold == Hold::kNamespaces ? "namespaces of its own" : "a filter of system calls";
}

Result<Started> start_held(std::vector<std::string> words, const SandboxFiles& files,
                           const AppLimits& limits) {
  Start start;
  start.words = std::move(words);
  for (std::string& word : start.words) start.arguments.push_back(word.data());
  start.arguments.push_back(nullptr);
  start.limits = limits;
  start.user_map = fmt::format("{0} {0} 1", geteuid());
  start.group_map = fmt::format("{0} {0} 1", getegid());
  const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  const std::array<int, kFirstOther> given{nothing, files.output, files.errors, files.control,
                                           files.input};
  for (std::size_t i = 0; i < given.size(); ++i)
    start.files[i] = fcntl(given[i], F_DUPFD_CLOEXEC, kAbove);
  static_assert(kControl == 3 && kInput == 4);
  auto started = start_any(start);
  for (const int fd : start.files) close(fd);
  close(nothing);
  return started;
}

}  // namespace galileo::apps
