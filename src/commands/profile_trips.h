// `galileo profile trips`: profiles of recorded trips, one for each cloudlet. Blocking.
#pragma once

#include <string>

#include "base/result.h"

namespace galileo::commands {

struct TripFlags {
  std::string trips;
  std::string topology;
  std::string folder;
  std::string start;  // empty: all that are before the end
  std::string end;
};

// Writes <cloudlet>_pickups.csv and .pkl into the folder, and their names to stdout; the exit code.
Result<int> write_profiles_of_trips(const TripFlags& flags);

}  // namespace galileo::commands
