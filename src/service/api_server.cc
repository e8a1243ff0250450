#include "service/api_server.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "net/clock.h"
#include "service/live_page.h"
#include "service/problem_json.h"
#include "service/rest_body.h"
#include "service/tokens.h"
#include "service/v1_answers.h"
#include "wire/json.h"

namespace galileo::service {
namespace {

net::ServerOptions server_options() {
  net::ServerOptions options;
  options.keep_requests = true;
  options.message.strict = true;
  options.message.body_max = std::uint64_t{64} << 20;
  options.connections = 10'000;
  options.next = std::chrono::minutes{2};
  options.head = options.body = std::chrono::seconds{10};
  options.body_least = std::uint64_t{10} << 10;
  options.writing = options.unacknowledged = std::chrono::seconds{30};
  return options;
}

bool is_loopback(const net::Address& address) {
  if (address.family() == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(address.raw());
    return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
  }
  if (address.family() != AF_INET6) return false;
  const auto& in = reinterpret_cast<const sockaddr_in6*>(address.raw())->sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&in) || (IN6_IS_ADDR_V4MAPPED(&in) && in.s6_addr[12] == 127);
}

std::string_view path_of(const net::ServerConnection& connection) {
  return std::string_view(connection.target()).substr(0, connection.target().find('?'));
}

bool is_v1(std::string_view path) {
  return path.starts_with(kV1Prefix) &&
         (path.size() == kV1Prefix.size() || path[kV1Prefix.size()] == '/');
}

bool is_page(std::string_view path) {
  return path == "/" || path == "/index.html" || path.starts_with("/assets/");
}

// The address alone: a port tells nobody apart.
std::string peer_text(const net::Address& address) {
  const std::string text = address.to_text();
  return text.substr(0, text.rfind(':'));
}

std::string_view method_of(const net::ServerConnection& connection) {
  return connection.method() == "HEAD" ? std::string_view("GET") : connection.method();
}

std::string text_of(const std::string* header) {
  return header ? *header : std::string();
}

RestAnswer come_again(RestAnswer answer, const char* seconds) {
  answer.headers.emplace_back("Retry-After", seconds);
  return answer;
}

}  // namespace

// A thread with a database of its own.
struct ApiServer::AtDesk {
  AtDesk(std::size_t number, bus::Bus& its_bus, OpenStore open, const ApiOptions& its_options)
      : bus(its_bus),
        open_store(std::move(open)),
        options(its_options),
        shelf(its_options.apps_folder),
        thread(fmt::format("api-{}", number)) {}

  // Nothing: it is open.
  std::optional<Error> open() {
    if (store) return std::nullopt;
    auto opened = open_store();
    if (!opened.ok()) {
      log(LogLevel::kWarning, "the database can't be opened", {{"why", opened.error().to_text()}});
      return Error{ErrorCode::kUnavailable, "the database can't be opened", {}, {}, {}};
    }
    store = std::move(*opened);
    return std::nullopt;
  }

  RestAnswer answer(const LegacyRoute& route, const RestRequest& request) {
    if (const auto closed = open()) return come_again(problem(503, closed->what), "5");
    LegacyApi api(bus, *store, shelf);
    return (api.*route.handler)(request);
  }

  RestAnswer answer(const V1Route& route, const RestRequest& request) {
    if (const auto closed = open()) return problem_answer(*closed);
    V1Api api(bus, *store, options.v1);
    return (api.*route.handler)(request);
  }

  bus::Bus& bus;
  const OpenStore open_store;
  const ApiOptions& options;
  AppShelf shelf;
  std::unique_ptr<store::Store> store;
  std::size_t waiting = 0;  // of the server's loop
  net::LoopThread thread;   // last: it ends before what it uses
};

ApiServer::ApiServer(net::Loop& loop, bus::Bus& bus, const OpenStore& open_store,
                     ApiOptions options, net::TlsAcceptor* tls)
    : loop_(loop),
      options_(std::move(options)),
      tls_(tls),
      access_(options_.access),
      door_(options_.guard, access_),
      server_(loop.timers(), loop.clock(), *this, server_options()),
      hub_(server_, random_secret().substr(0, 12)),
      files_(server_),
      timer_([this](Time now) { look_after_streams(now); }),
      watch_(
          loop, bus, open_store,
          [this](LabWatch::Seen seen) { hub_.show(std::move(seen.experiments), seen.removed); },
          [this](const LabWatch::Told& told) {
            using Kind = StreamHub::Kind;
            if (told.type != "state" && told.type != "point" && told.type != "event") return;
            hub_.tell(told.type == "state"   ? Kind::kLive
                      : told.type == "point" ? Kind::kPoint
                                             : Kind::kEvent,
                      told.experiment, told.json);
            if (told.json.find("\"over\"") != std::string::npos) watch_.nudge();
          }) {
  for (std::size_t i = 0; i < options_.desks; ++i)
    desks_.push_back(std::make_unique<AtDesk>(i, bus, open_store, options_));
  access_.look();
  look_after_streams(loop.clock().now());
}

ApiServer::~ApiServer() {
  for (auto& desk : desks_) desk->thread.join();
}

Result<void> ApiServer::listen(const net::Address& address) {
  auto listener =
      std::make_unique<net::TcpListener>(loop_, [this](int fd) { server_.adopt(loop_, fd, tls_); });
  TRY(listener->listen(address));
  listeners_.push_back(std::move(listener));
  return {};
}

std::vector<std::string> ApiServer::places() const {
  std::vector<std::string> texts;
  for (const auto& listener : listeners_) {
    const auto address = listener->local_address();
    texts.push_back(address.ok() ? address->to_text() : address.error().to_text());
  }
  return texts;
}

void ApiServer::wind_up() {
  listeners_.clear();
  server_.wind_up();
}

std::string ApiServer::metrics() const {
  return fmt::format(
      "# TYPE galileo_api_streams gauge\ngalileo_api_streams {}\n"
      "# TYPE galileo_api_stream_states_left_out_total counter\n"
      "galileo_api_stream_states_left_out_total {}\n",
      hub_.streams(), hub_.left_out());
}

void ApiServer::look_after_streams(Time now) {
  constexpr Duration kBeatEvery = std::chrono::seconds{15};
  access_.look();
  const Wall wall = net::RealClock::wall_now();
  hub_.keep_only([&](const Caller& caller) { return access_.holds(caller, wall); });
  if (now >= beat_at_) {
    beat_at_ = now + kBeatEvery;
    hub_.beat();
  }
  loop_.timers().set(timer_, now + std::chrono::seconds{2});
}

ApiServer::Route ApiServer::route_of(const net::ServerConnection& connection) const {
  Route route;
  for (const LegacyRoute& row : legacy_routes()) {
    std::vector<std::string> arguments;
    if (!match_path(row.pattern, path_of(connection), arguments)) continue;
    route.is_known_path = true;
    route.methods += route.methods.empty() ? "" : ", ";
    route.methods += row.method;
    if (row.method != method_of(connection)) continue;
    route.row = &row;
    route.arguments = std::move(arguments);
  }
  return route;
}

Visitor ApiServer::visitor_of(const net::ServerConnection& connection) const {
  Visitor visitor;
  visitor.is_local = is_loopback(connection.peer());
  visitor.is_forwarded = connection.header("X-Forwarded-For") || connection.header("Forwarded") ||
                         connection.header("X-Real-IP") || connection.header("Via");
  visitor.host = text_of(connection.header("Host"));
  visitor.origin = text_of(connection.header("Origin"));
  visitor.fetch_site = text_of(connection.header("Sec-Fetch-Site"));
  visitor.content_type = text_of(connection.header("Content-Type"));
  visitor.writes = method_of(connection) != "GET" && method_of(connection) != "OPTIONS";
  visitor.peer = peer_text(connection.peer());
  visitor.authorization = text_of(connection.header("Authorization"));
  visitor.cookie = text_of(connection.header("Cookie"));
  return visitor;
}

void ApiServer::on_head(net::ServerConnection& connection) {
  const std::string_view path = path_of(connection);
  if (is_v1(path)) return on_v1_head(connection);
  if (is_page(path)) return on_page(connection);
  on_legacy_head(connection);
}

void ApiServer::on_request(net::ServerConnection& connection) {
  if (is_v1(path_of(connection))) return on_v1_request(connection);
  on_legacy_request(connection);
}

void ApiServer::on_drained(net::ServerConnection& connection) {
  const std::uint64_t id = connection.id();
  hub_.on_drained(id);
  files_.on_drained(id);
}

void ApiServer::on_gone(std::uint64_t id) {
  hub_.on_gone(id);
  files_.on_gone(id);
}

// Who has a login for the new calls has it for the old ones, where the administrator says so.
std::optional<RestAnswer> ApiServer::legacy_refusal(const Visitor& visitor, const Route& route) {
  const std::string_view type = route.row ? route.row->body_type : std::string_view();
  if (auto refused = refusal_of(options_.guard, visitor, type)) return refused;
  if (options_.guard.legacy != LegacyAccess::kToken) return std::nullopt;
  access_.look();
  const Caller caller = access_.caller_of(visitor, net::RealClock::wall_now());
  if (auto refused = access_.too_often(visitor, caller, loop_.clock().now())) return refused;
  const bool is_app = route.row && route.row->pattern.starts_with("/api/apps");
  const Scope needed = !visitor.writes ? Scope::kRead : is_app ? Scope::kAdmin : Scope::kRun;
  if (caller.scope >= needed) return std::nullopt;
  if (caller.scope != Scope::kNone)
    return problem(403, "this login may not do that",
                   fmt::format("the scope {} is needed", scope_name(needed)));
  RestAnswer answer = problem(401, "a login is needed", "galileo api token add makes a token");
  answer.headers.emplace_back("WWW-Authenticate", "Bearer");
  return answer;
}

// Whoever isn't let in, or asks for what isn't there, doesn't have its body read first.
void ApiServer::on_legacy_head(net::ServerConnection& connection) {
  const Route route = route_of(connection);
  if (auto refused = legacy_refusal(visitor_of(connection), route))
    return respond(connection, std::move(*refused));
  if (connection.method() == "OPTIONS" && route.is_known_path) return preflight(connection, route);
  if (!route.row) {
    RestAnswer answer;
    answer.status = route.is_known_path ? 405 : 404;
    if (route.is_known_path) answer.headers.emplace_back("Allow", route.methods);
    return respond(connection, std::move(answer));
  }
  connection.bound_body(route.row->body_max);
}

void ApiServer::on_legacy_request(net::ServerConnection& connection) {
  const Route route = route_of(connection);
  RestRequest request;
  request.method = method_of(connection);
  request.arguments = route.arguments;
  request.body = connection.body();
  hand_over(
      connection, idlest_desk(),
      [row = route.row, asked = std::move(request)](AtDesk& desk) {
        return desk.answer(*row, asked);
      },
      false, visitor_of(connection).writes);
}

void ApiServer::on_v1_head(net::ServerConnection& connection) {
  auto entered = door_.enter(connection, visitor_of(connection), loop_.clock().now(),
                             net::RealClock::wall_now(), V1Door::Counts::kYes);
  if (auto* const refused = std::get_if<RestAnswer>(&entered))
    return respond_v1(connection, std::move(*refused));
  connection.bound_body(std::get<V1Call>(entered).route->body.empty() ? 0 : kV1BodyMax);
}

void ApiServer::on_v1_request(net::ServerConnection& connection) {
  auto entered = door_.enter(connection, visitor_of(connection), loop_.clock().now(),
                             net::RealClock::wall_now(), V1Door::Counts::kNo);
  if (auto* const refused = std::get_if<RestAnswer>(&entered))
    return respond_v1(connection, std::move(*refused));
  V1Call& call = std::get<V1Call>(entered);
  call.request.body = connection.body();
  if (!call.route->handler) return answer_on_loop(connection, call);
  const bool changes = call.route->method != "GET";
  AtDesk& desk = call.route->is_alone ? *desks_.front() : idlest_desk();
  hand_over(
      connection, desk,
      [route = call.route, asked = std::move(call.request)](AtDesk& its) {
        return its.answer(*route, asked);
      },
      true, changes);
}

void ApiServer::hand_over(net::ServerConnection& connection, AtDesk& desk, Work work, bool is_v1,
                          bool changes) {
  if (desk.waiting * desks_.size() >= options_.waiting_max) {
    constexpr const char* kTooMany = "too many requests at once";
    if (is_v1)
      return respond_v1(connection, come_again(problem_answer(ProblemDetail{503, kTooMany}), "1"));
    return respond(connection, come_again(problem(503, kTooMany), "1"));
  }
  ++desk.waiting;
  const auto answer = [this, &desk, id = connection.id(), work = std::move(work), is_v1, changes] {
    RestAnswer made = work(desk);
    loop_.post([this, &desk, id, made = std::move(made), is_v1, changes] {
      --desk.waiting;
      if (changes && made.status < 300) watch_.nudge();
      net::ServerConnection* const its = server_.find(id);
      if (its && is_v1) respond_v1(*its, made);
      if (its && !is_v1) respond(*its, made);
    });
  };
  desk.thread.loop().post(answer);
}

void ApiServer::answer_on_loop(net::ServerConnection& connection, const V1Call& call) {
  using OnLoop = V1Route::OnLoop;
  const Visitor visitor = visitor_of(connection);
  switch (call.route->on_loop) {
    case OnLoop::kNo:
    case OnLoop::kIndex:
      return respond_v1(connection, json_answer(fmt::format(R"({{"version": {}}})",
                                                            wire::json_text(options_.version))));
    case OnLoop::kDocument:
      return respond_v1(connection, json_answer(openapi_json(options_.version)));
    case OnLoop::kWho:
      return respond_v1(connection, session(call.request.caller));
    case OnLoop::kLogIn:
      return respond_v1(connection, log_in(call, visitor));
    case OnLoop::kLogOut: {
      access_.log_out(ApiAccess::session_of(visitor.cookie));
      RestAnswer answer = nothing_more();
      answer.headers.emplace_back(
          "Set-Cookie",
          fmt::format("{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0", ApiAccess::kCookie));
      return respond_v1(connection, std::move(answer));
    }
    case OnLoop::kStream:
      return follow(connection, call);
  }
}

RestAnswer ApiServer::session(const Caller& caller) const {
  std::string scopes;
  for (const Scope scope : {Scope::kRead, Scope::kRun, Scope::kAdmin}) {
    if (caller.scope >= scope)
      scopes += fmt::format("{}\"{}\"", scopes.empty() ? "" : ", ", scope_name(scope));
  }
  const auto text = [](const std::string& value) {
    return value.empty() ? std::string("null") : wire::json_text(value);
  };
  return json_answer(
      fmt::format(R"({{"name": {}, "scopes": [{}], "via": {}, "expires": {}, "needs_login": {}}})",
                  text(caller.name), scopes, text(caller.via),
                  caller.expires == kNoWall ? std::string("null")
                                            : wire::json_real(to_unix_seconds(caller.expires)),
                  caller.scope == Scope::kNone));
}

RestAnswer ApiServer::log_in(const V1Call& call, const Visitor& visitor) {
  RestBody body(call.request.body);
  const std::string token = body.text("token", true);
  if (auto refused = body.refusal()) return std::move(*refused);
  const Wall wall = net::RealClock::wall_now();
  const auto cookie = access_.log_in(token, wall);
  if (!cookie) {
    if (auto refused = access_.too_many_failures(visitor, loop_.clock().now()))
      return std::move(*refused);
    RestAnswer answer = problem_answer(ProblemDetail{401, "no such token"});
    answer.headers.emplace_back("WWW-Authenticate", "Bearer");
    return answer;
  }
  Visitor as_cookie = visitor;
  as_cookie.authorization.clear();
  as_cookie.cookie = fmt::format("{}={}", ApiAccess::kCookie, *cookie);
  RestAnswer answer = session(access_.caller_of(as_cookie, wall));
  answer.headers.emplace_back(
      "Set-Cookie",
      fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{}", ApiAccess::kCookie,
                  *cookie,
                  std::chrono::duration_cast<std::chrono::seconds>(options_.access.session).count(),
                  tls_ ? "; Secure" : ""));
  return answer;
}

void ApiServer::follow(net::ServerConnection& connection, const V1Call& call) {
  RestAnswer head;
  head.content_type = "text/event-stream";
  if (connection.method() == "HEAD") return respond_v1(connection, std::move(head));
  std::string last_id = text_of(connection.header("Last-Event-ID"));
  if (last_id.empty()) last_id = call.request.parameter("last_event_id");
  const std::string only =
      call.request.arguments.empty() ? std::string() : call.request.arguments.front();
  if (!hub_.enter(connection, only, last_id, call.request.caller))
    respond_v1(connection, come_again(problem_answer(ProblemDetail{503, "too many streams"}), "5"));
}

void ApiServer::on_page(net::ServerConnection& connection) {
  if (!is_own_host(options_.guard, text_of(connection.header("Host"))))
    return respond_v1(connection,
                      problem_answer(ProblemDetail{403,
                                                   "the host asked for isn't this machine",
                                                   {},
                                                   "--allowed-host of galileo api adds a name"}));
  if (method_of(connection) != "GET") {
    RestAnswer answer = problem_answer(ProblemDetail{405, "it hasn't this method"});
    answer.headers.emplace_back("Allow", "GET, HEAD");
    return respond_v1(connection, std::move(answer));
  }
  auto file = live_page_file(path_of(connection));
  respond_v1(connection,
             file ? std::move(*file) : problem_answer(ProblemDetail{404, "there is no such file"}));
}

net::HttpService::Words ApiServer::words_of(int status) const {
  RestAnswer answer =
      problem_answer(ProblemDetail{status, std::string(wire::http1::reason_phrase(status))});
  return {answer.content_type, answer.body};
}

void ApiServer::respond(net::ServerConnection& connection, RestAnswer answer) const {
  answer.headers.emplace_back("Content-Type", answer.content_type);
  if (options_.guard.legacy == LegacyAccess::kOpen)
    answer.headers.emplace_back("Access-Control-Allow-Origin", "*");
  else
    answer.headers.emplace_back("X-Content-Type-Options", "nosniff");
  connection.respond(answer.status, answer.headers, answer.body);
}

void ApiServer::respond_v1(net::ServerConnection& connection, RestAnswer answer) {
  if (answer.status != 204) answer.headers.emplace_back("Content-Type", answer.content_type);
  answer.headers.emplace_back("X-Content-Type-Options", "nosniff");
  const bool says_how_long =
      std::any_of(answer.headers.begin(), answer.headers.end(),
                  [](const auto& header) { return header.first == "Cache-Control"; });
  if (!says_how_long) answer.headers.emplace_back("Cache-Control", "no-store");
  if (!answer.file.empty()) {
    if (files_.begin(connection, answer)) return;
    answer = problem_answer(ProblemDetail{503, "the file is gone", {}, "ask for it again"});
    answer.headers.emplace_back("Content-Type", answer.content_type);
    answer.headers.emplace_back("Retry-After", "1");
  }
  connection.respond(answer.status, answer.headers, answer.body);
}

// A browser asks before it sends a page's request: as the old API answered it, where it is open.
void ApiServer::preflight(net::ServerConnection& connection, const Route& route) const {
  RestAnswer answer;
  answer.headers.emplace_back("Allow", route.methods);
  if (options_.guard.legacy == LegacyAccess::kOpen) {
    answer.headers.emplace_back("Access-Control-Allow-Methods", route.methods);
    answer.headers.emplace_back("Access-Control-Max-Age", "86400");
    if (const std::string* const asked = connection.header("Access-Control-Request-Headers"))
      answer.headers.emplace_back("Access-Control-Allow-Headers", *asked);
  }
  respond(connection, std::move(answer));
}

ApiServer::AtDesk& ApiServer::idlest_desk() {
  // The first one is for what has to be done one at a time.
  return **std::min_element(desks_.begin() + 1, desks_.end(),
                            [](const auto& a, const auto& b) { return a->waiting < b->waiting; });
}

}  // namespace galileo::service
