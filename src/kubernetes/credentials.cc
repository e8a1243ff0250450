#include "kubernetes/credentials.h"

#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "net/clock.h"
#include "wire/http1.h"
#include "wire/uri.h"

namespace galileo::kubernetes {
namespace {

constexpr Duration kReadEvery = std::chrono::seconds{60};
// A second refusal within this isn't mended by asking once more.
constexpr Duration kRefusedAgain = std::chrono::seconds{5};
constexpr Duration kPluginRest = std::chrono::seconds{10};
constexpr std::size_t kTokenMax = std::size_t{1} << 20;

}  // namespace

Credentials::Credentials(net::Loop& loop, const Access& access)
    : loop_(loop), access_(access), user_(access.user) {
  if (!user_.exec.command.empty()) plugin_.emplace(loop, access_);
  if (!user_.token.empty())
    set_headers("Bearer " + std::string(trim(user_.token)));
  else if (!user_.user_name.empty())
    set_headers("Basic " + wire::base64(user_.user_name + ":" + user_.password));
  else
    set_headers({});
  // A token or a name goes before a plugin, as with kubectl.
  if (!headers_.empty() && headers_.front().first == "Authorization") plugin_.reset();
}

void Credentials::set_headers(const std::string& authorization) {
  headers_.clear();
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty() && wire::http1::is_header_value(value)) headers_.emplace_back(name, value);
  };
  if (!access_.tls) return;
  add("Authorization", authorization);
  add("Impersonate-User", user_.as_user);
  add("Impersonate-Uid", user_.as_uid);
  for (const std::string& group : user_.as_groups) add("Impersonate-Group", group);
}

bool Credentials::is_stale(Time now) const {
  if (!is_known_) return true;
  if (!user_.token_file.empty()) return now - known_ >= kReadEvery;
  return plugin_ && now >= renew_ && now >= try_again_;
}

void Credentials::want(OnReady on_ready) {
  const Time now = loop_.clock().now();
  if (!access_.tls || !is_stale(now)) return on_ready({});
  if (!user_.token_file.empty()) {
    Result<void> read = read_token();
    // The last one is kept: the file may be between two.
    if (!read.ok() && !headers_.empty()) read = {};
    is_known_ = read.ok();
    known_ = now;
    return on_ready(read);
  }
  if (!plugin_) {
    is_known_ = true;
    known_ = now;
    return on_ready({});
  }
  waiting_.push_back(std::move(on_ready));
  if (!plugin_->runs())
    plugin_->run([this](Result<ExecCredential> credential) { take(std::move(credential)); });
}

bool Credentials::refused() {
  const Time now = loop_.clock().now();
  const bool may_change = !user_.token_file.empty() || plugin_;
  if (!may_change || !is_known_ || now - known_ < kRefusedAgain) return false;
  is_known_ = false;
  try_again_ = {};
  return true;
}

Result<void> Credentials::read_token() {
  const std::string token = TRY(read_whole_file(user_.token_file, kTokenMax));
  const std::string_view trimmed = trim(token);
  if (trimmed.empty() || !wire::http1::is_header_value(trimmed))
    return Error{ErrorCode::kUsage,
                 "can't use the token",
                 user_.token_file,
                 trimmed.empty() ? "the file is empty" : "it holds what no token can",
                 {}};
  set_headers("Bearer " + std::string(trimmed));
  return {};
}

void Credentials::take(Result<ExecCredential> credential) {
  const Time now = loop_.clock().now();
  Result<void> ready;
  if (credential.ok()) {
    if (credential->certificate_text != credential_.certificate_text) ++certificates_;
    credential_ = std::move(*credential);
    set_headers(credential_.token.empty() ? std::string() : "Bearer " + credential_.token);
    is_known_ = true;
    known_ = now;
    renew_ = kNever;
    if (credential_.valid_until) {
      const Duration life = *credential_.valid_until - net::RealClock::wall_now();
      // With a fifth of its life left. One that has ended by our clock may not have by theirs.
      if (life > Duration{0}) renew_ = now + life / 5 * 4;
    }
  } else if (is_known_) {
    log(LogLevel::kWarning, "a credential couldn't be renewed; the last one is used",
        {{"why", credential.error().to_text()}});
    try_again_ = now + kPluginRest;
  } else {
    ready = credential.error();
  }
  for (const OnReady& on_ready : std::exchange(waiting_, {})) on_ready(ready);
}

}  // namespace galileo::kubernetes
