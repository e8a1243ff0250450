#include "kubernetes/exec_plugin.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"
#include "base/secrets.h"
#include "base/spawn.h"
#include "base/text.h"
#include "base/utf8.h"
#include "kubernetes/objects.h"
#include "wire/unix_time.h"
#include "wire/uri.h"

namespace galileo::kubernetes {
namespace {

using Json = nlohmann::json;

constexpr Duration kLookAtPluginEvery = std::chrono::milliseconds{10};
constexpr Duration kAlone = std::chrono::seconds{9};
constexpr Duration kWithPerson = std::chrono::seconds{120};
constexpr std::size_t kSaidMax = std::size_t{1} << 20;
constexpr std::size_t kComplainedMax = 4096;

// What is there to read; a bound on what is kept.
void read_into(int fd, std::string& text, std::size_t max) {
  char bytes[4096];
  while (true) {
    const ssize_t got = fd < 0 ? 0 : ::read(fd, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    text.append(bytes, std::min(static_cast<std::size_t>(got), max - std::min(max, text.size())));
  }
}

void close_if_open(int& fd) {
  if (fd >= 0) close(std::exchange(fd, -1));
}

// Whose keys the terminal's are; we may be in the background when we take it back.
void give_terminal_to(pid_t group) {
  sigset_t quiet;
  sigset_t before;
  sigemptyset(&quiet);
  sigaddset(&quiet, SIGTTOU);
  pthread_sigmask(SIG_BLOCK, &quiet, &before);
  tcsetpgrp(STDIN_FILENO, group);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

Result<ExecCredential> parse_exec_credential(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  const auto wrong = [](std::string why) {
    return Error{ErrorCode::kCorrupt, {}, {}, std::move(why), {}};
  };
  if (!json.is_object() || text_at(json, {"kind"}) != "ExecCredential")
    return wrong("what it prints is no ExecCredential");
  const auto status = json.find("status");
  if (status == json.end() || !status->is_object()) return wrong("it gives no credential");
  ExecCredential credential{text_at(*status, {"token"}),
                            text_at(*status, {"clientCertificateData"}),
                            text_at(*status, {"clientKeyData"}),
                            {}};
  if (credential.token.empty() && credential.certificate_text.empty())
    return wrong("it gives neither a token nor a certificate");
  if (credential.certificate_text.empty() != credential.key_text.empty())
    return wrong("it gives a certificate without its key, or a key alone");
  for (const char c : credential.token) {
    if (c <= ' ' || c > '~') return wrong("its token holds what none can");
  }
  credential.valid_until = wire::parse_rfc3339(text_at(*status, {"expirationTimestamp"}));
  return credential;
}

std::string exec_info(const Access& access, bool is_interactive) {
  Json spec{{"interactive", is_interactive}};
  if (access.user.exec.wants_cluster) {
    Json& cluster = spec["cluster"] = Json{{"server", access.server()}};
    if (access.tls) {
      cluster["tls-server-name"] = access.tls->server_name;
      cluster["insecure-skip-tls-verify"] = !access.tls->verify;
      if (!access.tls->ca_text.empty())
        cluster["certificate-authority-data"] = wire::base64(access.tls->ca_text);
    }
  }
  return Json{{"kind", "ExecCredential"},
              {"apiVersion", access.user.exec.api_version},
              {"spec", std::move(spec)}}
      .dump(-1, ' ', true, Json::error_handler_t::replace);
}

ExecPlugin::ExecPlugin(net::Loop& loop, const Access& access)
    : loop_(loop),
      access_(access),
      entry_(access.user.exec),
      interactive_(access.has_terminal && entry_.interactive != ExecEntry::Interactive::kNever),
      look_([this](Time) { look(); }) {}

ExecPlugin::~ExecPlugin() {
  if (pid_ > 0) kill_all();
  close_if_open(output_);
  close_if_open(errors_);
}

Error ExecPlugin::error(std::string why, std::string hint) const {
  if (hint.empty() && !entry_.install_hint.empty()) hint = in_one_line(entry_.install_hint);
  return Error{ErrorCode::kUnavailable,
               fmt::format("no credential from the plugin '{}'", one_line(entry_.command.front())),
               access_.told_by, std::move(why), std::move(hint)};
}

void ExecPlugin::run(OnEnd on_end) {
  on_end_ = std::move(on_end);
  const Time now = loop_.clock().now();
  deadline_ = now + (interactive_ ? kWithPerson : kAlone);
  said_.clear();
  complained_.clear();
  if (auto started = start(); !started.ok()) failed_ = started.error();
  loop_.timers().set(look_, now + (failed_ ? Duration{0} : kLookAtPluginEvery));
}

Result<void> ExecPlugin::start() {
  if (entry_.interactive == ExecEntry::Interactive::kAlways && !access_.has_terminal)
    return error("it wants to ask somebody, and there is no terminal",
                 "log in with kubectl first, or give a token");
  int output[2];
  int errors[2];
  if (pipe2(output, O_CLOEXEC) != 0) return system_error("can't open a pipe", {}, errno);
  if (pipe2(errors, O_CLOEXEC) != 0) {
    close(output[0]);
    close(output[1]);
    return system_error("can't open a pipe", {}, errno);
  }
  output_ = output[0];
  errors_ = errors[0];
  fcntl(output_, F_SETFL, O_NONBLOCK);
  fcntl(errors_, F_SETFL, O_NONBLOCK);
  std::vector<std::string> variables = entry_.variables;
  variables.push_back("KUBERNETES_EXEC_INFO=" + exec_info(access_, interactive_));
  const StandardFiles files{interactive_ ? STDIN_FILENO : -1, output[1],
                            interactive_ ? STDERR_FILENO : errors[1]};
  const int refused = spawn(entry_.command, files, pid_, std::move(variables));
  close(output[1]);
  close(errors[1]);
  if (refused != 0) return error(fmt::format("it can't be started: {}", strerror(refused)), {});
  if (interactive_) {
    log(LogLevel::kWarning, "a login is waited for",
        {{"plugin", one_line(entry_.command.front())}});
    give_terminal_to(pid_);
    kill(-pid_, SIGCONT);  // it may have asked too early
  }
  return {};
}

void ExecPlugin::read_all() {
  read_into(output_, said_, kSaidMax);
  read_into(errors_, complained_, kComplainedMax);
}

bool ExecPlugin::has_ended() {
  const pid_t ended = waitpid(pid_, &status_, WNOHANG);
  return ended == pid_ || (ended < 0 && errno != EINTR);
}

// What it has started is in its group.
void ExecPlugin::kill_all() {
  kill(-pid_, SIGKILL);
  while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
  }
  if (interactive_) give_terminal_to(getpgrp());
  pid_ = 0;
}

void ExecPlugin::end(Result<ExecCredential> credential) {
  close_if_open(output_);
  close_if_open(errors_);
  failed_.reset();
  const OnEnd on_end = std::move(on_end_);
  on_end(std::move(credential));
}

void ExecPlugin::look() {
  if (failed_) return end(std::move(*failed_));
  read_all();
  const Time now = loop_.clock().now();
  if (!has_ended()) {
    if (now < deadline_) return loop_.timers().set(look_, now + kLookAtPluginEvery);
    kill_all();
    return end(error(fmt::format("it didn't end within {}",
                                 format_duration(interactive_ ? kWithPerson : kAlone)),
                     "run it by hand, and see what it waits for"));
  }
  read_all();
  const int status = status_;
  // Its children may go on: they have no business here. The group may be gone already.
  kill(-pid_, SIGKILL);
  if (interactive_) give_terminal_to(getpgrp());
  pid_ = 0;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    const std::string words = without_secrets_of_text(in_one_line(complained_));
    return end(
        error(fmt::format("it ended with {}{}{}",
                          WIFEXITED(status) ? fmt::format("exit code {}", WEXITSTATUS(status))
                                            : fmt::format("signal {}", WTERMSIG(status)),
                          words.empty() ? "" : ": ", words),
              {}));
  }
  auto credential = parse_exec_credential(said_);
  if (!credential.ok()) return end(error(credential.error().why, {}));
  end(std::move(credential));
}

}  // namespace galileo::kubernetes
