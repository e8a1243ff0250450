// What clients call a success themselves (`ok` of a request), and what a result says of it. Pure
// functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"

namespace galileo::plan {

// Where all clients call the same a success, the rest is what the whole run calls failures: then
// summary, thresholds and report say it in their own words.
void take_common_successes(Plan& plan);

// What of the requests a result must say, since figures are read by it: "client web: a success is a
// status of 200-299, 404", and whose answers may come compressed.
std::vector<std::string> notes_of_requests(const Plan& plan);

}  // namespace galileo::plan
