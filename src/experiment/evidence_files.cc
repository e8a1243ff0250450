#include "experiment/evidence_files.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "base/file.h"
#include "kubernetes/paths.h"

namespace galileo::experiment {
namespace {

constexpr std::size_t kLogBytes = std::size_t{64} << 10;
// A kubelet that hangs would hold up the end of the run, twice for each of its pods.
constexpr Duration kLogWithin = std::chrono::seconds{5};

// The first failure is kept: the others are of the same disk.
void keep_file(const std::string& path, const std::string& text, std::optional<Error>& unkept) {
  if (text.empty() || unkept) return;
  if (const auto written = write_whole_file(path, text); !written.ok()) unkept = written.error();
}

}  // namespace

std::optional<Error> keep_evidence(ClusterCalls& calls, ClusterWatch& watch,
                                   const std::string& name_space, const std::string& folder) {
  std::optional<Error> unkept;
  if (const auto made = make_folders(folder); !made.ok()) return made.error();
  const PodEvidence evidence = watch.evidence();
  keep_file(folder + "/pods.json", evidence.statuses(), unkept);
  keep_file(folder + "/kubernetes-events.txt", evidence.messages(), unkept);
  std::set<std::string> silent = watch.silent_nodes();
  const std::string pods = kubernetes::collection("v1", name_space, "pods");
  for (const auto& [name, node] : watch.nodes_of_pods()) {
    if (node.empty() || silent.contains(node)) continue;
    for (const char* previous : {"", "true"}) {
      kubernetes::ApiRequest request;
      request.within = kLogWithin;
      request.path = kubernetes::with_query(kubernetes::object_path(pods, name, "log"),
                                            {{"limitBytes", fmt::format("{}", kLogBytes)},
                                             {"tailLines", "1000"},
                                             {"previous", previous}});
      const auto answer = calls.ask(std::move(request));
      if (!answer.ok()) {
        // A kubelet that the API server can't reach, though its node is well: no other pod there
        // has more to say.
        if (answer.error().code == ErrorCode::kUnavailable) silent.insert(node);
        if (silent.contains(node)) break;
        continue;
      }
      keep_file(fmt::format("{}/{}{}.log", folder, name, *previous ? ".before" : ""), answer->body,
                unkept);
    }
  }
  return unkept;
}

}  // namespace galileo::experiment
