#include "plan/file_manifests.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "base/text.h"

namespace galileo::plan {
namespace {

constexpr std::size_t kFileMax = std::size_t{4} << 20;
constexpr std::size_t kAllMax = std::size_t{16} << 20;

// Those whose pods are told by their templates, or that have none.
constexpr std::array<std::string_view, 12> kKnownGroups{"v1",
                                                        "apps/v1",
                                                        "batch/v1",
                                                        "autoscaling/v1",
                                                        "autoscaling/v2",
                                                        "rbac.authorization.k8s.io/v1",
                                                        "policy/v1",
                                                        "networking.k8s.io/v1",
                                                        "storage.k8s.io/v1",
                                                        "scheduling.k8s.io/v1",
                                                        "apiextensions.k8s.io/v1",
                                                        "discovery.k8s.io/v1"};

// One experiment file's.
class GivenReader {
 public:
  GivenReader(Problems& problems, const FileOptions& options)
      : problems_(problems), options_(options) {}

  void read(const wire::YamlPlace& place, const std::string& path) {
    if (path.find("://") != std::string::npos)
      return problems_.add(place, fmt::format("manifests are files, and '{}' is a URL", path),
                           "fetch it first: curl -LO URL");
    if (!options_.files_of || !options_.read_file)
      return problems_.add(place, "no files can be named here");
    const auto files = options_.files_of(path);
    if (!files.ok()) return problems_.add(place, {}, files.error());
    for (const std::string& file : *files) read_one(place, file);
  }

  std::vector<Manifest> take() { return std::move(manifests_); }

 private:
  void read_one(const wire::YamlPlace& place, const std::string& file) {
    const auto text = options_.read_file(file);
    if (!text.ok()) {
      Error error = text.error();
      if (error.where.empty()) error.where = file;
      return problems_.add(place, {}, error);
    }
    bytes_ += text->size();
    if (text->size() > kFileMax || bytes_ > kAllMax)
      return problems_.add(place,
                           fmt::format("{} is too large: 4 MiB a file, 16 MiB in all", file));
    std::vector<wire::YamlFault> faults;
    std::vector<Manifest> read = parse_manifests(*text, file, faults);
    for (const wire::YamlFault& fault : faults)
      problems_.add(
          place, fmt::format("{}:{}:{}: {}", file, fault.place.line, fault.place.column, fault.why),
          fault.hint);
    if (faults.empty() && read.empty())
      problems_.add(place, fmt::format("{} holds no object", file));
    for (Manifest& manifest : read) add(place, std::move(manifest));
  }

  void add(const wire::YamlPlace& place, Manifest manifest) {
    // A kind has its names to itself in all versions of its group.
    const std::size_t slash = manifest.group_version.find('/');
    const std::string group =
        slash == std::string::npos ? "" : manifest.group_version.substr(0, slash);
    const std::string name =
        fmt::format("{}/{}/{}/{}", group, manifest.kind, manifest.name_space, manifest.name);
    const auto [before, is_new] = named_.emplace(name, manifest.where());
    if (!is_new)
      problems_.add(
          place,
          fmt::format("{}: {} '{}' is there twice", manifest.where(), manifest.kind, manifest.name),
          fmt::format("the other one is at {}", before->second));
    manifests_.push_back(std::move(manifest));
  }

  Problems& problems_;
  const FileOptions& options_;
  std::size_t bytes_ = 0;
  std::map<std::string, std::string> named_;  // and where
  std::vector<Manifest> manifests_;
};

bool is_known(const Manifest& manifest) {
  return std::find(kKnownGroups.begin(), kKnownGroups.end(), manifest.group_version) !=
         kKnownGroups.end();
}

}  // namespace

std::vector<Manifest> read_given_manifests(const Fields& cluster, const FileOptions& options) {
  const wire::YamlNode* const node = cluster.find("manifests");
  const auto paths = cluster.words("manifests");
  if (!node || !paths) return {};
  GivenReader reader(cluster.problems(), options);
  for (std::size_t i = 0; i < paths->size(); ++i)
    reader.read(node->kind == wire::YamlNode::Kind::kList ? node->items[i].place : node->place,
                paths->at(i));
  return reader.take();
}

void check_given_pods(const Fields& file, const Plan& plan) {
  const wire::YamlNode* const nodes = file.find("applications");
  if (!nodes || !plan.cluster) return;
  std::set<std::string> functions;
  bool all_known = true;
  for (const Manifest& manifest : plan.cluster->manifests) {
    functions.insert(manifest.functions.begin(), manifest.functions.end());
    all_known = all_known && is_known(manifest);
  }
  for (std::size_t i = 0; i < std::min(plan.applications.size(), nodes->items.size()); ++i) {
    const Application& application = plan.applications[i];
    if (!application.pods || !application.pods->from_manifests) continue;
    const wire::YamlPlace& place = nodes->items[i].place;
    if (plan.cluster->manifests.empty()) {
      file.problems().add(
          place,
          fmt::format("the pods of '{}' come from manifests, and none are given", application.name),
          "name them: kubernetes: {manifests: [app.yaml]}");
    } else if (all_known && !functions.contains(application.name)) {
      file.problems().add(
          place, fmt::format("no manifest makes pods of '{}'", application.name),
          fmt::format("give the template of its pods the label ether.edgerun.io/function: {}{}",
                      application.name,
                      functions.empty()
                          ? ""
                          : fmt::format("; there are those of {}", fmt::join(functions, ", "))));
    }
  }
}

}  // namespace galileo::plan
