// What requests say of distributed traces, as an experiment file has it. A part of file.cc. One
// thread.
#pragma once

#include <optional>

#include "plan/fields.h"
#include "plan/file.h"
#include "plan/plan.h"

namespace galileo::plan {

// The key `traceparent` of the file or of a client: which share of the requests is marked as
// sampled, where all of them say their trace; none: they say nothing. Problems are added.
std::optional<double> read_traceparent(const Fields& fields);

// The key `otlp` of the file: a collector's URL, "env" for what OpenTelemetry's own variables say,
// or a map. `traceparent`: the file's, whose share is that of the spans where nothing else is said.
// What `options` name goes before the file's URL; its headers stay.
std::optional<Otlp> read_otlp(const Fields& file, const std::optional<double>& traceparent,
                              const FileOptions& options);

}  // namespace galileo::plan
