// One line of an access log in JSON: an object whose keys are those of the usual configurations of
// nginx, Envoy, Caddy, Traefik, HAProxy and the clouds' load balancers, or those that `fields`
// names ("request.uri" goes into objects). Pure functions; any thread.
#pragma once

#include <string_view>

#include "wire/access_log.h"
#include "wire/recorded_request.h"

namespace galileo::wire {

RecordFault read_json_line(std::string_view line, const LogFields& fields, RecordedRequest& into);

}  // namespace galileo::wire
