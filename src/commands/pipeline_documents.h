// What a pipeline reads of a result: --junit FILE and --markdown FILE of `run`, `load` and `exp
// show`.
#pragma once

#include <optional>
#include <string>

#include "analysis/result.h"
#include "base/result.h"

namespace CLI {
class App;
}

namespace galileo::commands {

struct PipelineFlags {
  std::string junit;
  std::string markdown;
};

void add_pipeline_options(CLI::App& app, PipelineFlags& flags);

// The first reason why one can't be written. A page of Markdown goes behind what its file holds, as
// far as there is room.
std::optional<Error> write_pipeline_documents(const PipelineFlags& flags,
                                              const analysis::RunResult& result,
                                              const analysis::Summary& summary);

// The same of a run that couldn't begin: a pipeline is told why where it looks. What can't be
// written is passed over, since the error itself is said anyway.
void write_pipeline_error(const PipelineFlags& flags, const std::string& name, const Error& error);

}  // namespace galileo::commands
