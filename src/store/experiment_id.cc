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
  return fmt::format("{}-{:08x}", minute, std::random_device{}() & 0xffff'ffffu);
}

Result<std::string> new_experiment_id(Wall now, Store* store) {
  while (true) {
    std::string id = make_experiment_id(now);
    if (!store || !TRY(store->experiment(id))) return id;
  }
}

bool looks_like_experiment_id(std::string_view text) {
  if ((text.size() != 17 && text.size() != 21) || text[12] != '-') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    const bool hex = digit || (text[i] >= 'a' && text[i] <= 'f');
    if (i != 12 && !(i < 12 ? digit : hex)) return false;
  }
  return true;
}

}  // namespace galileo::store
