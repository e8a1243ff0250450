// The session's calls `plan`, `report` and `runs`: what a program asks about runs. The runs
// themselves are processes of their own (run_door.h).
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "analysis/report.h"
#include "commands/asked_run.h"
#include "commands/run_folder.h"
#include "commands/run_pods.h"
#include "commands/session_parts.h"
#include "net/address.h"
#include "plan/plan.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

// A run whose process is stopped says nothing, and holds nobody up for longer.
constexpr int kAnswerMs = 1000;
constexpr std::size_t kAnswerMax = std::size_t{1} << 20;

// What a run would do, and nothing is done.
Result<Json> plan(SessionRequest& request) {
  const AskedRun asked = TRY(take_run(request));
  TRY(request.end());
  const plan::Plan plan = TRY(plan_of(asked));
  const bool on_fleet = !asked.bus.empty() || !plan.bus.empty();
  std::string text = plan::describe(plan, on_fleet ? plan::Where::kFleet : plan::Where::kHere);
  text += TRY(objects_text(plan));
  return Json{{"name", plan.name}, {"plan", Json::parse(plan::to_json(plan))}, {"text", text}};
}

Result<Json> report(SessionRequest& request) {
  const Json document = request.take_json("document");
  const auto path = TRY(request.take_text("path"));
  TRY(request.end());
  if (!document.is_object()) return wrong_request("'document' must be a result");
  if (path.empty() || path == "-") return wrong_request("'path' must name a file");
  TRY(analysis::write_report(path, document.dump()));
  return Json::object();
}

// Ends with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

bool await(int fd, short events) {
  pollfd waiting{fd, events, 0};
  return poll(&waiting, 1, kAnswerMs) == 1;
}

// How far the run at `socket` is; `refused`: nobody listens there.
std::optional<Json> ask_state(const std::string& path, bool& refused) {
  const auto address = net::unix_address(path);
  if (!address.ok()) return std::nullopt;
  const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return std::nullopt;
  if (connect(fd.get(), address->raw(), address->size) != 0) {
    refused = errno == ECONNREFUSED;
    return std::nullopt;
  }
  constexpr std::string_view kAsk = "{\"call\": \"follow\"}\n";
  if (send(fd.get(), kAsk.data(), kAsk.size(), MSG_NOSIGNAL) != ssize_t{kAsk.size()})
    return std::nullopt;
  std::string line;
  char part[1 << 14];
  while (!line.ends_with('\n') && line.size() < kAnswerMax && await(fd.get(), POLLIN)) {
    const ssize_t got = recv(fd.get(), part, sizeof part, 0);
    if (got <= 0) return std::nullopt;
    line.append(part, static_cast<std::size_t>(got));
  }
  Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("ok")) return std::nullopt;
  return std::move(json["ok"]);
}

// A process that was killed before its run had an id left a socket that nobody would ask.
bool is_left_over(const std::string& name) {
  const int pid = std::atoi(name.c_str() + 1);
  return pid > 0 && kill(pid, 0) != 0 && errno == ESRCH;
}

// Sockets that nobody listens at any more go: they listen from the moment on in which they have
// their names.
Result<Json> runs(SessionRequest& request) {
  TRY(request.end());
  const std::string folder = TRY(run_folder());
  Json list = Json::array();
  std::error_code error;
  auto at = std::filesystem::directory_iterator(folder, error);
  std::vector<std::string> names;
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error))
    names.push_back(at->path().filename().string());
  if (error)
    return system_error("can't read the folder of this user's runs", folder, error.value());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::string path = fmt::format("{}/{}", folder, name);
    if (name.starts_with('.') && is_left_over(name)) unlink(path.c_str());
    if (name.starts_with('.') || !name.ends_with(".sock")) continue;
    bool refused = false;
    const auto state = ask_state(path, refused);
    if (refused) {
      unlink(path.c_str());
      continue;
    }
    list.push_back({{"id", name.substr(0, name.size() - std::string_view(".sock").size())},
                    {"socket", path},
                    {"state", state ? *state : Json(nullptr)}});
  }
  return list;
}

class RunCalls : public SessionPart {
 public:
  std::optional<Result<Json>> answer(std::string_view call, SessionRequest& request) override {
    if (call == "plan") return plan(request);
    if (call == "report") return report(request);
    if (call == "runs") return runs(request);
    return std::nullopt;
  }
};

}  // namespace

std::unique_ptr<SessionPart> session_runs() {
  return std::make_unique<RunCalls>();
}

}  // namespace galileo::commands
