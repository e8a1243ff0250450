#include "commands/status_page.h"

#include "net/resolver.h"

namespace galileo::commands {
namespace {

// Probes and scrapers: few of them, and quick ones.
net::ServerOptions options() {
  net::ServerOptions options;
  options.message = {std::uint32_t{16} << 10, std::uint64_t{64} << 10, true};
  options.connections = 256;
  options.next = std::chrono::minutes{5};
  options.head = options.body = std::chrono::seconds{10};
  options.body_least = 1024;
  options.writing = options.unacknowledged = std::chrono::seconds{30};
  return options;
}

}  // namespace

StatusPage::StatusPage(net::Loop& loop, std::function<std::string()> metrics,
                       std::function<std::string()> trouble, std::function<std::string()> not_ready)
    : loop_(loop),
      metrics_(std::move(metrics)),
      trouble_(std::move(trouble)),
      not_ready_(std::move(not_ready)),
      server_(loop.timers(), loop.clock(), *this, options()) {}

Result<std::optional<net::Address>> status_address(const std::string& flag) {
  if (flag.empty()) return std::nullopt;
  auto address = net::resolve_listen(flag, "127.0.0.1");
  if (address.ok()) return *address;
  address.error().where = "--status";
  return address.error();
}

Result<void> StatusPage::listen(const net::Address& address) {
  listener_ =
      std::make_unique<net::TcpListener>(loop_, [this](int fd) { server_.adopt(loop_, fd); });
  return listener_->listen(address);
}

std::string StatusPage::where() const {
  const auto address = listener_->local_address();
  return address.ok() ? address->to_text() : std::string();
}

void StatusPage::on_request(net::ServerConnection& connection) {
  const std::string path = connection.target().substr(0, connection.target().find('?'));
  int status = 200;
  std::string body;
  if (path == "/metrics") {
    body = metrics_();
  } else if (path == "/healthz") {
    const std::string trouble = trouble_();
    body = trouble.empty() ? "ok\n" : trouble + "\n";
  } else if (path == "/readyz") {
    const std::string why = not_ready_();
    status = why.empty() ? 200 : 503;
    body = why.empty() ? "ok\n" : why + "\n";
  } else {
    status = 404;
    body = "there are /healthz, /readyz and /metrics\n";
  }
  connection.answer(wire::http1::serialize_response(
      status, {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}}, body,
      connection.keep_alive(), connection.method() == "HEAD"));
}

}  // namespace galileo::commands
