#include "bus/pattern.h"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace galileo::bus {
namespace {

// Where the pattern goes on after the "[...]" that begins at `at`, if `letter` is one of it. A
// class that isn't closed ends with the pattern.
std::optional<std::size_t> match_class(std::string_view pattern, std::size_t at, char letter) {
  std::size_t i = at + 1;
  const bool none_of = i < pattern.size() && pattern[i] == '^';
  if (none_of) ++i;
  bool found = false;
  for (; i < pattern.size() && pattern[i] != ']'; ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      found |= pattern[++i] == letter;
    } else if (i + 2 < pattern.size() && pattern[i + 1] == '-') {
      const auto [low, high] = std::minmax(pattern[i], pattern[i + 2]);
      found |= letter >= low && letter <= high;
      i += 2;
    } else {
      found |= pattern[i] == letter;
    }
  }
  if (found == none_of) return std::nullopt;
  return std::min(i + 1, pattern.size());
}

// Where the pattern goes on when what stands at `at` takes that letter.
std::optional<std::size_t> match_one(std::string_view pattern, std::size_t at, char letter) {
  if (pattern[at] == '?') return at + 1;
  if (pattern[at] == '[') return match_class(pattern, at, letter);
  if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
  if (pattern[at] != letter) return std::nullopt;
  return at + 1;
}

}  // namespace

// Only the last star need be gone back to: what the ones before took could be no better.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::optional<std::size_t> star;
  std::size_t star_text = 0;  // where the text went on when the star had taken nothing more
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
      continue;
    }
    if (p < pattern.size()) {
      if (const auto next = match_one(pattern, p, text[t])) {
        p = *next;
        ++t;
        continue;
      }
    }
    if (!star) return false;
    p = *star + 1;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace galileo::bus
