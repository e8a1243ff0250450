// A fault tried where nobody is harmed, and what it does there, measured: a network discipline on
// the loopback device of a network of its own, by packets that are sent through it. For a desk:
// takes about a second.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "chaos/tc_words.h"

namespace galileo::chaos {

using Effect = std::vector<std::pair<std::string, double>>;

// "delay_ms" (the median of some packets), "loss" (share), "rate_bps" (what comes through), for a
// command line, after those that must come before it. Errors: the kernel hasn't got it, as tc says.
Result<Effect> try_tc(const std::vector<TcCommand>& before, const TcCommand& command);

// What is asked of tc, on the command line of the calling thread's network.
Result<std::string> run_tc(std::vector<std::string> words);

}  // namespace galileo::chaos
