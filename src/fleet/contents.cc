#include "fleet/contents.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "bus/keys.h"
#include "net/hashes.h"

namespace galileo::fleet {
namespace {

constexpr Duration kContentExpiry = std::chrono::minutes{15};

std::string content_hash(std::string_view bytes) {
  return net::hash_hex(wire::DigestHash::kSha256, bytes);
}

std::string size_text(std::uint64_t bytes) {
  return format_bytes(static_cast<double>(bytes));
}

std::uint64_t pieces_of(std::uint64_t bytes) {
  return (bytes + wire::kContentPiece - 1) / wire::kContentPiece;
}

Error too_much(const std::string& called, std::string why) {
  return Error{ErrorCode::kUsage, "workers can't be given what requests are made of", called,
               std::move(why), "run it on this machine, without a bus"};
}

}  // namespace

Result<void> check_content_size(std::uint64_t bytes, std::uint64_t of_others,
                                const std::string& called) {
  if (bytes > wire::kContentMax)
    return too_much(called, fmt::format("it has {}, and at most {} of a file travel",
                                        size_text(bytes), size_text(wire::kContentMax)));
  if (bytes + of_others > wire::kContentsMax)
    return too_much(called, fmt::format("with it the run's files are more than {}",
                                        size_text(wire::kContentsMax)));
  return {};
}

Result<wire::ContentName> ContentShelf::put(std::string_view bytes, const std::string& called) {
  wire::ContentName name{content_hash(bytes), bytes.size(), called};
  if (there_.contains(name.hash)) return name;
  TRY(check_content_size(bytes.size(), bytes_, called));
  if (there_.size() >= wire::kContentsAtOnce)
    return too_much(called, fmt::format("a run has at most {} files", wire::kContentsAtOnce));
  bytes_ += bytes.size();
  there_.insert(name.hash);
  const std::string key = bus::run_content_key(run_, name.hash);
  TRY(bus_.change({bus::remove_key(key)}));
  for (std::uint64_t i = 0; i < pieces_of(bytes.size()); ++i) {
    const auto piece = bytes.substr(i * wire::kContentPiece, wire::kContentPiece);
    TRY(bus_.change(
        {bus::list_push_right(key, {std::string(piece)}), bus::expire(key, kContentExpiry)}));
  }
  return name;
}

void ContentShelf::clear() {
  std::vector<bus::Change> changes;
  for (const std::string& hash : there_)
    changes.push_back(bus::remove_key(bus::run_content_key(run_, hash)));
  there_.clear();
  // What stays goes by itself.
  if (!changes.empty()) static_cast<void>(bus_.change(changes).ok());
}

UnnamedFile::UnnamedFile(int fd) : fd_(fd), path_(fmt::format("/proc/self/fd/{}", fd)) {}

UnnamedFile::~UnnamedFile() {
  ::close(fd_);
}

Result<std::unique_ptr<UnnamedFile>> UnnamedFile::make(std::string_view bytes) {
  const auto failed = [] { return system_error("can't keep a file in memory", {}, errno); };
  const int fd = memfd_create("galileo-requests", MFD_CLOEXEC);
  if (fd < 0) return failed();
  std::unique_ptr<UnnamedFile> file(new UnnamedFile(fd));
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed();
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return file;
}

Result<std::string> take_content(bus::Bus& bus, const std::string& run,
                                 const wire::ContentName& name,
                                 const std::function<bool()>& stopped) {
  const auto wrong = [&](ErrorCode code, std::string why) {
    return Error{code, "can't take what requests are made of", name.called, std::move(why), {}};
  };
  const std::string key = bus::run_content_key(run, name.hash);
  std::string bytes;
  bytes.reserve(name.bytes);
  for (std::uint64_t i = 0; i < pieces_of(name.bytes); ++i) {
    if (stopped()) return wrong(ErrorCode::kInterrupted, "the worker stops");
    const auto at = static_cast<std::int64_t>(i);
    const auto piece = TRY(bus.list(key, at, at));
    if (piece.empty()) return wrong(ErrorCode::kUnavailable, "it isn't on the bus any more");
    bytes += piece.front();
    if (bytes.size() > name.bytes) break;
  }
  if (bytes.size() == name.bytes && content_hash(bytes) == name.hash) return bytes;
  return wrong(ErrorCode::kCorrupt, "it isn't what its SHA-256 says");
}

}  // namespace galileo::fleet
