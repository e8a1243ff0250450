#include "store/influxdb_connection.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/check.h"
#include "base/text.h"
#include "net/clock.h"

namespace galileo::store {
namespace {

// Of an answer that isn't streamed.
constexpr std::size_t kBodyMax = std::size_t{32} << 20;
// A server may think for that long about a question before its first row.
constexpr long kStandstillSeconds = 120;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct Receiving {
  CURL* curl = nullptr;
  const HttpCall* call = nullptr;
  HttpAnswer* answer = nullptr;
  bool refused = false;  // by the stream's taker
};

std::size_t take_body(char* bytes, std::size_t /*one*/, std::size_t size, void* data) {
  auto& receiving = *static_cast<Receiving*>(data);
  long status = 0;
  curl_easy_getinfo(receiving.curl, CURLINFO_RESPONSE_CODE, &status);
  if (status == 200 && receiving.call->stream) {
    receiving.refused = !receiving.call->stream({bytes, size});
    return receiving.refused ? 0 : size;
  }
  std::string& body = receiving.answer->body;
  body.append(bytes, std::min(size, kBodyMax - body.size()));
  return size;
}

std::size_t take_header(char* bytes, std::size_t /*one*/, std::size_t size, void* data) {
  const std::string_view line(bytes, size);
  constexpr std::string_view kName = "retry-after:";
  if (to_lower(line.substr(0, kName.size())) != kName) return size;
  const std::string value(trim(line.substr(kName.size())));
  auto& answer = *static_cast<HttpAnswer*>(data);
  if (const auto given = parse_integer(value); given && *given >= 0)
    answer.retry_after = std::chrono::seconds{std::min<std::int64_t>(*given, 86'400)};
  else if (const std::time_t date = curl_getdate(value.c_str(), nullptr); date >= 0)
    answer.retry_after =
        std::max(Duration{}, Wall{std::chrono::seconds{date}} - net::RealClock::wall_now());
  return size;
}

}  // namespace

struct InfluxConnection::Curl {
  Curl() : handle(curl_easy_init()) {}
  ~Curl() { curl_easy_cleanup(handle); }
  Curl(const Curl&) = delete;
  Curl& operator=(const Curl&) = delete;
  CURL* const handle;
};

InfluxConnection::InfluxConnection() = default;
InfluxConnection::~InfluxConnection() = default;

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
                 fmt::format("'{}' is no number of milliseconds", timeout),
                 "write it as timeout_ms=10000"};
  connection->timeout_ = std::chrono::milliseconds{*milliseconds};
  const bool is_ipv6 = url.host.find(':') != std::string::npos;
  connection->server_ = fmt::format("{}://{}:{}", tls == "yes" ? "https" : "http",
                                    is_ipv6 ? fmt::format("[{}]", url.host) : url.host, url.port);
  connection->token_ = url.password.empty() ? url.user : url.password;
  connection->ca_ = url.option("ca").value_or("");
  connection->curl_ = std::make_unique<Curl>();
  return connection;
}

Result<HttpAnswer> InfluxConnection::call(const HttpCall& call) {
  CURL* const curl = curl_->handle;
  curl_easy_reset(curl);  // the options; the connection is kept
  HttpAnswer answer;
  Receiving receiving{curl, &call, &answer, false};
  const std::string address = server_ + call.path;
  std::unique_ptr<curl_slist, FreeList> headers;
  const auto header = [&](const std::string& line) {
    headers.reset(curl_slist_append(headers.release(), line.c_str()));
  };
  if (!token_.empty()) header("Authorization: Token " + token_);
  if (call.content_type) header(fmt::format("Content-Type: {}", call.content_type));
  if (call.compressed) header("Content-Encoding: gzip");
  if (call.accept) header(fmt::format("Accept: {}", call.accept));
  header("Expect:");  // no round of waiting before a body
  std::array<char, CURL_ERROR_SIZE> why{};
  const auto milliseconds = static_cast<long>(timeout_ / std::chrono::milliseconds{1});
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why.data());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_URL, address.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "galileo");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // the environment isn't read here
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, milliseconds);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &receiving);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  if (!ca_.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, ca_.c_str());
  if (call.stream) {
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStandstillSeconds);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 512L << 10);
  } else {
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, milliseconds);
  }
  if (call.method == std::string_view("POST")) {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
  } else if (call.method != std::string_view("GET")) {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method);
  }
  if (const CURLcode code = curl_easy_perform(curl); code != CURLE_OK) {
    std::string reason = why[0] != '\0' ? why.data() : curl_easy_strerror(code);
    if (receiving.refused) reason = "its answer can't be taken";
    return Error{ErrorCode::kUnavailable, "can't reach InfluxDB", where_, std::move(reason),
                 "check that it runs there, and the address"};
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<int>(status);
  return answer;
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  ENSURE(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) ==
         Z_OK);
  std::string packed(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  ENSURE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string url_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain)
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

std::string url_query(const std::vector<std::pair<std::string_view, std::string_view>>& parts) {
  std::string query;
  for (const auto& [name, value] : parts) {
    query += query.empty() ? '?' : '&';
    query += url_encoded(name) + "=" + url_encoded(value);
  }
  return query;
}

}  // namespace galileo::store
