#include "chaos/burner.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/file.h"
#include "base/text.h"
#include "net/clock.h"
#include "net/loop.h"

namespace galileo::chaos {
namespace {

constexpr Duration kTurn = std::chrono::milliseconds{10};
constexpr Duration kTouchEvery = std::chrono::seconds{1};
constexpr std::size_t kPage = 4096;

// Busy for its share of each turn.
void compute(int load_pct, Time until) {
  const net::RealClock clock;
  volatile std::uint64_t number = 88172645463325252u;
  while (clock.now() < until) {
    const Time turn = clock.now();
    while (clock.now() < turn + kTurn * load_pct / 100) {
      for (int i = 0; i < 1000; ++i) number = number * 6364136223846793005u + 1442695040888963407u;
    }
    if (load_pct < 100) net::pause_thread(turn + kTurn - clock.now());
  }
}

// Each page is written again and again, so that it stays in memory. False: there isn't so much.
bool hold(std::uint64_t bytes, Time until) {
  void* const memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  auto* const pages = static_cast<volatile unsigned char*>(memory);
  const net::RealClock clock;
  for (unsigned char turn = 1; clock.now() < until; ++turn) {
    for (std::uint64_t at = 0; at < bytes; at += kPage) pages[at] = turn;
    net::pause_thread(std::min<Duration>(kTouchEvery, until - clock.now()));
  }
  return true;
}

Result<double> number_at(const std::vector<std::string>& words, std::size_t i) {
  const auto number = i < words.size() ? parse_number(words[i]) : std::nullopt;
  if (!number) return Error{ErrorCode::kUsage, "this isn't to be called by hand", {}, {}, {}};
  return *number;
}

}  // namespace

Result<Burn> parse_burn(const std::vector<std::string>& words) {
  Burn burn;
  burn.cpus = static_cast<int>(TRY(number_at(words, 0)));
  burn.load_pct = static_cast<int>(TRY(number_at(words, 1)));
  burn.memory = static_cast<std::uint64_t>(TRY(number_at(words, 2)));
  burn.timeout = seconds(TRY(number_at(words, 3)));
  return burn;
}

bool go_with(int agent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  static_cast<void>(write_whole_file("/proc/self/oom_score_adj", "1000").ok());
  return getppid() == agent;
}

int burn(const Burn& what) {
  const Time until =
      what.timeout.count() > 0 ? net::RealClock().now() + what.timeout : Time::max() - kTouchEvery;
  const int cpus = what.cpus == 0 ? static_cast<int>(net::machine_cores()) : what.cpus;
  const int self = getpid();
  for (int i = 0; i < cpus + (what.memory > 0 ? 1 : 0); ++i) {
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child > 0) continue;
    if (!go_with(self)) _exit(1);
    if (i < cpus) compute(what.load_pct, until);
    _exit(i < cpus || hold(what.memory, until) ? 0 : 1);
  }
  int worst = 0;
  int status = 0;
  while (wait(&status) > 0 || errno == EINTR) {
    if (status != 0) worst = 1;
  }
  return worst;
}

}  // namespace galileo::chaos
