// `galileo session`: what a program asks in lines of JSON on its standard input, answered by lines
// on its standard output (docs/wire/session.md). The Python package works so: a process of its own
// has its own locks on a database's file, takes nobody's signals, and can be ended in the middle of
// anything. It ends with its input.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/output.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/options.h"
#include "commands/session_parts.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;
using Parts = std::vector<std::unique_ptr<SessionPart>>;

Result<Json> answer(const Parts& parts, const std::string& line) {
  Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return wrong_request("it is no JSON object");
  SessionRequest request(std::move(json));
  const auto name = TRY(request.take_text("call"));
  for (const auto& part : parts) {
    if (auto answered = part->answer(name, request)) return std::move(*answered);
  }
  return wrong_request(fmt::format("there is no call '{}'", name));
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

Json json_of(const Error& error) {
  return {{"code", code_name(error.code)},
          {"what", error.what},
          {"where", error.where},
          {"why", error.why},
          {"hint", error.hint},
          {"text", error.to_text()}};
}

}  // namespace

int session(const Arguments& arguments) {
  CLI::App app(
      "Answer requests, a line of JSON each, until the standard input ends (docs/wire/session.md).",
      "galileo session");
  if (const auto over = parse_options(app, arguments)) return *over;
  Parts parts;
  parts.push_back(session_frames());
  parts.push_back(session_etcd());
  for (std::string line; std::getline(std::cin, line);) {
    const auto answered = answer(parts, line);
    const Json json =
        answered.ok() ? Json({{"ok", *answered}}) : Json({{"error", json_of(answered.error())}});
    const bool told = print_data(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    if (!told || is_caller_gone()) break;
  }
  return kFine;
}

}  // namespace galileo::commands
