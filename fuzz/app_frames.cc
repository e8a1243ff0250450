// Any bytes as what a client app's process says: no crash, the same frames whatever the pieces, and
// no request longer than its frame.
#include <cstdint>

#include "apps/frames.h"
#include "base/check.h"

using namespace galileo;

namespace {

std::string told(std::string_view bytes, std::size_t piece) {
  apps::FrameReader reader;
  std::string all;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    reader.take(bytes.substr(at, piece));
    while (true) {
      const auto next = reader.next();
      if (!next.ok()) return all + "!";
      if (!*next) break;
      const apps::AppFrame& frame = **next;
      all += static_cast<char>(frame.kind);
      all += std::to_string(frame.bytes.size()) + ",";
      if (frame.kind != apps::FrameKind::kRequest) continue;
      const auto request = apps::parse_app_request(frame.bytes);
      if (!request.ok()) continue;
      std::size_t size = request->json.size();
      for (const std::string& blob : request->blobs) size += blob.size();
      ENSURE(size < frame.bytes.size());
      std::string body = request->json;
      static_cast<void>(apps::put_blobs(body, "m:", *request).ok());
    }
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ENSURE(told(bytes, 1) == told(bytes, 4096));
  return 0;
}
