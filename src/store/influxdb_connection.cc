#include "store/influxdb_connection.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "net/clock.h"
#include "wire/cookies.h"
#include "wire/http1.h"
#include "wire/uri.h"

namespace galileo::store {
namespace {

// A server may think for that long about a question before its first row.
constexpr Duration kStandstill = std::chrono::seconds{120};

// What Retry-After asks for, in seconds or as a date.
std::optional<Duration> wait_asked_for(const wire::http1::Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (!wire::http1::equals_ignoring_case(name, "retry-after")) continue;
    if (const auto given = parse_integer(value); given && *given >= 0)
      return std::chrono::seconds{std::min<std::int64_t>(*given, 86'400)};
    if (const auto date = wire::parse_cookie_date(value))
      return std::max(Duration{}, *date - net::RealClock::wall_now());
  }
  return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<InfluxConnection>> InfluxConnection::open(const DatabaseUrl& url) {
  std::unique_ptr<InfluxConnection> connection(new InfluxConnection);
  connection->where_ = url.text();
  const std::string tls = url.option("tls").value_or("no");
  if (tls != "yes" && tls != "no")
    return Error{ErrorCode::kUsage, "wrong option 'tls' in the database's URL", url.text(),
                 fmt::format("'{}' is neither yes nor no", tls), "write tls=yes or tls=no"};
  const std::string timeout = url.option("timeout_ms").value_or("10000");
  const auto milliseconds = parse_integer(timeout);
  if (!milliseconds || *milliseconds <= 0 || *milliseconds > 3'600'000)
    return Error{ErrorCode::kUsage, "wrong option 'timeout_ms' in the database's URL", url.text(),
                 fmt::format("'{}' isn't a number of milliseconds", timeout),
                 "write it as timeout_ms=10000"};
  connection->timeout_ = std::chrono::milliseconds{*milliseconds};
  connection->token_ = url.password.empty() ? url.user : url.password;
  if (!wire::http1::is_header_value(connection->token_))
    return Error{ErrorCode::kUsage, "wrong token in the database's URL", url.text(),
                 "it has a control character", "give it as InfluxDB shows it"};
  wire::Uri server;
  server.host = url.host;
  server.port = url.port;
  connection->host_ = wire::host_header(server.host_port());
  net::HttpPeer::Options peer{server.host_port()};
  peer.connect_timeout = connection->timeout_;
  if (tls == "yes") {
    peer.tls.emplace().server_name = url.host;
    peer.tls->ca_file = url.option("ca").value_or("");
  }
  connection->http_ = TRY(net::BlockingHttp::make(peer));
  connection->streams_ = TRY(net::BlockingHttp::make(peer));
  return connection;
}

net::BlockingHttp::Request InfluxConnection::request_of(const InfluxCall& call) const {
  wire::http1::Headers headers;
  if (!token_.empty()) headers.emplace_back("Authorization", "Token " + token_);
  if (call.content_type) headers.emplace_back("Content-Type", call.content_type);
  if (call.compressed) headers.emplace_back("Content-Encoding", "gzip");
  if (call.accept) headers.emplace_back("Accept", call.accept);
  const bool has_body = call.method == std::string_view("POST");
  net::BlockingHttp::Request request;
  request.bytes = wire::http1::serialize_request(call.method, call.path, host_, headers,
                                                 has_body ? &call.body : nullptr, false);
  request.within = call.stream ? kStandstill : timeout_;
  if (call.stream) request.what = net::HttpCall::Within::kPiece;
  request.stream = call.stream;
  return request;
}

Result<HttpAnswer> InfluxConnection::result(Result<net::BlockingHttp::Answer> answer) const {
  if (!answer.ok())
    return Error{ErrorCode::kUnavailable, "can't reach InfluxDB", where_, answer.error().why,
                 "check that it runs there, and the address"};
  return HttpAnswer{answer->status, std::move(answer->body), wait_asked_for(answer->headers)};
}

Result<HttpAnswer> InfluxConnection::call(const InfluxCall& call) {
  return result((call.stream ? streams_ : http_)->call(request_of(call)));
}

void InfluxConnection::begin(const InfluxCall& call) {
  ENSURE(!background_);
  background_ = std::make_unique<net::BlockingHttp::Asking>(*http_, request_of(call));
}
bool InfluxConnection::advance() {
  return background_ && background_->advance();
}
Result<HttpAnswer> InfluxConnection::end() {
  ENSURE(background_ != nullptr);
  auto answer = background_->end();
  background_.reset();
  return result(std::move(answer));
}
void InfluxConnection::abandon() {
  background_.reset();
}

std::string url_query(const std::vector<std::pair<std::string_view, std::string_view>>& parts) {
  std::string query;
  for (const auto& [name, value] : parts) {
    query += query.empty() ? '?' : '&';
    query += wire::encode_percent(name) + "=" + wire::encode_percent(value);
  }
  return query;
}

}  // namespace galileo::store
