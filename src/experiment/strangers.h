// Clients on a run's workers that are none of the run's: whoever made them, their load is in its
// figures. A client of the run's may be seen before the run knows that it has it. Plain; one
// thread.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace galileo::experiment {

class Strangers {
 public:
  void expect(const std::vector<std::string>& ids);
  void see(const std::vector<std::string>& ids);

  // In the end: what a verdict says of them; nothing where there were none.
  std::optional<std::string> doubt() const;

 private:
  std::set<std::string> ours_;
  std::set<std::string> seen_;
};

}  // namespace galileo::experiment
