#include <fmt/format.h>

#include "gateway/etcd.h"

namespace galileo::gateway {

Result<std::string> EtcdKeys::ask_member(EtcdMember& member, std::string_view path,
                                         const std::string& body) {
  Result<std::string> answer = std::string();
  member.ask(path, body, [&](int status, std::string_view text) {
    if (status == 200)
      answer = std::string(text);
    else
      answer = Error{ErrorCode::kUnavailable,
                     "etcd doesn't do it",
                     member.name(),
                     status < 0 ? std::string(text) : error_text(text),
                     {}};
    loop_.stop();
  });
  loop_.run();
  return answer;
}

// The first member that answers has the word.
Result<std::string> EtcdKeys::ask(std::string_view path, const std::string& body) {
  Result<std::string> answer =
      Error{ErrorCode::kUsage, "no etcd is said", {}, {}, "give --etcd host:port"};
  for (const std::string& endpoint : options_.endpoints) {
    members_.push_back(TRY(EtcdMember::make(loop_, endpoint, options_)));
    EtcdMember& member = *members_.back();
    if (!options_.user.empty()) {
      auto login = ask_member(member, "/v3/auth/authenticate",
                              login_request(options_.user, options_.password));
      if (!login.ok()) {
        answer = std::move(login).error();
        continue;
      }
      member.token = TRY(parse_login(*login));
    }
    answer = ask_member(member, path, body);
    if (answer.ok()) return answer;
  }
  return answer;
}

Result<std::map<std::string, std::string>> EtcdKeys::all(const std::string& prefix) {
  const RangeAnswer answer = TRY(parse_range(TRY(ask("/v3/kv/range", range_request(prefix)))));
  std::map<std::string, std::string> values;
  for (const auto& [key, value] : answer.pairs) {
    if (key.starts_with(prefix)) values[key.substr(prefix.size())] = value;
  }
  return values;
}

Result<void> EtcdKeys::put(const std::string& key, const std::string& value) {
  TRY(ask("/v3/kv/put", put_request(key, value)));
  return {};
}

Result<bool> EtcdKeys::remove(const std::string& key) {
  return TRY(parse_deleted(TRY(ask("/v3/kv/deleterange", delete_request(key))))) > 0;
}

Result<void> EtcdKeys::write(const std::map<std::string, std::optional<std::string>>& values) {
  constexpr std::size_t kAtOnce = 100;  // etcd takes 128
  std::vector<std::pair<std::string, std::optional<std::string>>> writes;
  for (auto value = values.begin(); value != values.end();) {
    writes.emplace_back(*value);
    ++value;
    if (writes.size() < kAtOnce && value != values.end()) continue;
    TRY(ask("/v3/kv/txn", transaction_request(writes)));
    writes.clear();
  }
  return {};
}

}  // namespace galileo::gateway
