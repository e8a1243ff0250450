#include "load/targets_file.h"

#include <fmt/format.h>

#include <filesystem>

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
  explicit TargetBodies(const BodyPlace& place) : place_(place) {}
  Result<const std::string*> of(const std::string& file) {
    const auto found = bodies_.find(file);
    if (found != bodies_.end()) return &found->second;
    const std::string path = TRY(place_(file));
    return &bodies_.emplace(file, TRY(read_whole_file(path, kTargetBodyMax))).first->second;
  }

 private:
  const BodyPlace& place_;
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

Result<std::vector<wire::RequestTarget>> targets_of(const std::string& path) {
  const std::string text = TRY(read_whole_file(path == "-" ? "/dev/stdin" : path, kTargetsFileMax));
  auto targets = wire::parse_request_targets(text);
  if (!targets.ok()) return in_targets(targets.error(), path);
  return targets;
}

std::string in_folder(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).string();
}

}  // namespace

Result<std::map<std::string, std::string>> bodies_of_targets(const std::string& path,
                                                             const std::string& folder) {
  std::map<std::string, std::string> bodies;
  for (const wire::RequestTarget& target : TRY(targets_of(path))) {
    if (!target.body_file.empty())
      bodies.try_emplace(target.body_file, in_folder(folder, target.body_file));
  }
  return bodies;
}

Result<TargetsFile> read_targets(const std::string& path, const std::string& folder) {
  return read_targets(path, [&](const std::string& name) -> Result<std::string> {
    return in_folder(folder, name);
  });
}

Result<TargetsFile> read_targets(const std::string& path, const BodyPlace& place) {
  TargetsFile file;
  TargetBodies bodies(place);
  for (const wire::RequestTarget& target : TRY(targets_of(path))) {
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
