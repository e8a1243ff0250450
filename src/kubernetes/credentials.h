// Who we are, kept good: a token's file is read again each minute and when the server doesn't know
// us, a plugin is run again before what it gave ends. Where that fails, the last one is used as
// long as it may hold. Lives on its loop.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kubernetes/access.h"
#include "kubernetes/exec_plugin.h"

namespace galileo::kubernetes {

class Credentials {
 public:
  using OnReady = std::function<void(const Result<void>& ready)>;

  // `access` outlives it.
  Credentials(net::Loop& loop, const Access& access);

  // Calls when it is known who we are; at once where that is so now. Errors: why it isn't.
  void want(OnReady on_ready);
  // The server doesn't know us (401): whether another try may be worth it.
  bool refused();

  // For each request.
  const std::vector<std::pair<std::string, std::string>>& headers() const { return headers_; }
  // A plugin's certificate, and how often it has changed: connections of before are another's.
  const ExecCredential& credential() const { return credential_; }
  std::uint64_t certificates() const { return certificates_; }

 private:
  bool is_stale(Time now) const;
  Result<void> read_token();
  void take(Result<ExecCredential> credential);
  void set_headers(const std::string& authorization);

  net::Loop& loop_;
  const Access& access_;
  const UserEntry& user_;
  std::vector<std::pair<std::string, std::string>> headers_;
  ExecCredential credential_;
  std::uint64_t certificates_ = 0;
  bool is_known_ = false;
  Time known_{};         // when it became so
  Time renew_ = kNever;  // the plugin's is to be had anew
  Time try_again_{};     // the plugin has failed
  std::vector<OnReady> waiting_;
  std::optional<ExecPlugin> plugin_;
};

}  // namespace galileo::kubernetes
