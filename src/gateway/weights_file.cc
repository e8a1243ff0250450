#include "gateway/weights_file.h"

#include <sys/inotify.h>
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

}  // namespace

WeightsFile::WeightsFile(net::Loop& loop, std::string path,
                         std::function<Result<void>(const std::string& text)> take)
    : loop_(loop),
      path_(std::move(path)),
      take_(std::move(take)),
      settled_([this](Time) { read_again(); }) {}

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
  text_ = TRY(read_whole_file(path_, kFileMax));
  return take_(text_);
}

void WeightsFile::on_io(std::uint32_t) {
  alignas(inotify_event) char buffer[4096];
  while (read(fd_, buffer, sizeof buffer) > 0) {
  }
  if (!settled_.is_set()) loop_.timers().set(settled_, loop_.clock().now() + kRest);
}

void WeightsFile::read_again() {
  auto text = read_whole_file(path_, kFileMax);
  if (text.ok() && *text == text_ && trouble_.empty()) return;
  const Result<void> taken = text.ok() ? take_(*text) : Result<void>(text.error());
  trouble_ = taken.ok() ? std::string() : taken.error().to_text();
  if (!taken.ok())
    log(LogLevel::kWarning, "the weights can't be taken; the last ones stay", {{"why", trouble_}});
  else
    text_ = std::move(*text);
}

}  // namespace galileo::gateway
