#include "base/utf8.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace galileo {
namespace {

// The size of the character that the text begins with; 0 where it begins with none.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  // 0x80..0xc1 begin nothing, or only what a single byte could say.
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if (byte(i) >> 6 != 2) return 0;
  }
  const unsigned second = byte(1);
  if (first == 0xe0 && second < 0xa0) return 0;   // overlong
  if (first == 0xed && second >= 0xa0) return 0;  // a surrogate
  if (first == 0xf0 && second < 0x90) return 0;   // overlong
  if (first == 0xf4 && second >= 0x90) return 0;  // above U+10FFFF
  return size;
}

}  // namespace

bool is_utf8(std::string_view text) {
  // Nearly all of it is ASCII: eight characters at a time, as long as that holds.
  for (std::uint64_t word = 0; text.size() >= sizeof word; text.remove_prefix(sizeof word)) {
    std::memcpy(&word, text.data(), sizeof word);
    if ((word & 0x8080808080808080u) != 0) break;
  }
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string make_utf8(std::string_view text) {
  std::string fit;
  fit.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    fit.append(size > 0 ? text.substr(0, size) : std::string_view("\xef\xbf\xbd"));
    text.remove_prefix(size > 0 ? size : 1);
  }
  return fit;
}

std::string without_controls(std::string_view text) {
  constexpr std::string_view kColours[] = {"\x1b[0m",  "\x1b[1m",  "\x1b[2m",
                                           "\x1b[31m", "\x1b[32m", "\x1b[33m"};
  std::string fit;
  fit.reserve(text.size());
  while (!text.empty()) {
    std::size_t size = character_size(text);
    const auto first = static_cast<unsigned char>(text[0]);
    bool control = size == 0 || (first < 0x20 && first != '\n' && first != '\t') || first == 0x7f ||
                   (first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0);
    for (const std::string_view colour : kColours) {
      if (!text.starts_with(colour)) continue;
      control = false;
      size = colour.size();
    }
    fit.append(control ? std::string_view("\xef\xbf\xbd") : text.substr(0, size));
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return fit;
}

std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (c == '\n' || c == '\t' || c == '\x1b') c = '\x01';  // which is none of ours
  }
  return without_controls(line);
}

std::string shortened(std::string_view text, std::size_t characters) {
  std::size_t seen = 0;
  std::size_t fits = 0;  // up to where one more, the sign, has room
  for (std::size_t i = 0; i < text.size(); ++seen) {
    if (seen + 1 <= characters) fits = i;
    if (seen == characters) return std::string(text.substr(0, fits)) + "…";
    i += std::max<std::size_t>(character_size(text.substr(i)), 1);
  }
  return std::string(text);
}

std::string utf8_of_latin1(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return text;
}

}  // namespace galileo
