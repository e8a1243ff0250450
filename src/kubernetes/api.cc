#include "kubernetes/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "kubernetes/objects.h"
#include "net/loop.h"
#include "wire/cookies.h"
#include "wire/http1.h"

namespace galileo::kubernetes {
namespace {

constexpr std::size_t kBodyMax = std::size_t{64} << 20;
constexpr std::size_t kConnectionsMax = 32;
constexpr Duration kConnectWithin = std::chrono::seconds{10};
constexpr Duration kFirstPause = std::chrono::milliseconds{200};
constexpr Duration kLongestPause = std::chrono::seconds{10};

bool is_repeatable(const ApiRequest& request) {
  return request.repeatable || request.method == "GET" || request.method == "HEAD" ||
         (request.method == "PATCH" && request.content_type == "application/apply-patch+yaml");
}

std::string header(const wire::http1::Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (wire::http1::equals_ignoring_case(key, name)) return value;
  }
  return {};
}

// How long the server wants to be left alone.
Duration retry_after(const wire::http1::Headers& headers) {
  const auto wanted = parse_integer(header(headers, "Retry-After"));
  if (!wanted || *wanted < 0) return Duration{0};
  return std::chrono::seconds{std::min<std::int64_t>(*wanted, 3600)};
}

// An object was applied whose fields its kind hasn't got, or holds otherwise.
bool is_untyped(const ApiAnswer& answer) {
  return answer.status == 500 &&
         message_of(answer.json()).find("typed patch object") != std::string::npos;
}

}  // namespace

nlohmann::json ApiAnswer::json() const {
  nlohmann::json read = nlohmann::json::parse(body, nullptr, false);
  return read.is_discarded() ? nlohmann::json() : read;
}

std::string reason(const ApiAnswer& answer) {
  return answer.ok() ? std::string() : text_at(answer.json(), {"reason"});
}

Error refusal(const ApiRequest& request, const ApiAnswer& answer) {
  const std::string path = request.path.substr(0, request.path.find('?'));
  std::string why = message_of(answer.json());
  if (why.empty()) why = in_one_line(answer.body);
  if (why.empty()) why = fmt::format("it answers with the status {}", answer.status);
  Error error{ErrorCode::kUsage,
              "the API server refuses",
              fmt::format("{} {}", request.method, path),
              std::move(why),
              {}};
  if (answer.status == 404) error.code = ErrorCode::kNotFound;
  const bool is_busy = answer.status == 429 || answer.status >= 500;
  if (is_busy && !is_untyped(answer)) error.code = ErrorCode::kUnavailable;
  if (answer.status == 401) error.hint = "it doesn't know us: log in anew, or take another context";
  if (answer.status == 403)
    error.hint = "give the user that right, by a Role and a RoleBinding, or take another context";
  return error;
}

// Connections with one certificate.
struct Api::Line {
  std::unique_ptr<net::HttpPeer> peer;
  std::uint64_t certificates = 0;
};

struct Api::Call {
  explicit Call(std::function<void()> on_due) : again([due = std::move(on_due)](Time) { due(); }) {}

  std::uint64_t number = 0;
  ApiRequest request;
  Stream stream;  // on_end of both kinds
  bool streams = false;
  bool repeatable = false;
  Time deadline{};  // of all tries
  Pauses pauses{kFirstPause, kLongestPause};
  ApiAnswer answer;
  Line* line = nullptr;
  std::unique_ptr<net::HttpCall> http;
  std::vector<std::unique_ptr<net::HttpCall>> spent;  // may still stand on the stack
  net::Timer again;
  bool told = false;  // a piece
  bool over = false;
};

Api::Api(net::Loop& loop, net::Connector* connector, const Access& access)
    : loop_(loop),
      access_(access),
      tcp_(loop, net::Stamps::kOff, net::KeepAlive::kOn),
      connector_(connector ? *connector : tcp_),
      credentials_(loop, access_),
      clean_up_([this](Time) { clean_up(); }),
      random_(static_cast<std::uint64_t>(loop.clock().now().time_since_epoch().count()), 0) {}

Api::~Api() = default;

Result<std::unique_ptr<Api>> Api::make(net::Loop& loop, const Access& access) {
  std::unique_ptr<Api> api(new Api(loop, nullptr, access));
  TRY(api->connect());
  return api;
}

Result<std::unique_ptr<Api>> Api::make(net::Loop& loop, net::Connector& connector,
                                       const Access& access) {
  std::unique_ptr<Api> api(new Api(loop, &connector, access));
  TRY(api->connect());
  return api;
}

// Connections from now on, with the files and the certificate as they are now.
Result<void> Api::connect() {
  net::HttpPeer::Options options{access_.host_port};
  options.tls = access_.tls;
  options.connections_max = kConnectionsMax;
  options.connect_timeout = kConnectWithin;
  const ExecCredential& credential = credentials_.credential();
  if (options.tls && !credential.certificate_text.empty()) {
    options.tls->certificate_text = credential.certificate_text;
    options.tls->key_text = credential.key_text;
  }
  auto peer = net::HttpPeer::make(loop_, connector_, options);
  if (!peer.ok()) {
    Error error = peer.error();
    error.where += fmt::format(" ({})", access_.told_by);
    return error;
  }
  lines_.push_back(std::make_unique<Line>(Line{std::move(*peer), credentials_.certificates()}));
  return {};
}

std::uint64_t Api::ask(ApiRequest request, OnAnswer on_answer) {
  return add(std::move(request), {{}, std::move(on_answer)}, false);
}

std::uint64_t Api::stream(ApiRequest request, Stream stream) {
  return add(std::move(request), std::move(stream), true);
}

std::uint64_t Api::add(ApiRequest request, Stream stream, bool streams) {
  const std::uint64_t number = ++last_number_;
  auto call = std::make_unique<Call>([this, number] {
    if (Call* const one = find(number)) prepare(*one);
  });
  const Time now = loop_.clock().now();
  call->number = number;
  call->repeatable = streams ? request.repeatable : is_repeatable(request);
  call->deadline = now + request.within;
  call->request = std::move(request);
  call->stream = std::move(stream);
  call->streams = streams;
  loop_.timers().set(call->again, now);
  calls_.push_back(std::move(call));
  return number;
}

// Null for one that is over.
Api::Call* Api::find(std::uint64_t number) {
  const auto found = std::find_if(calls_.begin(), calls_.end(), [&](const auto& call) {
    return call->number == number && !call->over;
  });
  return found == calls_.end() ? nullptr : found->get();
}

// First it must be known who we are.
void Api::prepare(Call& call) {
  credentials_.want([this, number = call.number](const Result<void>& ready) {
    Call* const one = find(number);
    if (!one) return;
    if (!ready.ok()) return end(*one, ready.error());
    send(*one);
  });
}

void Api::send(Call& call) {
  if (lines_.back()->certificates != credentials_.certificates()) {
    if (auto connected = connect(); !connected.ok()) return end(call, connected.error());
  }
  call.line = lines_.back().get();
  call.answer = {};
  const Time now = loop_.clock().now();
  Duration within = call.request.within;
  if (!call.streams) {
    // One that may be sent again has half of its time: a connection may be dead.
    if (call.repeatable) within /= 2;
    within =
        std::max(std::min(within, call.deadline - now), Duration{std::chrono::milliseconds{1}});
  }
  if (call.http) call.spent.push_back(std::move(call.http));
  call.http = std::make_unique<net::HttpCall>(
      *call.line->peer, within,
      call.streams ? net::HttpCall::Within::kPiece : net::HttpCall::Within::kAnswer);
  if (!call.repeatable && call.request.method != "GET") call.http->send_once();
  wire::http1::Headers headers{{"Accept", "application/json"}};
  const bool has_body = !call.request.body.empty();
  if (has_body) headers.emplace_back("Content-Type", call.request.content_type);
  headers.insert(headers.end(), credentials_.headers().begin(), credentials_.headers().end());
  std::string bytes = wire::http1::serialize_request(
      call.request.method, access_.base_path + call.request.path, access_.host_port, headers,
      has_body ? &call.request.body : nullptr, /*connection_close=*/false);
  net::HttpCall::Handlers handlers;
  handlers.on_body = [this, &call](int status, std::string_view piece) {
    if (call.over) return;
    if (call.streams && status == 200) {
      call.told = true;
      return call.stream.on_piece(piece);
    }
    call.answer.body.append(piece);
    if (call.answer.body.size() > kBodyMax)
      end(call, Error{ErrorCode::kUnavailable,
                      "no answer",
                      access_.host_port,
                      "it answers with too much",
                      {}});
  };
  handlers.on_head = [&call](int status) {
    if (!call.over && status == 200 && call.stream.on_begin) call.stream.on_begin();
  };
  handlers.on_end = [this, &call](const Result<int>& status) {
    if (!call.over) heard(call, status);
  };
  call.http->start(std::move(bytes), std::move(handlers));
}

bool Api::may_try_again(const Call& call, const ApiAnswer* answer) const {
  if (call.told) return false;
  if (!answer) return call.repeatable || (!call.streams && call.http->never_left());
  if (answer->status == 429) return !call.streams || call.repeatable;
  // An object that can't be applied is no better the next time, though it is called the server's
  // own fault.
  return answer->status >= 500 && call.repeatable && !is_untyped(*answer);
}

void Api::heard(Call& call, const Result<int>& status) {
  if (!status.ok()) {
    // What is kept may be as dead as this one was; and files of certificates may have changed.
    call.line->peer->close_idle();
    if (call.http->failed_by_tls() && call.line == lines_.back().get()) {
      if (auto connected = connect(); !connected.ok()) return end(call, connected.error());
    }
    Error error = status.error();
    error.what = "no answer from the API server";
    error.hint = access_.told_by;
    if (may_try_again(call, nullptr)) return try_again(call, Duration{0}, std::move(error));
    return end(call, std::move(error));
  }
  call.answer.status = *status;
  call.answer.date = wire::parse_cookie_date(header(call.http->headers(), "Date"));
  if (*status == 401 && !call.told && credentials_.refused()) return prepare(call);
  if (may_try_again(call, &call.answer)) {
    const Duration wanted = retry_after(call.http->headers());
    return try_again(call, wanted, call.answer);
  }
  end(call, std::move(call.answer));
}

void Api::try_again(Call& call, Duration at_least, Result<ApiAnswer> otherwise) {
  const Time now = loop_.clock().now();
  const Duration pause = at_least + call.pauses.next(random_);
  if (now + pause >= call.deadline) return end(call, std::move(otherwise));
  loop_.timers().set(call.again, now + pause);
}

void Api::end(Call& call, Result<ApiAnswer> answer) {
  if (std::exchange(call.over, true)) return;
  loop_.timers().set(clean_up_, loop_.clock().now());
  const OnAnswer on_end = std::move(call.stream.on_end);
  if (on_end) on_end(std::move(answer));
}

void Api::drop(std::uint64_t number) {
  if (Call* const call = find(number)) call->over = true;
  loop_.timers().set(clean_up_, loop_.clock().now());
}

void Api::drop_all() {
  for (const auto& call : calls_) call->over = true;
  loop_.timers().set(clean_up_, loop_.clock().now());
}

void Api::close_idle() {
  lines_.back()->peer->close_idle();
}

void Api::clean_up() {
  std::erase_if(calls_, [](const auto& call) { return call->over; });
  std::erase_if(lines_, [&](const auto& line) {
    return line != lines_.back() &&
           std::none_of(calls_.begin(), calls_.end(),
                        [&](const auto& call) { return call->line == line.get(); });
  });
}

}  // namespace galileo::kubernetes
