// One line of an access log: common and combined (nginx, Apache, with whatever stands behind them),
// HAProxy's HTTP log, Envoy's default one. Fields beyond those that are known are passed over, as
// everybody adds some at the end. Pure functions; any thread.
//
// When a line's time was, the programs have it differently: nginx writes the time of the line,
// which is the request's end; Apache, HAProxy and Envoy that of its begin. The common form doesn't
// say whose it is, so nginx is meant (a reader's options know better).
#pragma once

#include <string>
#include <string_view>

#include "wire/recorded_request.h"

namespace galileo::wire {

// Where a log has what its format doesn't name: keys of its JSON, the names of its fields
// ("rt=0.1"), or "+1" for the first field beyond those of the format.
struct LogFields {
  std::string time;
  std::string method;
  std::string target;
  std::string took;
  double took_unit_s = 1;
};

// How long the request took is the first field behind those of the format that is as nginx writes
// $request_time ("0.123"), or is named rt or request_time, or is the one that `fields` says.
RecordFault read_access_line(std::string_view line, const LogFields& fields, RecordedRequest& into);
RecordFault read_haproxy_line(std::string_view line, const LogFields& fields,
                              RecordedRequest& into);
RecordFault read_envoy_line(std::string_view line, const LogFields& fields, RecordedRequest& into);

}  // namespace galileo::wire
