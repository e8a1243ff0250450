// The body of a request from a client's parameters: a text, a form, JSON, or files as a form sends
// them, as Python's requests makes them. Pure functions; any thread.
#pragma once

#include <string>

#include "load/parameter_faults.h"
#include "load/workload.h"

namespace galileo::load {

// The body of `data`, `json` and `files`, with its Content-Type where no header has said one.
// `request` has its method and headers.
void read_body(const Arguments& arguments, Request& request, ParameterFaults& faults);

// "a=1&b=2" as forms and queries have it, of a map (whose lists repeat their key) or of a list of
// pairs. What is null is left out. `name` is the argument's.
std::string form_text(const char* name, const JsonValue& value, ParameterFaults& faults);

// Whether a header of that name is among the request's.
bool has_header(const Request& request, std::string_view name);

}  // namespace galileo::load
