#include "experiment/caretaker.h"

#include <algorithm>

#include "base/log.h"

namespace galileo::experiment {

Caretaker::Caretaker(kubernetes::Access access, Outside outside, Options options)
    : access_(std::move(access)), outside_(std::move(outside)), options_(std::move(options)) {
  desk_.start("caretaker", [this](Time now) {
    const auto looked = look();
    // Each trouble once, until it is another.
    const std::string trouble =
        looked.ok() || ended_.load() ? std::string() : looked.error().to_text();
    if (trouble != told_ && !trouble.empty())
      log(LogLevel::kWarning, "can't look for what runs have left", {{"why", trouble}});
    told_ = trouble;
    return now + options_.look_every;
  });
}

Caretaker::~Caretaker() {
  ended_.set(true);
  desk_.stop();
}

Result<void> Caretaker::look() {
  if (!calls_) calls_ = TRY(ClusterCalls::make(access_, [this] { return ended_.load(); }));
  std::vector<std::string> lines =
      TRY(clean_leftovers(*calls_, options_.name_space, options_.own_name, outside_));
  // What stays is told once, not each time.
  for (const std::string& line : lines) {
    if (std::find(lines_.begin(), lines_.end(), line) == lines_.end()) log(LogLevel::kInfo, line);
  }
  lines_ = std::move(lines);
  return {};
}

}  // namespace galileo::experiment
