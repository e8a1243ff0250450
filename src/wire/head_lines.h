// The lines of a request's head, as it is ready to be sent: what a client adds to a request that is
// otherwise the same for all (who it is, its cookies). Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

namespace galileo::wire {

// The value of the first header of that name, without the blanks around it; empty where there is
// none. `message` begins with a request line and has the empty line at its head's end.
std::string_view header_of(std::string_view message, std::string_view name);

// The same message with this header in place of those of that name, behind the request line. The
// value holds no line break; an empty one takes them away.
void set_header(std::string& message, std::string_view name, std::string_view value);

}  // namespace galileo::wire
