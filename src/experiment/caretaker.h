// Looks again and again whether runs have left something in a cluster, and removes it: for a
// program that lives there (the pod adapter). Works at a desk of its own; started and ended on its
// owner's thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/result.h"
#include "experiment/leftovers.h"
#include "kubernetes/access.h"
#include "net/desk.h"

namespace galileo::experiment {

class Caretaker {
 public:
  struct Options {
    std::string name_space;
    std::string own_name;  // who takes a lease over
    Duration look_every = std::chrono::seconds{20};
  };

  // Begins at once. What it removes, and what it can't, is logged.
  Caretaker(kubernetes::Access access, Outside outside, Options options);
  ~Caretaker();

 private:
  Result<void> look();

  const kubernetes::Access access_;
  const Outside outside_;
  const Options options_;
  RelaxedFlag ended_;               // the desk's calls are to end
  std::string told_;                // the trouble that was logged last
  std::vector<std::string> lines_;  // of the last look
  std::unique_ptr<ClusterCalls> calls_;
  net::Desk desk_;
};

}  // namespace galileo::experiment
