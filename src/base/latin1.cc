#include "base/latin1.h"

#include <cstddef>

namespace galileo {

std::string latin1_of_utf8(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      bytes += text[i];
    } else if ((byte == 0xc2 || byte == 0xc3) && i + 1 < text.size()) {
      bytes +=
          static_cast<char>(((byte & 3u) << 6) | (static_cast<unsigned char>(text[++i]) & 63u));
    } else {
      return std::string(text);
    }
  }
  return bytes;
}

}  // namespace galileo
