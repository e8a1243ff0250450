// The text of a message's body as UTF-8, by the charset that its Content-Type names (RFC
// 9110, 8.3): traces are text.
#pragma once

#include <iconv.h>

#include <map>
#include <string>
#include <string_view>

namespace galileo::wire {

// The charset parameter of a Content-Type, in lower case, without its quotes; empty where there is
// none.
std::string charset_of(std::string_view content_type);

// The text up to `size` bytes, with no character cut in two.
std::string_view beginning(std::string_view text, std::size_t size);

// Keeps what it needs to read a charset, for the next body. Lives on one thread.
class BodyText {
 public:
  BodyText() = default;
  ~BodyText();
  BodyText(const BodyText&) = delete;
  BodyText& operator=(const BodyText&) = delete;

  // `body`, or its text until the next call where it is in another charset. What isn't part of the
  // named charset becomes U+FFFD. Without a charset, or with one that nobody knows: UTF-8 where it
  // is that, text/* that isn't is ISO-8859-1, as the old client has it; the rest stays as it is.
  // `is_cut`: its last character may not be whole.
  std::string_view of(std::string_view content_type, std::string_view body, bool is_cut = false);

 private:
  // (iconv_t)-1 where the charset is not known.
  iconv_t converter(const std::string& charset);

  std::map<std::string, iconv_t> converters_;  // by charset; (iconv_t)-1 of those nobody knows
  std::string text_;
};

}  // namespace galileo::wire
