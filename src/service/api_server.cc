#include "service/api_server.h"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <utility>

#include "base/log.h"

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

std::string_view method_of(const net::ServerConnection& connection) {
  return connection.method() == "HEAD" ? std::string_view("GET") : connection.method();
}

std::string text_of(const std::string* header) {
  return header ? *header : std::string();
}

}  // namespace

// A thread with a database of its own.
struct ApiServer::AtDesk {
  AtDesk(std::size_t number, bus::Bus& its_bus, OpenStore open, const std::string& apps_folder)
      : bus(its_bus),
        open_store(std::move(open)),
        shelf(apps_folder),
        thread(fmt::format("api-{}", number)) {}

  RestAnswer answer(const LegacyRoute& route, const RestRequest& request) {
    if (!store) {
      auto opened = open_store();
      if (!opened.ok()) {
        log(LogLevel::kWarning, "the database can't be opened",
            {{"why", opened.error().to_text()}});
        RestAnswer answer = problem(503, "the database can't be opened");
        answer.headers.emplace_back("Retry-After", "5");
        return answer;
      }
      store = std::move(*opened);
    }
    LegacyApi api(bus, *store, shelf);
    return (api.*route.handler)(request);
  }

  bus::Bus& bus;
  const OpenStore open_store;
  AppShelf shelf;
  std::unique_ptr<store::Store> store;
  std::size_t waiting = 0;  // of the server's loop
  net::LoopThread thread;   // last: it ends before what it uses
};

ApiServer::ApiServer(net::Loop& loop, bus::Bus& bus, const OpenStore& open_store,
                     ApiOptions options)
    : loop_(loop),
      options_(std::move(options)),
      server_(loop.timers(), loop.clock(), *this, server_options()) {
  for (std::size_t i = 0; i < options_.desks; ++i)
    desks_.push_back(std::make_unique<AtDesk>(i, bus, open_store, options_.apps_folder));
}

ApiServer::~ApiServer() {
  for (auto& desk : desks_) desk->thread.join();
}

Result<void> ApiServer::listen(const net::Address& address) {
  auto listener =
      std::make_unique<net::TcpListener>(loop_, [this](int fd) { server_.adopt(loop_, fd); });
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

ApiServer::Route ApiServer::route_of(const net::ServerConnection& connection) const {
  const std::string_view path =
      std::string_view(connection.target()).substr(0, connection.target().find('?'));
  Route route;
  for (const LegacyRoute& row : legacy_routes()) {
    std::vector<std::string> arguments;
    if (!match_path(row.pattern, path, arguments)) continue;
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
  return visitor;
}

// Whoever isn't let in, or asks for what isn't there, doesn't have its body read first.
void ApiServer::on_head(net::ServerConnection& connection) {
  const Route route = route_of(connection);
  const std::string_view type = route.row ? route.row->body_type : std::string_view();
  if (auto refused = refusal_of(options_.guard, visitor_of(connection), type))
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

void ApiServer::on_request(net::ServerConnection& connection) {
  const Route route = route_of(connection);
  AtDesk& desk = idlest_desk();
  if (desk.waiting * desks_.size() >= options_.waiting_max) {
    RestAnswer answer = problem(503, "too many requests at once");
    answer.headers.emplace_back("Retry-After", "1");
    return respond(connection, std::move(answer));
  }
  ++desk.waiting;
  RestRequest request{std::string(method_of(connection)), route.arguments, connection.body()};
  const auto answer = [this, &desk, id = connection.id(), row = route.row,
                       asked = std::move(request)] {
    RestAnswer made = desk.answer(*row, asked);
    loop_.post([this, &desk, id, made = std::move(made)] {
      --desk.waiting;
      if (net::ServerConnection* const its = server_.find(id)) respond(*its, made);
    });
  };
  desk.thread.loop().post(answer);
}

net::HttpService::Words ApiServer::words_of(int status) const {
  const RestAnswer answer = problem(status, wire::http1::reason_phrase(status));
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
  return **std::min_element(desks_.begin(), desks_.end(),
                            [](const auto& a, const auto& b) { return a->waiting < b->waiting; });
}

}  // namespace galileo::service
