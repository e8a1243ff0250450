// What an event is about, in a few words: a mark on a chart has no room for its JSON. Pure
// function.
#pragma once

#include <string>

#include "wire/sample.h"

namespace galileo::analysis {

// "a-0 on n1", "a-0/main on n1: OOMKilled", "hello: 1 to 3", "hello in main: 2 targets"; of what
// isn't known, its value as it stands. At most 120 characters in one line.
std::string event_text(const wire::Event& event);

}  // namespace galileo::analysis
