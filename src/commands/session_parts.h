// What `galileo session` is made of: parts that answer calls, each a subject's
// (docs/wire/session.md). A part keeps what its calls have made, as connections, groups of clients
// and runs, for as long as the session lives. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::commands {

// kUsage: what is wrong with a request.
Error wrong_request(std::string why);

nlohmann::ordered_json json_of(const Error& error);
// What answers a request, as its line.
std::string answer_line(const Result<nlohmann::ordered_json>& answered);

// Whoever asked is no more: its end of our input is closed. Long work looks now and then.
bool is_caller_gone();

// A request's values, each looked at once. A key that isn't there, or null, is `otherwise`; kUsage:
// a value of another type.
class SessionRequest {
 public:
  explicit SessionRequest(nlohmann::ordered_json json);
  ~SessionRequest();
  SessionRequest(SessionRequest&&) noexcept;

  Result<std::string> take_text(const char* key, std::string otherwise = {});
  Result<std::int64_t> take_integer(const char* key, std::int64_t otherwise);
  Result<double> take_number(const char* key, double otherwise);
  Result<bool> take_bool(const char* key, bool otherwise);
  Result<std::vector<std::string>> take_texts(const char* key);
  // Of any type; null where there is none.
  nlohmann::ordered_json take_json(const char* key);
  // kUsage: a key that nobody took.
  Result<void> end() const;

 private:
  std::unique_ptr<nlohmann::ordered_json> json_;
};

class SessionPart {
 public:
  virtual ~SessionPart() = default;
  // Nothing: it has no such call.
  virtual std::optional<Result<nlohmann::ordered_json>> answer(std::string_view call,
                                                               SessionRequest& request) = 0;
};

// Tables as columns.
std::unique_ptr<SessionPart> session_frames();
// Experiments removed from a database.
std::unique_ptr<SessionPart> session_experiments();
// Pods, addresses and weights, of events.
std::unique_ptr<SessionPart> session_pods();
// Keys of an etcd.
std::unique_ptr<SessionPart> session_etcd();
// Experiment files checked, reports of results, and which runs go on.
std::unique_ptr<SessionPart> session_runs();
// One bus: its workers, clients, routes, telemetry daemons, and an experiment recorded from it.
std::unique_ptr<SessionPart> session_fleet();
// One request, sent by the session itself.
std::unique_ptr<SessionPart> session_once();

}  // namespace galileo::commands
