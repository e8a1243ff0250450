#include "apps/app_line.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/text.h"
#include "wire/json.h"

namespace galileo::apps {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10;

std::string text_of(const wire::Json& json, std::string_view key) {
  const wire::Json* const value = wire::find(json, key);
  return value && value->kind == wire::Json::Kind::kText ? value->text : std::string();
}

}  // namespace

AppLine::AppLine(net::Loop& loop, int fd, Time now) : loop_(loop), fd_(fd), progress_(now) {
  if (!loop_.watch(fd_, *this).ok()) closed_ = true;
}

AppLine::~AppLine() {
  loop_.unwatch(fd_, *this);
  ::close(fd_);
}

void AppLine::take_listener(OnAppNews listener) {
  listener_ = std::move(listener);
  AppNews news;
  news.requests = std::exchange(untold_, {});
  news.is_over = over_;
  news.trouble = trouble_;
  if (over_ || !news.requests.empty()) tell(std::move(news));
}

Time AppLine::owes_since() const {
  return over_ || (is_loaded() && owed_ == 0) ? kNever : progress_;
}

void AppLine::want(std::uint32_t count, Time now) {
  if (over_) return;
  if (is_loaded() && owed_ == 0) progress_ = now;
  owed_ += count;
  unsaid_ += count;
  send_wish();
}

void AppLine::send_wish() {
  if (unsaid_ == 0 || closed_) return;
  const std::string wish = encode_wish(unsaid_);
  // Four bytes go whole or not at all; where they don't, the next one says both.
  if (::send(fd_, wish.data(), wish.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
      static_cast<ssize_t>(wish.size()))
    unsaid_ = 0;
}

void AppLine::fail(Error trouble) {
  if (over_) return;
  over_ = true;
  trouble_ = std::move(trouble);
  AppNews news;
  news.is_over = true;
  news.trouble = trouble_;
  tell(std::move(news));
}

void AppLine::tell(AppNews&& news) {
  if (!listener_) {
    for (AppRequest& request : news.requests) untold_.push_back(std::move(request));
    return;
  }
  news.mark = mark_;
  listener_(std::move(news));
}

void AppLine::on_io(std::uint32_t /*events*/) {
  hear();
  send_wish();
}

void AppLine::hear() {
  const bool was_over = over_;
  AppNews news;
  std::string piece(kPiece, '\0');
  while (!closed_) {
    const ssize_t size = ::recv(fd_, piece.data(), piece.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (size <= 0) {
      closed_ = true;
      break;
    }
    if (over_) continue;
    progress_ = loop_.clock().now();
    frames_.take(std::string_view(piece).substr(0, static_cast<std::size_t>(size)));
    read_frames(news);
  }
  news.is_over = over_;
  news.trouble = trouble_;
  if (!news.requests.empty() || over_ != was_over) tell(std::move(news));
}

void AppLine::read_frames(AppNews& news) {
  while (!over_) {
    auto frame = frames_.next();
    if (!frame.ok()) {
      over_ = true;
      trouble_ = frame.error();
      return;
    }
    if (!*frame) return;
    const AppFrame& said = **frame;
    if (said.kind == FrameKind::kLoaded) {
      mark_ = said.bytes;
    } else if (said.kind == FrameKind::kOver) {
      over_ = true;
    } else if (said.kind == FrameKind::kFailed) {
      read_failure(said.bytes);
    } else {
      auto request = parse_app_request(said.bytes);
      if (request.ok() && owed_ == 0)
        request = Error{ErrorCode::kCorrupt,
                        "what the client app's process says can't be read",
                        {},
                        "more requests than were asked for",
                        {}};
      if (!request.ok()) {
        over_ = true;
        trouble_ = request.error();
        return;
      }
      --owed_;
      news.requests.push_back(std::move(*request));
    }
  }
}

void AppLine::read_failure(std::string_view text) {
  over_ = true;
  const auto json = wire::parse_json(text);
  const std::string what = json.ok() ? text_of(*json, "text") : std::string("it doesn't say why");
  const std::string trace = json.ok() ? std::string(trim(text_of(*json, "traceback"))) : "";
  trouble_ = Error{ErrorCode::kUsage,
                   "its generator has failed",
                   {},
                   trace.empty() ? what : fmt::format("{}\n{}", what, trace),
                   {}};
}

}  // namespace galileo::apps
