// A program that says who we are (client.authentication.k8s.io): run, watched and, where it takes
// too long, killed with all that it has started. With a terminal it may ask the person there, and
// has two minutes; without one it has nine seconds. Lives on its loop; nothing blocks.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "kubernetes/access.h"
#include "net/loop.h"

namespace galileo::kubernetes {

// What it says: a token, a certificate with its key, or both.
struct ExecCredential {
  std::string token;
  std::string certificate_text;
  std::string key_text;
  std::optional<Wall> valid_until;
};

// Errors (kCorrupt) say nothing of what it holds.
Result<ExecCredential> parse_exec_credential(std::string_view json);

// What the plugin is told, in KUBERNETES_EXEC_INFO.
std::string exec_info(const Access& access, bool is_interactive);

// One plugin of one user. What it prints is read up to a mebibyte, what it complains of up to 4
// KiB; that stands in the Error, without what looks like a secret. It runs in a process group of
// its own, and what it has started ends with it, also where it succeeds.
class ExecPlugin {
 public:
  using OnEnd = std::function<void(Result<ExecCredential> credential)>;

  // Both outlive it.
  ExecPlugin(net::Loop& loop, const Access& access);
  ~ExecPlugin();  // kills what runs
  ExecPlugin(const ExecPlugin&) = delete;
  ExecPlugin& operator=(const ExecPlugin&) = delete;

  // Once at a time; `on_end` is never called from within, always from the loop, and may run it
  // again. Errors (kUnavailable), with the kubeconfig's own hint how to install it where it has
  // one: it can't be started, wants to ask where there is no terminal, hangs, fails, or prints
  // nothing that is a credential.
  void run(OnEnd on_end);
  bool runs() const { return pid_ > 0 || failed_.has_value(); }

 private:
  Result<void> start();
  void look();
  void read_all();
  bool has_ended();
  void kill_all();
  void end(Result<ExecCredential> credential);
  Error error(std::string why, std::string hint) const;

  net::Loop& loop_;
  const Access& access_;
  const ExecEntry& entry_;
  const bool interactive_;  // it has the terminal while it runs
  net::Timer look_;
  OnEnd on_end_;
  std::optional<Error> failed_;  // to start
  pid_t pid_ = 0;
  int status_ = 0;
  int output_ = -1;
  int errors_ = -1;
  std::string said_;        // on stdout
  std::string complained_;  // on stderr, where it doesn't have the terminal
  Time deadline_{};         // it is killed then
};

}  // namespace galileo::kubernetes
