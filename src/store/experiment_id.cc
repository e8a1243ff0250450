#include "store/experiment_id.h"

#include <fmt/format.h>

#include <ctime>
#include <random>

namespace galileo::store {

std::string make_experiment_id(Wall now) {
  const auto seconds = static_cast<std::time_t>(to_unix_seconds(now));
  std::tm local{};
  localtime_r(&seconds, &local);
  char minute[16];
  std::strftime(minute, sizeof minute, "%Y%m%d%H%M", &local);
  return fmt::format("{}-{:04x}", minute, std::random_device{}() & 0xffffu);
}

}  // namespace galileo::store
