#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "commands/session_parts.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

template <class T, class Fits>
Result<T> take(SessionRequest& request, const char* key, T otherwise, Fits&& fits) {
  const Json value = request.take_json(key);
  if (value.is_null()) return otherwise;
  if (!fits(value)) return wrong_request(fmt::format("'{}' is of another type", key));
  return value.get<T>();
}

const char* code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
      return "usage";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kInterrupted:
      return "interrupted";
  }
  return "io";
}

}  // namespace

Json json_of(const Error& error) {
  return {{"code", code_name(error.code)},
          {"what", error.what},
          {"where", error.where},
          {"why", error.why},
          {"hint", error.hint},
          {"text", error.to_text()}};
}

std::string answer_line(const Result<Json>& answered) {
  const Json json =
      answered.ok() ? Json({{"ok", *answered}}) : Json({{"error", json_of(answered.error())}});
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Error wrong_request(std::string why) {
  return {
      ErrorCode::kUsage, "can't read the request", {}, std::move(why), "see docs/wire/session.md"};
}

bool is_caller_gone() {
  pollfd input{STDIN_FILENO, 0, 0};
  return poll(&input, 1, 0) > 0 && (input.revents & POLLHUP) != 0;
}

SessionRequest::SessionRequest(Json json) : json_(std::make_unique<Json>(std::move(json))) {}
SessionRequest::~SessionRequest() = default;
SessionRequest::SessionRequest(SessionRequest&&) noexcept = default;

Result<std::string> SessionRequest::take_text(const char* key, std::string otherwise) {
  return take(*this, key, std::move(otherwise), [](const Json& json) { return json.is_string(); });
}

Result<std::int64_t> SessionRequest::take_integer(const char* key, std::int64_t otherwise) {
  return take(*this, key, otherwise, [](const Json& json) { return json.is_number_integer(); });
}

Result<double> SessionRequest::take_number(const char* key, double otherwise) {
  return take(*this, key, otherwise, [](const Json& json) { return json.is_number(); });
}

Result<bool> SessionRequest::take_bool(const char* key, bool otherwise) {
  return take(*this, key, otherwise, [](const Json& json) { return json.is_boolean(); });
}

Result<std::vector<std::string>> SessionRequest::take_texts(const char* key) {
  return take(*this, key, std::vector<std::string>{}, [](const Json& json) {
    return json.is_array() &&
           std::all_of(json.begin(), json.end(), [](const Json& one) { return one.is_string(); });
  });
}

Json SessionRequest::take_json(const char* key) {
  const auto found = json_->find(key);
  if (found == json_->end()) return nullptr;
  Json value = std::move(*found);
  json_->erase(found);
  return value;
}

Result<void> SessionRequest::end() const {
  if (json_->empty()) return {};
  return wrong_request(fmt::format("'{}' is nothing that it may have", json_->begin().key()));
}

}  // namespace galileo::commands
