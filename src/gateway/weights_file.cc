#include "gateway/weights_file.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "base/output.h"

namespace galileo::gateway {
namespace {

constexpr std::size_t kFileMax = std::size_t{64} << 20;
constexpr Duration kRest = std::chrono::milliseconds{5};
// How often it looks for changes that its folder isn't told of: behind a link, on another machine.
constexpr Duration kLook = std::chrono::seconds{1};
// A file that was changed so short a time ago may change again without its time showing that.
constexpr Duration kFresh = std::chrono::milliseconds{50};

}  // namespace

WeightsFile::WeightsFile(net::Loop& loop, std::string path,
                         std::function<Result<void>(const std::string& text)> take)
    : loop_(loop),
      path_(std::move(path)),
      take_(std::move(take)),
      settled_([this](Time) { look(); }),
      look_([this](Time) { look(); }) {}

WeightsFile::~WeightsFile() {
  if (fd_ < 0) return;
  loop_.unwatch(fd_, *this);
  close(fd_);
}

Result<void> WeightsFile::start() {
  // A pipe is read once: what it gives is all there will be.
  std::error_code none;
  if (path_ == "-" || !std::filesystem::is_regular_file(path_, none)) {
    text_ = TRY(read_input(path_, kFileMax));
    return take_(text_);
  }
  // Watched before it is read: no change falls between the two. The folder, since a file that
  // takes this one's place is another to the kernel.
  fd_ = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  const std::string folder = std::filesystem::path(path_).parent_path().string();
  if (fd_ < 0 || inotify_add_watch(fd_, folder.empty() ? "." : folder.c_str(),
                                   IN_CLOSE_WRITE | IN_MOVED_TO | IN_MODIFY | IN_CREATE) < 0)
    return system_error("can't watch the weights", path_, errno);
  TRY(loop_.watch_listener(fd_, *this));
  seen_ = state();
  loop_.timers().set(look_, loop_.clock().now() + kLook);
  text_ = TRY(read_whole_file(path_, kFileMax));
  return take_(text_);
}

void WeightsFile::on_io(std::uint32_t) {
  alignas(inotify_event) char buffer[4096];
  while (read(fd_, buffer, sizeof buffer) > 0) {
  }
  if (!settled_.is_set()) loop_.timers().set(settled_, loop_.clock().now() + kRest);
}

// Which file the path leads to now, through links, and of when.
WeightsFile::State WeightsFile::state() const {
  struct stat seen{};
  if (::stat(path_.c_str(), &seen) != 0) return {};
  return {static_cast<std::int64_t>(seen.st_dev), static_cast<std::int64_t>(seen.st_ino),
          seen.st_mtim.tv_sec, seen.st_mtim.tv_nsec, seen.st_size};
}

// In its folder others may write all the time, the log of this program too: only a file that is
// another one, or changed, is read.
void WeightsFile::look() {
  const Time now = loop_.clock().now();
  loop_.timers().set(look_, now + kLook);
  const State found = state();
  if (found != seen_) {
    seen_ = found;
    changed_ = now;
  } else if (now - changed_ > kLook + kFresh) {
    return;
  }
  read_again();
}

void WeightsFile::read_again() {
  auto text = read_whole_file(path_, kFileMax);
  if (text.ok() && *text == refused_ && !trouble_.empty()) return;
  if (text.ok() && *text == text_ && trouble_.empty()) return;
  const Result<void> taken = text.ok() ? take_(*text) : Result<void>(text.error());
  trouble_ = taken.ok() ? std::string() : taken.error().to_text();
  if (taken.ok()) {
    text_ = std::move(*text);
    told_.begin_anew();
  } else if (const auto left_out = told_.may(loop_.clock().now(), trouble_)) {
    if (text.ok()) refused_ = std::move(*text);
    log(LogLevel::kWarning, "the weights can't be taken; the last ones stay",
        {{"why", trouble_}, {"more", std::to_string(*left_out)}});
  } else {
    changed_ = loop_.clock().now();  // looked at again, and told then
  }
}

}  // namespace galileo::gateway
