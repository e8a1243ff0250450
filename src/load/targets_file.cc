#include "load/targets_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "base/file.h"
#include "wire/request_targets.h"

namespace galileo::load {
namespace {

constexpr std::size_t kTargetBodyMax = std::size_t{64} << 20;

Error in_targets(Error error, const std::string& path) {
  if (error.what.empty()) error.what = "can't read the targets";
  error.where = error.where.empty() ? path : fmt::format("{}, {}", path, error.where);
  return error;
}

std::string url_of(const wire::RecordedRequest& request) {
  if (request.host.empty()) return {};
  return (request.is_https ? "https://" : "http://") + request.host;
}

// Each file once, however many targets name it.
class TargetBodies {
 public:
  explicit TargetBodies(std::string folder) : folder_(std::move(folder)) {}
  Result<const std::string*> of(const std::string& file) {
    const auto found = bodies_.find(file);
    if (found != bodies_.end()) return &found->second;
    const std::string path = (std::filesystem::path(folder_) / file).string();
    return &bodies_.emplace(file, TRY(read_whole_file(path, kTargetBodyMax))).first->second;
  }

 private:
  const std::string folder_;
  std::map<std::string, std::string> bodies_;
};

Result<void> add_target(const wire::RequestTarget& target, TargetBodies& bodies,
                        TargetsFile& file) {
  const wire::RecordedRequest& request = target.request;
  const std::string url = url_of(request);
  if (file.list.size() == 0) file.url = url;
  if (url != file.url)
    return Error{ErrorCode::kUsage,
                 {},
                 {},
                 fmt::format("it is of {}, and those before of {}", url.empty() ? "no host" : url,
                             file.url.empty() ? "no host" : file.url),
                 "give each host a file and a client of its own"};
  const std::string* body = request.has_body ? &request.body : nullptr;
  if (!target.body_file.empty()) body = TRY(bodies.of(target.body_file));
  file.list.add(Duration{0}, request.method, request.target, request.headers, body);
  return {};
}

}  // namespace

Result<TargetsFile> read_targets(const std::string& path, const std::string& folder) {
  const std::string text = TRY(read_whole_file(path == "-" ? "/dev/stdin" : path, kTargetsFileMax));
  const auto targets = wire::parse_request_targets(text);
  if (!targets.ok()) return in_targets(targets.error(), path);
  TargetsFile file;
  TargetBodies bodies(folder);
  for (const wire::RequestTarget& target : *targets) {
    auto added = add_target(target, bodies, file);
    if (added.ok()) continue;
    Error error = added.error();
    error.where =
        fmt::format("line {}{}{}", target.line, error.where.empty() ? "" : ": ", error.where);
    return in_targets(error, path);
  }
  file.list.close();
  return file;
}

}  // namespace galileo::load
