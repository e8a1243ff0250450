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

// One call at a time, and what libcurl needs until its answer is there.
class InfluxConnection::Transfer {
 public:
  Transfer() : handle_(curl_easy_init()) {}
  ~Transfer() { curl_easy_cleanup(handle_); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* handle() { return handle_; }

  // `call` lives until the answer is there.
  void prepare(const InfluxConnection& connection, const HttpCall& call) {
    curl_easy_reset(handle_);  // the options; the connection is kept
    call_ = &call;
    answer_ = {};
    refused_ = false;
    why_[0] = '\0';
    set_headers(connection);
    const auto milliseconds = static_cast<long>(connection.timeout_ / std::chrono::milliseconds{1});
    set(CURLOPT_ERRORBUFFER, why_.data());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_URL, (connection.server_ + call.path).c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_USERAGENT, "galileo");
    set(CURLOPT_PROXY, "");  // the environment isn't read here
    set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds);
    set(CURLOPT_WRITEFUNCTION, take_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, take_header);
    set(CURLOPT_HEADERDATA, &answer_);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    if (!connection.ca_.empty()) set(CURLOPT_CAINFO, connection.ca_.c_str());
    if (call.stream) {
      set(CURLOPT_LOW_SPEED_LIMIT, 1L);
      set(CURLOPT_LOW_SPEED_TIME, kStandstillSeconds);
      set(CURLOPT_BUFFERSIZE, 512L << 10);
    } else {
      set(CURLOPT_TIMEOUT_MS, milliseconds);
    }
    if (call.method == std::string_view("POST")) {
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDS, call.body.data());
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
      set(CURLOPT_UPLOAD_BUFFERSIZE, 2L << 20);
    } else if (call.method != std::string_view("GET")) {
      set(CURLOPT_CUSTOMREQUEST, call.method);
    }
  }

  Result<HttpAnswer> result(CURLcode code, const std::string& where) {
    if (code != CURLE_OK) {
      std::string reason = why_[0] != '\0' ? why_.data() : curl_easy_strerror(code);
      if (refused_) reason = "its answer can't be taken";
      return Error{ErrorCode::kUnavailable, "can't reach InfluxDB", where, std::move(reason),
                   "check that it runs there, and the address"};
    }
    answer_.status = status();
    return std::move(answer_);
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(handle_, option, value);
  }

  void set_headers(const InfluxConnection& connection) {
    headers_.reset();
    const auto header = [&](const std::string& line) {
      headers_.reset(curl_slist_append(headers_.release(), line.c_str()));
    };
    if (!connection.token_.empty()) header("Authorization: Token " + connection.token_);
    if (call_->content_type) header(fmt::format("Content-Type: {}", call_->content_type));
    if (call_->compressed) header("Content-Encoding: gzip");
    if (call_->accept) header(fmt::format("Accept: {}", call_->accept));
    header("Expect:");  // no round of waiting before a body
    set(CURLOPT_HTTPHEADER, headers_.get());
  }

  int status() const {
    long status = 0;
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    return static_cast<int>(status);
  }

  static std::size_t take_body(char* bytes, std::size_t /*one*/, std::size_t size, void* data) {
    auto& self = *static_cast<Transfer*>(data);
    if (self.call_->stream && self.status() == 200) {
      self.refused_ = !self.call_->stream({bytes, size});
      return self.refused_ ? 0 : size;
    }
    std::string& body = self.answer_.body;
    body.append(bytes, std::min(size, kBodyMax - body.size()));
    return size;
  }

  CURL* const handle_;
  const HttpCall* call_ = nullptr;
  HttpAnswer answer_;
  bool refused_ = false;  // by the stream's taker
  std::unique_ptr<curl_slist, FreeList> headers_;
  std::array<char, CURL_ERROR_SIZE> why_{};
};

// A transfer that goes on whenever it is looked after.
class InfluxConnection::Background {
 public:
  Background() : multi_(curl_multi_init()) {}
  ~Background() {
    abandon();
    curl_multi_cleanup(multi_);
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  void begin(const InfluxConnection& connection, HttpCall call) {
    ENSURE(!under_way_);
    call_ = std::move(call);
    transfer_.prepare(connection, call_);
    ENSURE(curl_multi_add_handle(multi_, transfer_.handle()) == CURLM_OK);
    under_way_ = true;
    advance();
  }

  // Whether it goes on.
  bool advance() {
    int running = 0;
    if (under_way_) curl_multi_perform(multi_, &running);
    return running > 0;
  }

  Result<HttpAnswer> end(const std::string& where) {
    ENSURE(under_way_);
    // It ends by its own deadline at the latest.
    constexpr int kLookAgainMs = 1000;
    while (advance()) curl_multi_poll(multi_, nullptr, 0, kLookAgainMs, nullptr);
    CURLcode code = CURLE_FAILED_INIT;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg == CURLMSG_DONE) code = message->data.result;
    }
    abandon();
    return transfer_.result(code, where);
  }

  void abandon() {
    if (under_way_) curl_multi_remove_handle(multi_, transfer_.handle());
    under_way_ = false;
  }

 private:
  CURLM* const multi_;
  Transfer transfer_;
  HttpCall call_;
  bool under_way_ = false;
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
  connection->transfer_ = std::make_unique<Transfer>();
  connection->background_ = std::make_unique<Background>();
  return connection;
}

Result<HttpAnswer> InfluxConnection::call(const HttpCall& call) {
  transfer_->prepare(*this, call);
  return transfer_->result(curl_easy_perform(transfer_->handle()), where_);
}

void InfluxConnection::begin(HttpCall call) {
  background_->begin(*this, std::move(call));
}
bool InfluxConnection::advance() {
  return background_->advance();
}
Result<HttpAnswer> InfluxConnection::end() {
  return background_->end(where_);
}
void InfluxConnection::abandon() {
  background_->abandon();
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
