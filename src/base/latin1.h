// UTF-8 as ISO-8859-1, which is what texts in a message's head were written in once. Pure
// functions; any thread.
#pragma once

#include <string>
#include <string_view>

namespace galileo {

// A byte for each character. A text with other characters than ISO-8859-1 has stays as it is.
std::string latin1_of_utf8(std::string_view text);

}  // namespace galileo
