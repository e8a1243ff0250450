// Whether a submitted experiment file may be run: submitting one is running it as the daemon's
// user, so that commands, files of this machine, variables and clusters are refused unless an
// administrator allows their class, and requests go to allowed targets only. Blocking (names are
// resolved); one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "plan/plan.h"
#include "service/rest_message.h"
#include "service/submission.h"

namespace galileo::service {

struct AllowedFiles {
  bool commands = false;     // applications' and telemetry's
  bool files = false;        // of the daemon's machine
  bool environment = false;  // of the daemon: ${NAME}
  bool kubernetes = false;   // pods, manifests and weights of a cluster
  // "host", "host:port", "*.example.com", "10.0.0.0/8", "*"; none: this machine's loopback.
  std::vector<std::string> targets;
  // The value of a variable, where `environment` is allowed.
  std::function<std::optional<std::string>(std::string_view)> variable = {};

  std::vector<std::string> names() const;  // of the classes that are allowed
};

// Why requests may not go there ("host:port", or a URL); empty: they may. A name that isn't listed
// is resolved, and all of its addresses have to be.
std::string refused_target(const AllowedFiles& allowed, const std::string& target);

// A class or a target of --allow and --allow-target that can't be one.
Result<void> check_allowed(const std::vector<std::string>& classes,
                           const std::vector<std::string>& targets);

// The plan of it, or a refusal: 422 with each fault of the file, 403 for what isn't allowed.
std::variant<plan::Plan, RestAnswer> checked_plan(const Submission& submission,
                                                  const AllowedFiles& allowed);

// Where its requests may go, and what else it speaks to.
std::vector<std::string> targets_of(const plan::Plan& plan);

}  // namespace galileo::service
