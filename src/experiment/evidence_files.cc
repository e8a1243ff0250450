#include "experiment/evidence_files.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/file.h"
#include "experiment/pod_objects.h"
#include "kubernetes/paths.h"
#include "pods/pod.h"

namespace galileo::experiment {
namespace {

constexpr std::size_t kLogBytes = std::size_t{64} << 10;
// A kubelet that hangs would hold up the end of the run, twice for each of its pods.
constexpr Duration kLogWithin = std::chrono::seconds{5};
// Once one node gives no answer others may not either: where the API server reaches no kubelet at
// all, the end of a run on forty nodes would take minutes.
constexpr Duration kLogWithinNow = std::chrono::seconds{1};
constexpr std::size_t kSilentMost = 5;  // and nobody has answered

// The first failure is kept: the others are of the same disk.
void keep_file(const std::string& path, const std::string& text, std::optional<Error>& unkept) {
  if (text.empty() || unkept) return;
  if (const auto written = write_whole_file(path, text); !written.ok()) unkept = written.error();
}

// Of a pod all that there is; false where its node gives no answer.
bool keep_logs(ClusterCalls& calls, const pods::Pod& pod, const std::string& called,
               const std::string& folder, Duration within, std::optional<Error>& unkept) {
  const std::string collection = kubernetes::collection("v1", pod.name_space, "pods");
  for (const ContainerLog& log : logs_of(pod, called)) {
    for (const char* previous : {"", "true"}) {
      kubernetes::ApiRequest request;
      request.within = within;
      request.path = kubernetes::with_query(kubernetes::object_path(collection, pod.name, "log"),
                                            {{"container", log.container},
                                             {"limitBytes", fmt::format("{}", kLogBytes)},
                                             {"tailLines", "1000"},
                                             {"previous", previous}});
      const auto answer = calls.ask(std::move(request));
      // A kubelet that the API server can't reach, though its node is well: no other pod there has
      // more to say.
      if (!answer.ok() && answer.error().code == ErrorCode::kUnavailable) return false;
      if (!answer.ok()) continue;
      keep_file(fmt::format("{}/{}{}.log", folder, log.file, *previous ? ".before" : ""),
                answer->body, unkept);
    }
  }
  return true;
}

}  // namespace

std::vector<ContainerLog> logs_of(const pods::Pod& pod, const std::string& called) {
  std::vector<ContainerLog> logs;
  for (const pods::ContainerStatus& container : pod.init_statuses)
    logs.push_back({container.name, fmt::format("{}_{}", called, container.name)});
  if (pod.statuses.size() == 1) {
    logs.push_back({pod.statuses.front().name, called});
    return logs;
  }
  for (const pods::ContainerStatus& container : pod.statuses)
    logs.push_back({container.name, fmt::format("{}_{}", called, container.name)});
  return logs;
}

std::optional<Error> keep_evidence(ClusterCalls& calls, ClusterWatch& watch,
                                   const EvidencePlace& place) {
  std::optional<Error> unkept;
  if (const auto made = make_folders(place.folder); !made.ok()) return made.error();
  PodEvidence evidence = watch.evidence();
  std::vector<std::pair<std::string, pods::Pod>> pods;  // what each is called, and itself
  std::set<std::string> known;                          // uids
  for (pods::Pod& pod : watch.pods()) {
    known.insert(pod.uid);
    pods.emplace_back(pod.name, std::move(pod));
  }
  for (const std::string& space : place.given_spaces) {
    const auto take = [&](nlohmann::json&& object) {
      pods::Pod pod = pods::read_pod(object);
      if (!known.insert(pod.uid).second) return;
      std::string called =
          space == place.name_space ? pod.name : fmt::format("{}@{}", pod.name, space);
      evidence.on_pod(object, called);
      pods.emplace_back(std::move(called), std::move(pod));
    };
    const std::string label = fmt::format("{}={}", kExperimentLabel, place.experiment);
    // Who may not list them knows nothing of them.
    static_cast<void>(calls.each(kubernetes::collection("v1", space, "pods"), label, take).ok());
  }
  keep_file(place.folder + "/pods.json", evidence.statuses(), unkept);
  keep_file(place.folder + "/kubernetes-events.txt", evidence.messages(), unkept);
  std::set<std::string> silent = watch.silent_nodes();
  std::size_t unanswered = 0;
  bool has_answered = false;
  for (const auto& [called, pod] : pods) {
    if (pod.node.empty() || pod.statuses.empty() || silent.contains(pod.node)) continue;
    if (unanswered >= kSilentMost && !has_answered) break;
    const Duration within = unanswered == 0 ? kLogWithin : kLogWithinNow;
    if (keep_logs(calls, pod, called, place.folder, within, unkept)) {
      has_answered = true;
    } else {
      silent.insert(pod.node);
      ++unanswered;
    }
  }
  return unkept;
}

}  // namespace galileo::experiment
