#include "bus/rpc.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/text.h"
#include "wire/json.h"
#include "wire/worker_api.h"

namespace galileo::bus {
namespace {

// Exceptions and our kinds of failure, both ways. The first type of a kind is the one that goes
// out.
struct Exception {
  const char* type;
  ErrorCode code;
};
constexpr Exception kExceptions[] = {
    {"ValueError", ErrorCode::kUsage},
    {"TypeError", ErrorCode::kUsage},
    {"KeyError", ErrorCode::kNotFound},
    {"IndexError", ErrorCode::kNotFound},
    {"ConnectionError", ErrorCode::kUnavailable},
    {"OSError", ErrorCode::kIo},
    {"TimeoutError", ErrorCode::kInterrupted},
    {"RuntimeError", ErrorCode::kCorrupt},
};

std::string_view exception_of(ErrorCode code) {
  for (const Exception& exception : kExceptions) {
    if (exception.code == code) return exception.type;
  }
  return "RuntimeError";
}

ErrorCode code_of(std::string_view type) {
  for (const Exception& exception : kExceptions) {
    if (type == exception.type) return exception.code;
  }
  return ErrorCode::kUnavailable;
}

// A random UUID: nobody else's answers may lie on the list of this call's.
std::string new_uuid() {
  std::array<std::uint8_t, 16> bytes{};
  ENSURE(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", bytes[i]);
  }
  return text;
}

constexpr Duration kLookEach = std::chrono::milliseconds{250};

std::string cant_call(std::string_view remote) {
  return fmt::format("can't call '{}'", remote);
}

// A call that is published: where its answers come, and from how many.
struct Asked {
  std::string answers;  // a list
  std::uint64_t receivers = 0;
};

Result<Asked> ask(Bus& bus, std::string_view remote, std::string_view arguments) {
  wire::RpcRequest request;
  request.fn = remote;
  request.response_channel = "__rpc_" + new_uuid();
  request.args = arguments;
  const std::uint64_t receivers =
      TRY(bus.publish(wire::bus_channel(remote), wire::encode(request)));
  if (receivers == 0)
    return Error{ErrorCode::kNotFound, cant_call(remote), bus.where(), "nobody serves it",
                 "is a worker running, and on the same bus?"};
  return Asked{wire::bus_channel(request.response_channel), receivers};
}

Error no_answer(const Bus& bus, std::string_view remote, Duration timeout) {
  return Error{ErrorCode::kUnavailable, cant_call(remote), bus.where(),
               fmt::format("no answer in {}", format_duration(timeout)),
               "is whoever serves it alive? A foreign listener on the event bus counts, too"};
}

Result<std::string> result_of(const Bus& bus, std::string_view remote, std::string_view answer) {
  auto response = wire::decode_rpc_response(answer);
  if (!response.ok())
    return Error{ErrorCode::kCorrupt, cant_call(remote), bus.where(),
                 "its answer can't be read: " + response.error().why,
                 "who else serves functions on this bus?"};
  if (response->error)
    return Error{code_of(response->result_type),
                 cant_call(remote),
                 bus.where(),
                 fmt::format("{}: {}", response->result_type, response->result),
                 {}};
  return std::move(response->result);
}

}  // namespace

Result<std::string> call(Bus& bus, std::string_view remote, std::string_view arguments,
                         Duration timeout, const std::function<Result<void>()>& look) {
  const Asked asked = TRY(ask(bus, remote, arguments));
  Duration left = timeout;
  while (true) {
    const Duration wait = look ? std::min(left, kLookEach) : left;
    const auto answer = TRY(bus.pop_right(asked.answers, wait));
    if (answer) return result_of(bus, remote, *answer);
    left -= wait;
    if (left <= Duration{0}) return no_answer(bus, remote, timeout);
    TRY(look());
  }
}

Result<std::vector<Result<std::string>>> call_all(Bus& bus, std::string_view remote,
                                                  std::string_view arguments, Duration timeout) {
  const Asked asked = TRY(ask(bus, remote, arguments));
  std::vector<Result<std::string>> results;
  // After one that didn't come, the rest had its time as well: they are there or not.
  Duration wait = timeout;
  while (results.size() < asked.receivers) {
    const auto answer = TRY(bus.pop_right(asked.answers, wait));
    if (answer) {
      results.push_back(result_of(bus, remote, *answer));
    } else if (wait.count() > 0) {
      wait = Duration{0};
    } else {
      break;
    }
  }
  while (results.size() < asked.receivers) results.emplace_back(no_answer(bus, remote, timeout));
  return results;
}

// Made by serve(). The bus's desk posts requests of it to the server's desk, which looks whether it
// is still there; when it ends, first the one stops, then what it had posted is waited for.
class RpcServer::Remote final : public RpcRemote {
 public:
  Remote(RpcServer& server, RpcHandler handler) : server_(server), handler_(std::move(handler)) {
    server_.at_desk([this] { server_.remotes_[id_ = ++server_.last_remote_] = this; });
  }
  ~Remote() override {
    ended_.set(true);
    subscription_.reset();
    server_.at_desk([this] { server_.remotes_.erase(id_); });
  }

  Result<void> listen(const std::string& remote) {
    subscription_ = TRY(server_.bus_.subscribe(
        {wire::bus_channel(remote)}, {},
        [this](std::string_view, std::string_view message) { server_.request(id_, message); }));
    return {};
  }
  bool ended() const { return ended_.load(); }
  Result<RpcResult> handle(const wire::RpcRequest& request) const { return handler_(request); }

 private:
  RpcServer& server_;
  const RpcHandler handler_;
  std::uint64_t id_ = 0;
  RelaxedFlag ended_;
  std::unique_ptr<Subscription> subscription_;
};

RpcServer::RpcServer(Bus& bus, const Options& options)
    : bus_(bus), options_(options), desk_("rpc") {}

RpcServer::~RpcServer() = default;

// A handler is there already, and ends functions that it couldn't make all of.
void RpcServer::at_desk(std::function<void()> task) {
  if (desk_.is_current())
    task();
  else
    desk_.call(std::move(task));
}

Result<std::unique_ptr<RpcRemote>> RpcServer::serve(const std::string& remote, RpcHandler handler) {
  auto served = std::make_unique<Remote>(*this, std::move(handler));
  TRY(served->listen(remote));
  return std::unique_ptr<RpcRemote>(std::move(served));
}

// Runs at the bus's desk.
void RpcServer::request(std::uint64_t remote, std::string_view message) {
  const std::uint64_t waiting = counts_.received.load() - counts_.refused.load() - taken_.load();
  counts_.received.add(1);
  if (waiting >= options_.waiting_max) {
    counts_.refused.add(1);
    return;
  }
  desk_.loop().post([this, remote, text = std::string(message), came = desk_.loop().clock().now()] {
    carry_out(remote, text, came);
  });
}

// Runs at the server's desk, as the rest.
void RpcServer::carry_out(std::uint64_t remote, const std::string& message, Time came) {
  taken_.add(1);
  const auto served = remotes_.find(remote);
  if (served == remotes_.end() || served->second->ended()) return;
  if (desk_.loop().clock().now() - came > options_.late_after) {
    counts_.late.add(1);
    return;
  }
  const auto request = wire::decode_rpc_request(message);
  if (!request.ok()) {
    counts_.malformed.add(1);
    // Who waits for an answer has one.
    if (const auto who = wire::unreadable_call(message))
      answer(*who, Error{ErrorCode::kUsage, "the call can't be read", {}, request.error().why, {}});
    return;
  }
  answer(*request, served->second->handle(*request));
}

void RpcServer::answer(const wire::RpcRequest& request, const Result<RpcResult>& result) {
  wire::RpcResponse response;
  response.fn = request.fn;
  response.error = !result.ok();
  if (result.ok()) {
    response.result = result->json;
    response.result_type = result->type;
  } else {
    response.result = fmt::format("[{}]", wire::json_text(result.error().to_text()));
    response.result_type = exception_of(result.error().code);
  }
  const std::string answers = wire::bus_channel(request.response_channel);
  const auto pushed = bus_.change(
      {list_push_left(answers, {wire::encode(response)}), expire(answers, options_.answer_expiry)});
  (pushed.ok() ? counts_.answered : counts_.unanswered).add(1);
}

}  // namespace galileo::bus
