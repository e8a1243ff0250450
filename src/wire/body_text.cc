#include "wire/body_text.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "base/utf8.h"
#include "wire/http1.h"

namespace galileo::wire {
namespace {

constexpr std::string_view kUnknown = "\xef\xbf\xbd";
// A server that names ever new charsets must not make us keep ever more of them.
constexpr std::size_t kConvertersMax = 16;

// As iconv_open() says it. NOLINTNEXTLINE(performance-no-int-to-ptr)
auto* const kNoConverter = reinterpret_cast<iconv_t>(std::intptr_t{-1});

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// The text without a last character of which only the first bytes are there.
std::string_view without_cut_end(std::string_view text) {
  for (std::size_t bytes = 1; bytes < 4 && bytes <= text.size(); ++bytes) {
    const auto byte = static_cast<unsigned char>(text[text.size() - bytes]);
    if (byte >> 6 == 2) continue;
    const std::size_t size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    return bytes < size ? text.substr(0, text.size() - bytes) : text;
  }
  return text;
}

void append_converted(std::string& to, iconv_t converter, std::string_view bytes) {
  iconv(converter, nullptr, nullptr, nullptr, nullptr);  // from its first state on
  char* from = const_cast<char*>(bytes.data());          // iconv only reads there
  std::size_t left = bytes.size();
  char piece[4096];
  while (left > 0) {
    char* out = piece;
    std::size_t room = sizeof piece;
    const bool all = iconv(converter, &from, &left, &out, &room) != static_cast<std::size_t>(-1);
    to.append(piece, sizeof piece - room);
    if (all || errno == EINVAL) return;  // a last character that was cut off is left out
    if (errno == E2BIG) continue;
    to += kUnknown;
    ++from;
    --left;
  }
}

}  // namespace

std::string charset_of(std::string_view content_type) {
  std::size_t at = content_type.find(';');
  while (at != std::string_view::npos) {
    const std::string_view rest = content_type.substr(at + 1);
    const std::size_t end = rest.find(';');
    const std::string_view parameter = trimmed(rest.substr(0, end));
    const std::size_t equals = parameter.find('=');
    if (equals != std::string_view::npos &&
        http1::equals_ignoring_case(trimmed(parameter.substr(0, equals)), "charset")) {
      std::string_view value = trimmed(parameter.substr(equals + 1));
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
      std::string charset(value);
      std::transform(charset.begin(), charset.end(), charset.begin(), lower);
      return charset;
    }
    at = end == std::string_view::npos ? end : at + 1 + end;
  }
  return {};
}

std::string_view beginning(std::string_view text, std::size_t size) {
  if (text.size() <= size) return text;
  const auto goes_on = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
  };
  // What has no beginning within four bytes is no character.
  for (std::size_t back = 0; back < 4 && back <= size; ++back) {
    if (!goes_on(size - back)) return text.substr(0, size - back);
  }
  return text.substr(0, size);
}

BodyText::~BodyText() {
  for (const auto& [charset, converter] : converters_) {
    if (converter != kNoConverter) iconv_close(converter);
  }
}

std::string_view BodyText::of(std::string_view content_type, std::string_view body, bool is_cut) {
  const std::string charset = charset_of(content_type);
  if (charset == "utf-8" || charset == "utf8") return body;
  text_.clear();
  if (charset == "iso-8859-1" || charset == "latin1" || charset == "latin-1") {
    text_ = utf8_of_latin1(body);
    return text_;
  }
  if (auto* const known = converter(charset); known != kNoConverter) {
    append_converted(text_, known, body);
    // Numbers beyond U+10FFFF go through glibc's iconv.
    if (!is_utf8(text_)) text_ = make_utf8(text_);
    return text_;
  }
  const bool is_text =
      content_type.size() >= 5 && http1::equals_ignoring_case(content_type.substr(0, 5), "text/");
  if (!is_text || is_utf8(is_cut ? without_cut_end(body) : body)) return body;
  text_ = utf8_of_latin1(body);
  return text_;
}

iconv_t BodyText::converter(const std::string& charset) {
  // iconv takes an empty name for the locale's, and options after a slash.
  if (charset.empty() || charset.find('/') != std::string::npos) return kNoConverter;
  if (const auto found = converters_.find(charset); found != converters_.end())
    return found->second;
  if (converters_.size() >= kConvertersMax) return kNoConverter;
  return converters_[charset] = iconv_open("UTF-8", charset.c_str());
}

}  // namespace galileo::wire
