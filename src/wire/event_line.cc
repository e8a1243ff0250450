#include "wire/event_line.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "wire/unix_time.h"

namespace galileo::wire {
namespace {

Error no_event(std::string why) {
  return Error{ErrorCode::kCorrupt, "can't read the event", {}, std::move(why), {}};
}

}  // namespace

void append_event_line(std::string& to, const Event& event) {
  append_unix_time(to, event.at, 7);
  to += ' ';
  const auto begin = static_cast<std::ptrdiff_t>(to.size());
  to += event.name;
  std::replace(to.begin() + begin, to.end(), ' ', '_');
  if (!event.value.empty()) to += ' ' + event.value;
}

Result<Event> parse_event_line(std::string_view text) {
  const std::size_t time_end = std::min(text.find(' '), text.size());
  const std::string_view time = text.substr(0, time_end);
  const std::optional<Wall> at = parse_unix_time(time);
  if (!at)
    return no_event(fmt::format("'{}' is no time in seconds", make_utf8(time.substr(0, 40))));
  text.remove_prefix(std::min(time_end + 1, text.size()));
  const std::size_t name_end = std::min(text.find(' '), text.size());
  if (name_end == 0) return no_event("it has no name");
  Event event;
  event.at = *at;
  event.name = make_utf8(text.substr(0, name_end));
  event.value = make_utf8(text.substr(std::min(name_end + 1, text.size())));
  return event;
}

}  // namespace galileo::wire
