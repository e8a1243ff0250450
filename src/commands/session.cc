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
#include "commands/run_door.h"
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

}  // namespace

int session(const Arguments& arguments) {
  CLI::App app(
      "Answer requests, a line of JSON each, until the standard input ends (docs/wire/session.md).",
      "galileo session");
  bool listen = false;
  app.add_flag("--listen", listen,
               "make a run for whoever the standard input, a socket, leads to, and for others of "
               "this user");
  if (const auto over = parse_options(app, arguments)) return *over;
  if (listen) return serve_run();
  Parts parts;
  parts.push_back(session_frames());
  parts.push_back(session_experiments());
  parts.push_back(session_pods());
  parts.push_back(session_etcd());
  parts.push_back(session_runs());
  parts.push_back(session_fleet());
  parts.push_back(session_once());
  for (std::string line; std::getline(std::cin, line);) {
    const bool told = print_data(answer_line(answer(parts, line)));
    if (!told || is_caller_gone()) break;
  }
  return kFine;
}

}  // namespace galileo::commands
