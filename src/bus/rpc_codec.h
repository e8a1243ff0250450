// Stands in for wire/worker_api.h and wire/json.h until they are here: the same names, less what
// only they do well (checks of nested JSON, NaN, limits). To swap: include those two instead and
// delete this file. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::wire {

struct RpcRequest {
  std::string fn;
  std::string response_channel;  // "__rpc_<uuid>"
  std::string args = "[]";       // JSON array
  std::string kwargs = "{}";     // JSON object
  bool operator==(const RpcRequest&) const = default;
};

struct RpcResponse {
  std::string fn;
  std::string result;       // JSON; of an error: the array of the exception's arguments
  std::string result_type;  // Python's name of the type
  bool error = false;
  bool operator==(const RpcResponse&) const = default;
};

// A text as JSON, with its quotes.
inline std::string json_text(std::string_view text) {
  std::string json = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') {
      json += '\\';
      json += letter;
    } else if (static_cast<unsigned char>(letter) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(letter));
      json += code;
    } else {
      json += letter;
    }
  }
  return json + '"';
}

inline std::string encode(const RpcRequest& record) {
  return "{\"__obj\": [" + json_text(record.fn) + ", " + json_text(record.response_channel) + ", " +
         record.args + ", " + record.kwargs + "], \"__type\": \"pymq.core.RpcRequest\"}";
}

inline std::string encode(const RpcResponse& record) {
  return "{\"__obj\": [" + json_text(record.fn) + ", " +
         (record.result.empty() ? "null" : record.result) + ", " + json_text(record.result_type) +
         (record.error ? ", true" : ", false") + "], \"__type\": \"pymq.core.RpcResponse\"}";
}

namespace stand_in {

// The parts of a JSON array or object (then key, value, key, value) as texts, split at its own
// commas and colons; empty where it is neither.
inline std::vector<std::string> parts_of(std::string_view json) {
  std::vector<std::string> parts(1);
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char letter = json[i];
    if (quoted && letter == '\\' && i + 1 < json.size()) {
      parts.back() += letter;
      parts.back() += json[++i];
      continue;
    }
    if (letter == '"') quoted = !quoted;
    if (!quoted && (letter == ']' || letter == '}')) --depth;
    const bool border = depth == 1 && !quoted && (letter == ',' || letter == ':');
    if (border)
      parts.emplace_back();
    else if (depth > 0 && (quoted || letter != ' ' || depth > 1))
      parts.back() += letter;
    if (!quoted && (letter == '[' || letter == '{')) ++depth;
    if (depth < 0) return {};
  }
  if (depth != 0 || quoted) return {};
  return parts;
}

inline std::string unquoted(std::string_view json) {
  std::string text;
  for (std::size_t i = 1; i + 1 < json.size(); ++i) {
    if (json[i] == '\\' && i + 2 < json.size()) ++i;
    text += json[i];
  }
  return text;
}

inline Result<std::vector<std::string>> fields(std::string_view text, std::string_view type) {
  const auto parts = parts_of(text);
  std::vector<std::string> found;
  bool typed = false;
  for (std::size_t i = 0; i + 1 < parts.size(); i += 2) {
    if (unquoted(parts[i]) == "__obj") found = parts_of(parts[i + 1]);
    if (unquoted(parts[i]) == "__type") typed = unquoted(parts[i + 1]) == type;
  }
  if (!typed || found.size() != 4)
    return Error{ErrorCode::kCorrupt, "can't read a record", std::string(type), "it isn't one", {}};
  return found;
}

}  // namespace stand_in

inline Result<RpcRequest> decode_rpc_request(std::string_view text) {
  const auto found = TRY(stand_in::fields(text, "pymq.core.RpcRequest"));
  return RpcRequest{stand_in::unquoted(found[0]), stand_in::unquoted(found[1]), found[2], found[3]};
}

inline Result<RpcResponse> decode_rpc_response(std::string_view text) {
  const auto found = TRY(stand_in::fields(text, "pymq.core.RpcResponse"));
  return RpcResponse{stand_in::unquoted(found[0]), found[1], stand_in::unquoted(found[2]),
                     found[3] == "true"};
}

}  // namespace galileo::wire
