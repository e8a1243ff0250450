#include "net/blocking_http.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace galileo::net {
namespace {

// Something on the way may have forgotten an older one, and says nothing to who writes to it.
constexpr Duration kIdleMax = std::chrono::seconds{118};

}  // namespace

Result<std::unique_ptr<BlockingHttp>> BlockingHttp::make(const HttpPeer::Options& options) {
  std::unique_ptr<BlockingHttp> http(new BlockingHttp);
  http->peer_ = TRY(HttpPeer::make(http->loop_, http->tcp_, options));
  return http;
}

void BlockingHttp::look_around() {
  const Time now = loop_.clock().now();
  if (now - std::exchange(used_, now) > kIdleMax) peer_->close_idle();
  run(false);
}

void BlockingHttp::run(bool waits) {
  ENSURE(!runs_);
  runs_ = true;
  if (waits)
    loop_.run();
  else
    loop_.run_pending();
  runs_ = false;
}

BlockingHttp::Asking::Asking(BlockingHttp& http, Request request)
    : http_(http),
      request_(std::move(request)),
      call_(*http.peer_, request_.within, request_.what) {
  http_.look_around();
  call_.start(std::move(request_.bytes),
              {[this](int status, std::string_view piece) { take(status, piece); },
               [this](const Result<int>& status) {
                 if (status.ok()) answer_.status = *status;
                 over(status.ok() ? std::nullopt : std::optional<Error>(status.error()));
               },
               [this](int status) {
                 if (!request_.head_only) return;
                 answer_.status = status;
                 over({});
               }});
}

void BlockingHttp::Asking::take(int status, std::string_view piece) {
  if (over_) return;
  if (!request_.stream || status != 200) {
    answer_.body.append(piece, 0, request_.body_max - answer_.body.size());
  } else if (!request_.stream(piece)) {
    over(Error{ErrorCode::kUnavailable,
               "no answer",
               http_.peer_->host_port(),
               "its answer can't be taken",
               {}});
  }
}

void BlockingHttp::Asking::over(std::optional<Error> error) {
  if (std::exchange(over_, true)) return;
  error_ = std::move(error);
  if (waits_) http_.loop_.stop();
}

bool BlockingHttp::Asking::advance() {
  if (!over_) http_.run(false);
  return !over_;
}

Result<BlockingHttp::Answer> BlockingHttp::Asking::end() {
  waits_ = true;
  if (!over_) http_.run(true);
  http_.used_ = http_.loop_.clock().now();
  if (error_) return std::move(*error_);
  answer_.headers = call_.headers();
  return std::move(answer_);
}

}  // namespace galileo::net
