// A file of targets, sent one after the other, and round again.
#include <fmt/format.h>

#include "load/listed_requests.h"
#include "load/request_description.h"
#include "load/targets_file.h"

namespace galileo::load {

Result<std::unique_ptr<RequestSources>> make_targets_sources(const Request& request) {
  const auto text = [&](const char* name) {
    const auto found = request.source.parameters.find(name);
    return found == request.source.parameters.end() ? std::string() : found->second;
  };
  const bool is_folder = request.source.parameters.contains("folder");
  const BodyPlace named = [&](const std::string& name) -> Result<std::string> {
    if (std::string path = text((kBodyOfTarget + name).c_str()); !path.empty()) return path;
    return Error{ErrorCode::kNotFound, "a target's body isn't here", name, {}, {}};
  };
  TargetsFile file = TRY(is_folder ? read_targets(text("file"), text("folder"))
                                   : read_targets(text("file"), named));
  return std::unique_ptr<RequestSources>(std::make_unique<ListedRequests>(
      fmt::format("targets of {}", called(request.source, "file")), std::move(file.list), request,
      true, std::vector<std::string>()));
}

}  // namespace galileo::load
