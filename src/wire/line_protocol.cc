#include "wire/line_protocol.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/utf8.h"

namespace galileo::wire {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// Whether the '%' at `i` would be read as the beginning of %XX.
bool is_coded(std::string_view text, std::size_t i) {
  return i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
}

bool must_be_coded(std::string_view text, std::size_t i) {
  const auto c = static_cast<unsigned char>(text[i]);
  return c < 0x20 || c == 0x7f || c == '\\' || (c == '%' && is_coded(text, i));
}

template <class Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> digits{};
  char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

}  // namespace

std::string tag_text(std::string_view text) {
  const std::string valid = is_utf8(text) ? std::string(text) : make_utf8(text);
  std::string coded;
  coded.reserve(valid.size());
  for (std::size_t i = 0; i < valid.size(); ++i) {
    if (!must_be_coded(valid, i)) {
      coded += valid[i];
      continue;
    }
    constexpr std::string_view kHex = "0123456789ABCDEF";
    const auto c = static_cast<unsigned char>(valid[i]);
    coded += '%';
    coded += kHex[c >> 4];
    coded += kHex[c & 15];
  }
  return coded;
}

std::string text_of_tag(std::string_view tag) {
  std::string text;
  text.reserve(tag.size());
  for (std::size_t i = 0; i < tag.size(); ++i) {
    if (tag[i] == '%' && is_coded(tag, i)) {
      text += static_cast<char>(hex_digit(tag[i + 1]) * 16 + hex_digit(tag[i + 2]));
      i += 2;
    } else {
      text += tag[i];
    }
  }
  return text;
}

PointWriter& PointWriter::point(std::string_view measurement) {
  begins_ = out_.size();
  has_fields_ = false;
  out_ += measurement;
  return *this;
}

PointWriter& PointWriter::tag(std::string_view key, std::string_view text) {
  bool plain = true;
  for (const char c : text)
    plain = plain && static_cast<unsigned char>(c) - 0x20U < 0x5fU && c != '\\' && c != '%';
  if (plain)
    escaped_tag(key, text);
  else
    escaped_tag(key, tag_text(text));
  return *this;
}

PointWriter& PointWriter::raw_tag(std::string_view key, std::string_view text) {
  if (is_utf8(text))
    escaped_tag(key, text);
  else
    escaped_tag(key, make_utf8(text));
  return *this;
}

void PointWriter::escaped_tag(std::string_view key, std::string_view value) {
  if (value.empty()) return;
  out_ += ',';
  out_ += key;
  out_ += '=';
  for (const char c : value) {
    if (c == ',' || c == '=' || c == ' ') out_ += '\\';
    // A line end would end the point, escaped or not: as its two characters, like other writers.
    if (c == '\n' || c == '\r' || c == '\t') {
      out_ += '\\';
      out_ += c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
      continue;
    }
    out_ += c;
  }
  // It would escape what comes behind the value.
  if (value.back() == '\\') out_ += ' ';
}

void PointWriter::key(std::string_view name) {
  out_ += has_fields_ ? ',' : ' ';
  has_fields_ = true;
  out_ += name;
  out_ += '=';
}

PointWriter& PointWriter::integer(std::string_view name, std::int64_t value) {
  key(name);
  append_number(out_, value);
  out_ += 'i';
  return *this;
}

PointWriter& PointWriter::real(std::string_view name, double value) {
  if (!std::isfinite(value)) return *this;
  key(name);
  append_number(out_, value);
  return *this;
}

PointWriter& PointWriter::boolean(std::string_view name, bool value) {
  key(name);
  out_ += value ? "true" : "false";
  return *this;
}

PointWriter& PointWriter::text(std::string_view name, std::string_view value) {
  if (!is_utf8(value)) return text(name, make_utf8(value));
  key(name);
  out_ += '"';
  std::size_t from = 0;
  while (true) {
    const std::size_t special = value.find_first_of("\"\\", from);
    out_ += value.substr(from, special == std::string_view::npos ? special : special - from);
    if (special == std::string_view::npos) break;
    out_ += '\\';
    out_ += value[special];
    from = special + 1;
  }
  out_ += '"';
  return *this;
}

bool PointWriter::at(std::int64_t time) {
  if (!has_fields_) {
    out_.resize(begins_);
    return false;
  }
  out_ += ' ';
  append_number(out_, time);
  out_ += '\n';
  return true;
}

}  // namespace galileo::wire
