// Spans of OpenTelemetry as requests: a line of JSON is an ExportTraceServiceRequest, as the
// collector's file exporter writes them. A server's span with a method and a path is a request that
// came at its start. Attributes are known by their names of today and those before version 1.21 of
// the conventions (http.target became url.path and url.query). Pure functions; any thread.
#pragma once

#include <functional>
#include <string_view>

#include "wire/recorded_request.h"

namespace galileo::wire {

// Calls `take` for each span of the line, in their order: with a fault, or what `into` holds then.
// What isn't such a line at all is one fault.
void read_otlp_line(std::string_view line, bool client_spans, RecordedRequest& into,
                    const std::function<void(RecordFault)>& take);

}  // namespace galileo::wire
