#include "experiment/strangers.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/text.h"
#include "fleet/heartbeat.h"

namespace galileo::experiment {

void Strangers::expect(const std::vector<std::string>& ids) {
  ours_.insert(ids.begin(), ids.end());
}

void Strangers::see(const std::vector<std::string>& ids) {
  seen_.insert(ids.begin(), ids.end());
}

std::optional<std::string> Strangers::doubt() const {
  std::vector<std::string> others;
  std::set_difference(seen_.begin(), seen_.end(), ours_.begin(), ours_.end(),
                      std::back_inserter(others));
  if (others.empty()) return std::nullopt;
  return fmt::format(
      "the workers had {} client{} of others meanwhile, whose requests nothing here tells of: {}",
      format_count(others.size()), others.size() == 1 ? "" : "s", fleet::name_some(others));
}

}  // namespace galileo::experiment
