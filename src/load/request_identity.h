// Who asks, from a client's parameters: `auth` and `cookies`. Pure functions; any thread.
#pragma once

#include "load/parameter_faults.h"
#include "load/workload.h"

namespace galileo::load {

// `auth`: [user, password] is Basic, as Python's requests has it; {"digest": [user, password]} and
// {"bearer": token} are ours, and so is "keep" beside a digest. It is in place of a header
// Authorization.
void read_auth(const Arguments& arguments, Writer writer, Request& request,
               ParameterFaults& faults);

// `cookies`: names and values, as a header Cookie where none is given; or the word "keep", which is
// ours: those that answers set are kept by client.
void read_cookies(const Arguments& arguments, Writer writer, Request& request,
                  ParameterFaults& faults);

}  // namespace galileo::load
