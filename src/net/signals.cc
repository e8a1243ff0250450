#include "net/signals.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/check.h"
#include "base/output.h"

namespace galileo::net {

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  // What is blocked comes though it is ignored, so that nohup would do nothing.
  struct sigaction hang_up{};
  sigaction(SIGHUP, nullptr, &hang_up);
  if (hang_up.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);
  return set;
}

bool signal_waits() {
  sigset_t waiting;
  sigemptyset(&waiting);
  sigpending(&waiting);
  const sigset_t of_stop = stop_signals();
  sigset_t both;
  sigandset(&both, &waiting, &of_stop);
  return sigisemptyset(&both) == 0;
}

void hold_signals() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Signals::Signals(Loop& loop, std::function<void(int)> on_signal)
    : loop_(loop), on_signal_(std::move(on_signal)) {
  hold_signals();
  const sigset_t set = stop_signals();
  fd_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  if (fd_ < 0) give_up("can't hear of signals", errno);
  ENSURE(loop_.watch_listener(fd_, *this).ok());
}

Signals::~Signals() {
  loop_.unwatch(fd_, *this);
  // What nobody has heard of would end the process here, before it says how it went.
  signalfd_siginfo info{};
  while (read(fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
  }
  close(fd_);
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void Signals::on_io(std::uint32_t) {
  signalfd_siginfo info{};
  while (read(fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info))
    on_signal_(static_cast<int>(info.ssi_signo));
}

}  // namespace galileo::net
