#include "net/http_call.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "base/text.h"

namespace galileo::net {
namespace {

constexpr std::size_t kReadSize = std::size_t{16} << 10;

// A stream may go on for ever.
wire::http1::Limits endless() {
  wire::http1::Limits limits;
  limits.body_max = std::numeric_limits<std::uint64_t>::max() / 2;
  return limits;
}

}  // namespace

HttpCall::HttpCall(Loop& loop, Connector& connector, Duration whole_within, bool streams)
    : loop_(loop),
      connector_(connector),
      within_(whole_within),
      streams_(streams),
      deadline_([this](Time) { fail("no answer within " + format_duration(within_)); }),
      parser_(endless()) {
  capture_.want_body = std::numeric_limits<std::size_t>::max();
  parser_.capture_into(&capture_);
}

HttpCall::~HttpCall() {
  loop_.timers().cancel(deadline_);
}

void HttpCall::start(const Address& address, std::string request, Handlers handlers) {
  where_ = address.to_text();
  request_ = std::move(request);
  handlers_ = std::move(handlers);
  parser_.start(false);
  loop_.timers().set(deadline_, loop_.clock().now() + within_);
  int error = 0;
  stream_ = connector_.connect(address, *this, error);
  if (!stream_) fail(system_error("can't connect", where_, error).why);
}

void HttpCall::on_stream(StreamEvents events) {
  if (over_ || !stream_) return;
  if (!connected_ && (events.writable || events.closed)) {
    if (const int error = stream_->connect_error()) {
      const std::string why = stream_->failure();
      return fail(why.empty() ? system_error("can't connect", where_, error).why : why);
    }
    connected_ = events.writable;
  }
  if (connected_ && events.writable) write();
  if (!over_ && (events.readable || events.closed)) read();
}

void HttpCall::write() {
  while (written_ < request_.size()) {
    const Transfer transfer = stream_->write(std::string_view(request_).substr(written_));
    if (transfer.status == Transfer::Status::kWouldBlock) return;
    if (transfer.status != Transfer::Status::kDone)
      return fail(system_error("can't write", where_, transfer.error).why);
    written_ += transfer.bytes;
  }
}

void HttpCall::read() {
  char buffer[kReadSize];
  while (!over_) {
    const Transfer transfer = stream_->read(buffer, sizeof buffer);
    if (transfer.status == Transfer::Status::kWouldBlock) return;
    if (transfer.status == Transfer::Status::kFailed)
      return fail(system_error("can't read", where_, transfer.error).why);
    if (transfer.status == Transfer::Status::kEnd) {
      parser_.finish();
      if (parser_.done()) return end(parser_.status());
      return fail("the connection was closed");
    }
    take({buffer, transfer.bytes});
  }
}

void HttpCall::take(std::string_view bytes) {
  capture_.body.clear();
  parser_.feed(bytes);
  if (parser_.failed()) return fail("its answer is no HTTP");
  if (streams_ && parser_.head_done()) loop_.timers().cancel(deadline_);
  if (!capture_.body.empty() && handlers_.on_body)
    handlers_.on_body(parser_.status(), capture_.body);
  if (!over_ && parser_.done()) end(parser_.status());
}

void HttpCall::fail(std::string why) {
  end(Error{ErrorCode::kUnavailable, "no answer", where_, std::move(why), {}});
}

void HttpCall::end(Result<int> status) {
  if (std::exchange(over_, true)) return;
  loop_.timers().cancel(deadline_);
  if (handlers_.on_end) handlers_.on_end(status);
}

}  // namespace galileo::net
