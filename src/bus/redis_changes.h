// Changes as a Redis server's commands, and what it answers as the numbers that bus.h promises.
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bus/bus.h"
#include "bus/redis_protocol.h"

namespace galileo::bus {

// Adds the command of a change that does something.
void add_change(std::string& to, const Change& change);

// Its command's words, the name first.
std::vector<std::string> words_of(const Change& change);

// Adds one command that makes the changes, each of which does something, where all of the
// conditions hold: answered by an array of their numbers, or by nothing.
void add_change_if(std::string& to, const std::vector<Holds>& conditions,
                   const std::vector<Change>& changes);

// What the answer to a change says: its number, 1 for "OK".
std::int64_t number_of(const Reply& reply, std::size_t part);

// "10", "0.250": seconds for a command that waits. Whole ones without a point, which servers before
// 6 want; never 0, which means for ever.
std::string seconds_word(Duration wait);

}  // namespace galileo::bus
