// Any bytes as an event's line: no crash, and what is read is written as a line that is read the
// same.
#include "wire/event_line.h"

#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/utf8.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Result<wire::Event> event =
      wire::parse_event_line({reinterpret_cast<const char*>(data), size});
  if (!event.ok()) {
    ENSURE(!event.error().why.empty() && is_utf8(event.error().why));
    return 0;
  }
  ENSURE(!event->name.empty() && is_utf8(event->name) && is_utf8(event->value));
  std::string text;
  wire::append_event_line(text, *event);
  const Result<wire::Event> again = wire::parse_event_line(text);
  ENSURE(again.ok() && again->name == event->name && again->value == event->value, text);
  return 0;
}
