// A Content-Encoding up to the first newline, then a body: no crash, never more than was asked for,
// the same again, and more of it where more is asked for.
#include "wire/content_coding.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  const std::string_view coding = input.substr(0, line);
  const std::string_view body = line == std::string_view::npos ? "" : input.substr(line + 1);
  constexpr std::size_t kMost = 100'000;
  std::string text;
  const wire::DecodingEnd end = wire::decode_content(coding, body, kMost, text);
  ENSURE(text.size() <= kMost, text.size());
  if (end == wire::DecodingEnd::kUnknown) ENSURE(text.empty(), text);
  std::string again;
  ENSURE(wire::decode_content(coding, body, kMost, again) == end);
  ENSURE(again == text);
  const auto whole = wire::decode_whole(coding, body, kMost);
  ENSURE(whole.ok() == (end == wire::DecodingEnd::kWhole));
  if (!wire::is_encoded(coding)) ENSURE(text == body.substr(0, kMost));
  return 0;
}
