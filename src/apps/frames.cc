#include "apps/frames.h"

#include <fmt/format.h>

#include <algorithm>

namespace galileo::apps {
namespace {

constexpr std::size_t kHead = 5;
constexpr std::size_t kLength = 4;
constexpr std::size_t kPartsMax = 1'001;

std::uint32_t length_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = kLength; i-- > 0;)
    value = (value << 8) | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

Error broken(std::string why) {
  return Error{ErrorCode::kCorrupt,
               "what the client app's process says can't be read",
               {},
               std::move(why),
               "it wrote to a descriptor that isn't its own"};
}

}  // namespace

void FrameReader::take(std::string_view bytes) {
  // What was read goes, once it is more than what is left.
  if (at_ > 0 && at_ >= bytes_.size() / 2) {
    bytes_.erase(0, at_);
    at_ = 0;
  }
  bytes_ += bytes;
}

Result<std::optional<AppFrame>> FrameReader::next() {
  const std::string_view left = std::string_view(bytes_).substr(at_);
  if (left.size() < kHead) return std::optional<AppFrame>();
  const std::size_t size = length_at(left, 0);
  const char kind = left[kLength];
  if (std::string_view("LROE").find(kind) == std::string_view::npos || size > kFrameMax)
    return broken(fmt::format("a frame of kind {} and {} bytes", static_cast<int>(kind), size));
  if (left.size() - kHead < size) return std::optional<AppFrame>();
  at_ += kHead + size;
  return std::optional(AppFrame{static_cast<FrameKind>(kind), left.substr(kHead, size)});
}

Result<AppRequest> parse_app_request(std::string_view bytes) {
  if (bytes.size() < kLength) return broken("a request without parts");
  const std::size_t count = length_at(bytes, 0);
  if (count == 0 || count > kPartsMax) return broken(fmt::format("a request of {} parts", count));
  bytes.remove_prefix(kLength);
  AppRequest request;
  for (std::size_t i = 0; i < count; ++i) {
    if (bytes.size() < kLength) return broken("a request that breaks off");
    const std::size_t size = length_at(bytes, 0);
    bytes.remove_prefix(kLength);
    if (bytes.size() < size) return broken("a request that breaks off");
    if (i == 0)
      request.json = bytes.substr(0, size);
    else
      request.blobs.emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  if (!bytes.empty()) return broken("a request with bytes behind its parts");
  return request;
}

Result<void> put_blobs(std::string& body, std::string_view mark, const AppRequest& request) {
  if (request.blobs.empty()) return {};
  std::string made;
  std::size_t at = 0;
  for (std::size_t i = 0; i < request.blobs.size(); ++i) {
    const std::string text = fmt::format("{}{};", mark, i);
    const std::size_t found = mark.empty() ? body.npos : body.find(text, at);
    if (found == body.npos)
      return Error{ErrorCode::kUsage, "the request can't be sent", "kwargs",
                   "it has bytes where only text can be", "decode them"};
    made.append(body, at, found - at);
    made += request.blobs[i];
    at = found + text.size();
  }
  made.append(body, at);
  body = std::move(made);
  return {};
}

std::string encode_wish(std::uint32_t count) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>((count >> (8 * i)) & 0xffu);
  return bytes;
}

void KeptOutput::take(std::string_view bytes) {
  bytes_ += bytes.size();
  const std::size_t to_first = std::min(kKept - first_.size(), bytes.size());
  first_ += bytes.substr(0, to_first);
  bytes.remove_prefix(to_first);
  last_ += bytes;
  if (last_.size() > 2 * kKept) last_.erase(0, last_.size() - kKept);
}

std::string KeptOutput::text() const {
  const std::string_view last =
      last_.size() > kKept ? std::string_view(last_).substr(last_.size() - kKept) : last_;
  const std::uint64_t between = bytes_ - first_.size() - last.size();
  if (between == 0) return first_ + std::string(last);
  return fmt::format("{}\n[{} bytes left out]\n{}", first_, between, last);
}

}  // namespace galileo::apps
