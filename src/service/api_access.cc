#include "service/api_access.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "base/text.h"
#include "service/problem_json.h"
#include "wire/http1.h"

namespace galileo::service {
namespace {

// Logins and addresses that are kept at a time; beyond, all of them begin anew.
constexpr std::size_t kSessionsMax = 10'000;
constexpr std::size_t kBucketsMax = 20'000;
constexpr double kFailuresAMinute = 10;

std::string state_of(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return "none";
  return fmt::format("{} {} {} {}.{}", status.st_dev, status.st_ino, status.st_size,
                     status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

// The token of "Bearer <token>"; nothing where the header says something else.
std::optional<std::string_view> bearer_of(std::string_view header) {
  const std::size_t blank = header.find(' ');
  if (blank == std::string_view::npos ||
      !wire::http1::equals_ignoring_case(header.substr(0, blank), "Bearer"))
    return std::nullopt;
  return trim(header.substr(blank + 1));
}

Caller caller_by(const ApiToken& token, std::string_view via, std::string key) {
  return {token.scope, token.name, std::string(via), std::move(key), token.expires};
}

RestAnswer slow_down(double seconds, std::string_view who) {
  RestAnswer answer = problem_answer(
      ProblemDetail{429, "too many requests", fmt::format("{} asks too often", who),
                    "ask again later; --rate-limit of galileo api says how often one may"});
  answer.headers.emplace_back("Retry-After",
                              fmt::format("{}", std::max(1, static_cast<int>(std::ceil(seconds)))));
  return answer;
}

}  // namespace

void ApiAccess::look() {
  if (options_.token_file.empty()) return;
  std::string state = state_of(options_.token_file);
  if (state == seen_) return;
  seen_ = std::move(state);
  auto read = read_tokens(options_.token_file);
  trouble_.clear();
  tokens_.clear();
  if (read.ok()) {
    tokens_ = std::move(*read);
    return;
  }
  trouble_ = read.error().to_text();
  log(LogLevel::kError, "the tokens can't be read, so nobody has one", {{"why", trouble_}});
}

const ApiToken* ApiAccess::token_by_hash(std::string_view hash, Wall now) const {
  for (const ApiToken& one : tokens_) {
    if (one.sha256 == hash) return one.expires == kNoWall || now < one.expires ? &one : nullptr;
  }
  return nullptr;
}

Caller ApiAccess::caller_of(const Visitor& visitor, Wall now) const {
  if (!visitor.authorization.empty()) {
    const auto secret = bearer_of(visitor.authorization);
    const ApiToken* const token = secret ? find_token(tokens_, *secret, now) : nullptr;
    return token ? caller_by(*token, "token", "token:" + token->sha256) : Caller{};
  }
  if (const std::string session = session_of(visitor.cookie); !session.empty()) {
    const std::string hash = sha256_of(session);
    const auto found = sessions_.find(hash);
    if (found != sessions_.end() && now < found->second.ends) {
      if (const ApiToken* const token = token_by_hash(found->second.token_hash, now))
        return caller_by(*token, "cookie", "session:" + hash);
    }
  }
  if (!visitor.is_here()) return {};
  return {Scope::kAdmin, {}, "loopback", "loopback", kNoWall};
}

bool ApiAccess::holds(const Caller& caller, Wall now) const {
  if (caller.via == "loopback") return true;
  const std::size_t colon = caller.key.find(':');
  const std::string_view hash = std::string_view(caller.key).substr(colon + 1);
  if (caller.via == "token") return token_by_hash(hash, now) != nullptr;
  const auto found = sessions_.find(hash);
  return found != sessions_.end() && now < found->second.ends &&
         token_by_hash(found->second.token_hash, now);
}

// Seconds until there is one again; nothing: it was taken.
std::optional<double> ApiAccess::take(const std::string& key, double rate, double most, Time now) {
  if (buckets_.size() >= kBucketsMax && !buckets_.contains(key)) buckets_.clear();
  const auto [found, is_new] = buckets_.try_emplace(key, Bucket{most, now});
  Bucket& bucket = found->second;
  bucket.left = std::min(most, bucket.left + to_seconds(now - bucket.at) * rate);
  bucket.at = now;
  if (bucket.left < 1) return (1 - bucket.left) / rate;
  bucket.left -= 1;
  return std::nullopt;
}

std::optional<RestAnswer> ApiAccess::too_often(const Visitor& visitor, const Caller& caller,
                                               Time now) {
  if (options_.rate <= 0 || caller.via == "loopback") return std::nullopt;
  const double most = options_.rate * 10;
  if (caller.scope != Scope::kNone) {
    if (const auto wait = take(caller.key, options_.rate, most, now))
      return slow_down(*wait, "this login");
    return std::nullopt;
  }
  if (const auto wait = take("peer:" + visitor.peer, options_.rate, most, now))
    return slow_down(*wait, "this address");
  return std::nullopt;
}

std::optional<RestAnswer> ApiAccess::too_many_failures(const Visitor& visitor, Time now) {
  const auto wait = take("failed:" + visitor.peer, kFailuresAMinute / 60, kFailuresAMinute, now);
  return wait ? std::optional(slow_down(*wait, "this address")) : std::nullopt;
}

std::optional<std::string> ApiAccess::log_in(std::string_view secret, Wall now) {
  const ApiToken* const token = find_token(tokens_, secret, now);
  if (!token) return std::nullopt;
  std::erase_if(sessions_, [&](const auto& one) { return now >= one.second.ends; });
  if (sessions_.size() >= kSessionsMax) sessions_.clear();
  std::string cookie = random_secret();
  sessions_[sha256_of(cookie)] = {token->sha256, now + options_.session};
  return cookie;
}

void ApiAccess::log_out(std::string_view cookie) {
  sessions_.erase(sha256_of(cookie));
}

std::string ApiAccess::session_of(std::string_view cookies) {
  while (!cookies.empty()) {
    const std::size_t end = std::min(cookies.find(';'), cookies.size());
    const std::string_view one = trim(cookies.substr(0, end));
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
    const std::size_t equals = one.find('=');
    if (one.substr(0, equals) == kCookie && equals != std::string_view::npos)
      return std::string(one.substr(equals + 1));
  }
  return {};
}

}  // namespace galileo::service
