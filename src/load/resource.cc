#include "load/resource.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/secrets.h"
#include "base/text.h"
#include "net/http_call.h"
#include "net/signals.h"
#include "wire/http1.h"
#include "wire/uri.h"

namespace galileo::load {
namespace {

constexpr Duration kLookEach = std::chrono::milliseconds{50};

Error not_fetched(const std::string& url, std::string why) {
  return Error{ErrorCode::kUnavailable,
               "can't fetch what requests are made of",
               without_secrets_of_url(url),
               std::move(why),
               {}};
}

// A loop of its own, for this one request.
Result<std::string> fetch(const std::string& url) {
  const wire::Uri uri = TRY(wire::parse_uri(url));
  net::Loop loop;
  net::TcpConnector connector(loop);
  net::HttpPeer::Options options;
  options.host_port = uri.host_port();
  options.connect_timeout = kFetchTimeout;
  if (uri.scheme == "https") {
    options.tls.emplace();
    options.tls->server_name = uri.host;
  }
  const auto peer = TRY(net::HttpPeer::make(loop, connector, options));
  net::HttpCall call(*peer, kFetchTimeout, net::HttpCall::Within::kAnswer);
  std::string body;
  Result<int> ended = 0;
  net::HttpCall::Handlers handlers;
  handlers.on_body = [&](int, std::string_view piece) {
    body += piece;
    if (body.size() > kResourceMax) loop.stop();
  };
  handlers.on_end = [&](const Result<int>& status) {
    ended = status;
    loop.stop();
  };
  // Who asks waits here, and nothing else hears of a signal.
  net::Timer look([&](Time now) {
    loop.timers().set(look, now + kLookEach);
    if (!net::signal_waits()) return;
    ended = Error{ErrorCode::kInterrupted, "ended by a signal", {}, {}, {}};
    loop.stop();
  });
  loop.timers().set(look, loop.clock().now() + kLookEach);
  wire::http1::Headers headers;
  if (!uri.user_info.empty())
    headers.emplace_back("Authorization", "Basic " + wire::base64(uri.user_info));
  call.start(wire::http1::serialize_request("GET", uri.path, wire::host_header(uri.route_host()),
                                            headers, nullptr, true),
             std::move(handlers));
  loop.run();
  if (!ended.ok() && ended.error().code == ErrorCode::kInterrupted) return ended.error();
  if (!ended.ok()) return not_fetched(url, ended.error().why);
  if (body.size() > kResourceMax)
    return not_fetched(
        url, fmt::format("it is more than {}", format_bytes(static_cast<double>(kResourceMax))));
  if (*ended != 200) return not_fetched(url, fmt::format("the answer's status is {}", *ended));
  return body;
}

}  // namespace

bool is_url(const std::string& path_or_url) {
  return path_or_url.starts_with("http://") || path_or_url.starts_with("https://");
}

Result<std::string> read_resource(const std::string& path_or_url) {
  if (is_url(path_or_url)) return fetch(path_or_url);
  return read_whole_file(path_or_url, kResourceMax);
}

}  // namespace galileo::load
