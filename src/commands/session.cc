// `galileo session`: what a program asks in lines of JSON on its standard input, answered by lines
// on its standard output (docs/wire/session.md). The Python package works so: a process of its own
// has its own locks on a database's file, takes nobody's signals, and can be ended in the middle of
// anything. It ends with its input.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/output.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/exp_common.h"
#include "commands/options.h"
#include "frames/frame.h"
#include "tables/export_folder.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

Error wrong_request(std::string why) {
  return {
      ErrorCode::kUsage, "can't read the request", {}, std::move(why), "see docs/wire/session.md"};
}

// A request's values, each looked at once; `unknown()` are those that nobody asked for.
class Request {
 public:
  explicit Request(Json json) : json_(std::move(json)) {}

  template <class T>
  Result<T> take(const char* key, T otherwise) {
    const auto found = json_.find(key);
    if (found == json_.end() || found->is_null()) return otherwise;
    const Json value = std::move(*found);
    json_.erase(found);
    if constexpr (std::is_same_v<T, std::string>) {
      if (value.is_string()) return value.get<std::string>();
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
      if (value.is_number_integer()) return value.get<std::int64_t>();
    } else {
      if (value.is_array() &&
          std::all_of(value.begin(), value.end(), [](const Json& one) { return one.is_string(); }))
        return value.get<T>();
    }
    return wrong_request(fmt::format("'{}' is of another type", key));
  }
  Result<void> end() const {
    if (json_.empty()) return {};
    return wrong_request(fmt::format("'{}' is nothing that it may have", json_.begin().key()));
  }

 private:
  Json json_;
};

// Whoever asked is no more: its end of our input is closed.
bool is_caller_gone() {
  pollfd input{STDIN_FILENO, 0, 0};
  return poll(&input, 1, 0) > 0 && (input.revents & POLLHUP) != 0;
}

Result<Wall> take_time(Request& request, const char* key) {
  const auto ns = TRY(request.take<std::int64_t>(key, -1));
  return ns < 0 ? kNoWall : Wall{Duration{ns}};
}

// A table of a database, as columns in a file of the caller's.
Result<Json> frame(Request& request) {
  const auto name = TRY(request.take<std::string>("table", {}));
  const auto database = TRY(request.take<std::string>("db", {}));
  const auto ids = TRY(request.take<std::vector<std::string>>("ids", {}));
  const auto descriptor = TRY(request.take<std::int64_t>("descriptor", -1));
  frames::Wanted wanted;
  wanted.columns = TRY(request.take<std::vector<std::string>>("columns", {}));
  wanted.service = TRY(request.take<std::string>("service", {}));
  wanted.from = TRY(take_time(request, "from"));
  wanted.to = TRY(take_time(request, "to"));
  wanted.go_on = [](std::uint64_t) { return !is_caller_gone(); };
  TRY(request.end());
  const auto tables = frames::all_tables();
  const auto table =
      std::find_if(tables.begin(), tables.end(), [&](const auto& one) { return one.name == name; });
  if (table == tables.end()) return wrong_request(fmt::format("there is no table '{}'", name));
  if (descriptor <= STDERR_FILENO || descriptor > 1 << 20)
    return wrong_request("'descriptor' must be that of an empty file");
  std::error_code ignored;
  const auto store =
      TRY(std::filesystem::is_directory(database, ignored) ? tables::open_export(database)
                                                           : open_database(database));
  for (const std::string& id : ids) wanted.ids.push_back(TRY(find_experiment(*store, id)).id);
  frames::PartedFile file(static_cast<int>(descriptor));
  const frames::Frame read = TRY(table->read(*store, wanted, file));
  return Json::parse(frames::to_json(read));
}

struct Call {
  const char* name;
  Result<Json> (*answer)(Request& request);
};
constexpr Call kCalls[] = {{"frame", frame}};

Result<Json> answer(const std::string& line) {
  Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return wrong_request("it is no JSON object");
  Request request(std::move(json));
  const auto name = TRY(request.take<std::string>("call", {}));
  for (const Call& call : kCalls) {
    if (call.name == name) return call.answer(request);
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
  for (std::string line; std::getline(std::cin, line);) {
    const auto answered = answer(line);
    const Json json =
        answered.ok() ? Json({{"ok", *answered}}) : Json({{"error", json_of(answered.error())}});
    const bool told = print_data(json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    if (!told || is_caller_gone()) break;
  }
  return kFine;
}

}  // namespace galileo::commands
