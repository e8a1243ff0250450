// A file of targets, sent one after the other, and round again.
#include <fmt/format.h>

#include "load/listed_requests.h"
#include "load/targets_file.h"

namespace galileo::load {

Result<std::unique_ptr<RequestSources>> make_targets_sources(const Request& request) {
  const auto text = [&](const char* name) {
    const auto found = request.source.parameters.find(name);
    return found == request.source.parameters.end() ? std::string() : found->second;
  };
  TargetsFile file = TRY(read_targets(text("file"), text("folder")));
  return std::unique_ptr<RequestSources>(std::make_unique<ListedRequests>(
      fmt::format("targets of {}", text("file")), std::move(file.list), request, true,
      std::vector<std::string>()));
}

}  // namespace galileo::load
