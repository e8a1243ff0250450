// The session's call `once`: one request from this process, as a client of a fleet would send it,
// with its answer whole.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "commands/client_apps.h"
#include "commands/session_parts.h"
#include "load/app_request.h"
#include "load/engine.h"
#include "load/request_parameters.h"
#include "net/clock.h"
#include "net/loop.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint32_t kBodyMax = 64u << 20;
constexpr Duration kLookEvery = std::chrono::milliseconds{100};

// What became of the one request. Written on the engine's loop; read once that has ended.
class OneTrace final : public load::TraceSink {
 public:
  wire::NameId name(std::string_view text) override { return names_.add(std::string(text)); }
  void put(const wire::Trace& one) override {
    trace = one;
    headers = one.headers;
    body = one.response;
    server = names_.at(one.server);
    came = true;
  }

  wire::Trace trace;
  std::string headers;
  std::string body;
  std::string server;
  bool came = false;

 private:
  wire::Names names_;
};

// Bytes as text: each is the letter of that number.
std::string letters_of(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (const char byte : bytes) {
    const auto letter = static_cast<unsigned char>(byte);
    if (letter < 0x80) {
      text += byte;
    } else {
      text += static_cast<char>(0xC0 | letter >> 6);
      text += static_cast<char>(0x80 | (letter & 0x3F));
    }
  }
  return text;
}

std::int64_t ns_of(Wall wall) {
  return wall == kNoWall ? -1 : wall.time_since_epoch().count();
}

Result<load::ServiceSpec> take_service(SessionRequest& request) {
  load::ServiceSpec service;
  service.name = TRY(request.take_text("service", "service"));
  service.router = TRY(request.take_text("router", service.router));
  service.static_host = TRY(request.take_text("static_host"));
  const auto hosts = TRY(request.take_texts("hosts"));
  const Json weights = request.take_json("weights");
  const bool are_numbers =
      weights.is_array() && weights.size() == hosts.size() &&
      std::all_of(weights.begin(), weights.end(), [](const Json& one) { return one.is_number(); });
  if (!weights.is_null() && !are_numbers)
    return wrong_request("'weights' must be a number for each host");
  for (std::size_t i = 0; i < hosts.size(); ++i)
    service.hosts.emplace_back(hosts[i], are_numbers ? weights[i].get<double>() : 1);
  return service;
}

// Sends it, and waits for its end or the caller's.
Result<void> send(const load::Engine::Options& options, const load::Request& request,
                  OneTrace& trace) {
  net::Loop control;
  load::Engine engine(control, options, {&trace});
  engine.set_events({{}, [&](const std::string&) { control.stop(); }, {}});
  const load::ServiceSpec& service = options.services.front();
  std::vector<route::Host> hosts;
  for (const auto& [name, weight] : service.hosts) hosts.push_back({name, weight});
  if (!hosts.empty()) TRY(engine.set_routes(service.name, std::move(hosts)));
  TRY(engine.add_clients(service.name, request, {"here"}));
  load::Workload once;
  once.arrival = {"constant", {0}, {}, "static"};
  once.requests = 1;
  TRY(engine.set_workload({"here"}, once, control.clock().now()));
  net::Timer look([&](Time now) {
    if (is_caller_gone()) return control.stop();
    control.timers().set(look, now + kLookEvery);
  });
  control.timers().set(look, control.clock().now() + kLookEvery);
  control.run();
  control.timers().cancel(look);
  engine.end_all();
  engine.join();
  return {};
}

Result<Json> once(SessionRequest& request) {
  load::Engine::Options options;
  options.services.push_back(TRY(take_service(request)));
  const Json parameters = request.take_json("parameters");
  const std::string app = TRY(request.take_text("client"));
  TRY(request.end());
  const std::string given = parameters.is_null()
                                ? std::string()
                                : parameters.dump(-1, ' ', false, Json::error_handler_t::replace);
  const load::Request what =
      app.empty() ? TRY(load::parse_request_parameters(given))
                  : TRY(load::first_of_app(TRY(load::app_request(app, given, app_settings()))));
  options.wall_clock = net::RealClock().wall_clock();
  options.limits.threads = 1;
  options.limits.redirects_max = load::kRedirectsFollowed;
  options.limits.keep_headers = true;
  options.limits.keep_response = kBodyMax;
  OneTrace one;
  TRY(send(options, what, one));
  const std::string& service = options.services.front().name;
  if (!one.came || one.trace.status < 0)
    return Error{one.trace.failure == wire::Failure::no_route ? ErrorCode::kNotFound
                                                              : ErrorCode::kUnavailable,
                 fmt::format("no answer to the request to '{}'", service),
                 one.server,
                 std::string(failure_text(one.trace.failure)),
                 {}};
  return Json{{"status", one.trace.status},
              {"server", one.server},
              {"method", what.method},
              {"path", what.path},
              {"headers", Json::parse(one.headers, nullptr, false)},
              {"body", letters_of(one.body)},
              {"bytes", one.trace.response_bytes},
              {"sent", ns_of(one.trace.sent)},
              {"first_byte", ns_of(one.trace.first_byte)},
              {"done", ns_of(one.trace.done)}};
}

class OnceCalls : public SessionPart {
 public:
  std::optional<Result<Json>> answer(std::string_view call, SessionRequest& request) override {
    if (call == "once") return once(request);
    return std::nullopt;
  }
};

}  // namespace

std::unique_ptr<SessionPart> session_once() {
  return std::make_unique<OnceCalls>();
}

}  // namespace galileo::commands
