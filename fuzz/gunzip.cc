// The size of the pieces in the first byte, then a .gz file: no crash, the same text whatever the
// pieces, and an end as soon as whoever takes it has had enough.
#include "wire/gunzip.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"

using namespace galileo;

namespace {

constexpr std::size_t kEnough = 1'000'000;

// The text, with a mark behind it where the file isn't whole.
std::string unpacked(std::string_view file, std::size_t piece) {
  wire::Gunzip gunzip;
  std::string text;
  for (std::size_t at = 0; at < file.size(); at += piece) {
    const auto fed =
        gunzip.feed(file.substr(at, piece), [&](std::string_view more) -> Result<void> {
          if (text.size() + more.size() > kEnough)
            return Error{ErrorCode::kUsage, "enough", {}, {}, {}};
          text += more;
          return {};
        });
    if (!fed.ok()) return "!";
  }
  return gunzip.finish().ok() ? text : text + "!";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view file(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t piece = std::max<std::size_t>(1, data[0]);
  const std::string whole = unpacked(file, std::max<std::size_t>(1, file.size()));
  const std::string in_pieces = unpacked(file, piece);
  ENSURE(whole == in_pieces, whole.size());
  ENSURE(whole.size() <= kEnough + 1, whole.size());
  return 0;
}
