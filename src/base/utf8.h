// Text that came from outside as UTF-8: databases and their readers refuse anything else. Pure
// functions; any thread.
#pragma once

#include <string>
#include <string_view>

namespace galileo {

// Whether it is UTF-8: no overlong form, no surrogate, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// The text with each byte that isn't part of UTF-8 replaced by U+FFFD, the sign for that.
std::string make_utf8(std::string_view text);

// The text without what a terminal would obey: control characters but line breaks, tabs and our
// own colours become U+FFFD.
std::string without_controls(std::string_view text);

// The same in one line: a name from outside, in a table or a line of ours.
std::string one_line(std::string_view text);

// The text, cut to that many characters where it is longer, with a sign that it was.
std::string shortened(std::string_view text, std::size_t characters);

// The text of bytes in ISO-8859-1, where each is a character.
std::string utf8_of_latin1(std::string_view bytes);

}  // namespace galileo
