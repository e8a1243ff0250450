// A Content-Type up to the first newline, then a body: no crash, the same text again, and text is
// UTF-8.
#include "wire/body_text.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/utf8.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = input.find('\n');
  const std::string_view type = input.substr(0, end);
  const std::string_view body = end == std::string_view::npos ? "" : input.substr(end + 1);
  wire::BodyText texts;
  const std::string text(texts.of(type, body));
  ENSURE(texts.of(type, body) == text, text);
  const std::string charset = wire::charset_of(type);
  ENSURE(charset.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ;") == std::string::npos, charset);
  if (charset == "iso-8859-1") ENSURE(text == utf8_of_latin1(body), text);
  // Whole text of a type that is text, and says nothing else, always is.
  if (type == "text/plain") ENSURE(is_utf8(text), text);
  if (text != body) ENSURE(is_utf8(text), text);
  return 0;
}
