// Drives the room kubernetes against a real API server, for tests/cluster/kubernetes_api_test.py.
//
//   galileo_ask_kubernetes FOLDER_OR_KUBECONFIG call METHOD PATH [BODY [SECONDS]]
//   galileo_ask_kubernetes FOLDER_OR_KUBECONFIG keep PATH EVERY_MS TIMES
//   galileo_ask_kubernetes FOLDER_OR_KUBECONFIG list PATH
//   galileo_ask_kubernetes FOLDER_OR_KUBECONFIG watch PATH [SELECTOR]
//   galileo_ask_kubernetes FOLDER_OR_KUBECONFIG quantities TIMES SEED
//   galileo_ask_kubernetes FOLDER_OR_KUBECONFIG halt PATH AFTER_MS
//   galileo_ask_kubernetes FOLDER_OR_KUBECONFIG make NAME
//   galileo_ask_kubernetes FOLDER_OR_KUBECONFIG may VERB RESOURCE NAMESPACE
//
// A folder is a pod's service account, in the cluster of KUBERNETES_SERVICE_HOST and _PORT.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "kubernetes/blocking_api.h"
#include "kubernetes/objects.h"
#include "kubernetes/paths.h"
#include "kubernetes/quantity.h"
#include "kubernetes/requests.h"
#include "kubernetes/watch.h"
#include "net/clock.h"
#include "net/loop.h"

using namespace galileo;
using namespace galileo::kubernetes;
using Json = nlohmann::json;

namespace {

void say(const std::string& text) {
  std::puts(text.c_str());
  std::fflush(stdout);
}

AccessOptions options_for(const std::string& where) {
  AccessOptions options;
  options.around.has_terminal = isatty(STDIN_FILENO) != 0;
  if (std::filesystem::is_directory(where)) {
    const char* const host = std::getenv("KUBERNETES_SERVICE_HOST");
    const char* const port = std::getenv("KUBERNETES_SERVICE_PORT");
    options.in_cluster_only = true;
    options.around.account_folder = where;
    options.around.service_host = host ? host : "";
    options.around.service_port = port ? port : "";
  } else {
    options.kubeconfig = where;
  }
  return options;
}

ApiRequest request_of(const std::vector<std::string>& words) {
  ApiRequest request;
  request.method = words.at(0);
  request.path = words.at(1);
  if (words.size() > 2) request.body = words[2];
  if (words.size() > 3) request.within = seconds(*parse_number(words[3]));
  return request;
}

int call(BlockingApi& api, const ApiRequest& request) {
  const auto answer = api.call(request);
  if (!answer.ok()) {
    say(answer.error().to_text());
    return 1;
  }
  say(fmt::format("{} {} {}", answer->status, answer->date ? to_unix_seconds(*answer->date) : -1,
                  answer->ok() ? "ok" : refusal(request, *answer).to_text()));
  return answer->ok() ? 0 : 1;
}

int keep(BlockingApi& api, const std::vector<std::string>& words) {
  ApiRequest request = get(words.at(0));
  for (std::int64_t i = 0; i < *parse_integer(words.at(2)); ++i) {
    call(api, request);
    net::pause_thread(std::chrono::milliseconds{*parse_integer(words.at(1))});
  }
  return 0;
}

int list(BlockingApi& api, const std::string& path) {
  std::size_t count = 0;
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  const auto listed =
      api.list(path, {}, [&](Json&& object) { count += name_of(object).empty() ? 0 : 1; });
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  say(listed.ok()
          ? fmt::format("{} objects, {} KiB more", count, after.ru_maxrss - before.ru_maxrss)
          : listed.error().to_text());
  return listed.ok() ? 0 : 1;
}

int watch(const Access& access, const std::vector<std::string>& words) {
  net::Loop loop;
  auto api = Api::make(loop, access);
  if (!api.ok()) {
    say(api.error().to_text());
    return 1;
  }
  const Watch watched(
      **api, words.at(0), words.size() > 1 ? words[1] : "", "",
      {[](const Json& object) {
         say(fmt::format("there {} {} {}", name_of(object), uid_of(object), version_of(object)));
       },
       [](const std::string& uid, const Json* last) {
         say(fmt::format("gone {} {}", last ? name_of(*last) : "?", uid));
       },
       [] { say("synced"); },
       [](const std::string& why) { say(why.empty() ? "well" : "trouble " + why); },
       [](const std::string& why) { say("gap " + why); }});
  loop.run();
  return 0;
}

std::string random_quantity(Random& random) {
  std::string text;
  if (random.below(5) == 0) text += random.below(2) == 0 ? "-" : "+";
  const auto digits = [&](std::uint64_t most) {
    for (std::uint64_t i = random.below(most) + 1; i > 0; --i)
      text += static_cast<char>('0' + random.below(random.below(3) == 0 ? 1 : 10));
  };
  const bool has_whole = random.below(10) != 0;
  if (has_whole) digits(random.below(4) == 0 ? 19 : 5);
  if (!has_whole || random.below(3) == 0) {
    text += '.';
    if (!has_whole || random.below(8) != 0) digits(random.below(4) == 0 ? 12 : 4);
  }
  static const std::vector<std::string> units{"n", "u", "m",  "",   "k",  "M",  "G",  "T",
                                              "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  if (random.below(4) == 0)
    text += fmt::format("{}{}{}", random.below(2) == 0 ? "e" : "E", random.below(4) == 0 ? "+" : "",
                        static_cast<int>(random.below(25)) - 9);
  else
    text += units[random.below(units.size())];
  if (text.find("+-") != std::string::npos) text.erase(text.find("+-"), 1);
  return text;
}

// Slices of devices' resources: of their capacities the server asks nothing but that they can be
// read.
int quantities(BlockingApi& api, std::int64_t times, std::uint64_t seed) {
  Random random(seed);
  std::size_t same = 0;
  std::size_t refused = 0;
  std::vector<std::string> wrong;
  while (same + wrong.size() < static_cast<std::size_t>(times)) {
    std::map<std::string, std::string> asked;
    Json devices = Json::array();
    for (int device = 0; device < 32; ++device) {
      Json capacity = Json::object();
      while (capacity.size() < 32) {
        const std::string text = random_quantity(random);
        const auto quantity = parse_quantity(text);
        if (!quantity.ok()) {
          ++refused;
          continue;
        }
        const std::string name = fmt::format("q{}", asked.size());
        capacity[name] = Json{{"value", text}};
        asked[name] = text;
      }
      devices.push_back({{"name", fmt::format("d{}", device)}, {"capacity", capacity}});
    }
    const Json slice{{"apiVersion", "resource.k8s.io/v1"},
                     {"kind", "ResourceSlice"},
                     {"metadata", {{"name", "quantities"}}},
                     {"spec",
                      {{"driver", "galileo.test"},
                       {"pool", {{"name", "p"}, {"generation", 1}, {"resourceSliceCount", 1}}},
                       {"allNodes", true},
                       {"devices", devices}}}};
    const ApiRequest request =
        dry_run(create(collection("resource.k8s.io/v1", "", "resourceslices"), slice));
    const auto answer = api.call(request);
    if (!answer.ok() || !answer->ok()) {
      say(answer.ok() ? refusal(request, *answer).to_text() : answer.error().to_text());
      return 1;
    }
    const Json given = answer->json();
    for (const Json& device : given["spec"]["devices"]) {
      for (const auto& [name, value] : device["capacity"].items()) {
        const std::string ours = parse_quantity(asked[name])->canonical();
        if (ours == value["value"])
          ++same;
        else
          wrong.push_back(
              fmt::format("{}: ours {}, theirs {}", asked[name], ours, value["value"].dump()));
      }
    }
  }
  for (std::size_t i = 0; i < std::min<std::size_t>(wrong.size(), 20); ++i) say(wrong[i]);
  say(fmt::format("{} equal, {} not, {} refused here", same, wrong.size(), refused));
  return wrong.empty() ? 0 : 1;
}

// An answer that is given up.
int halt(BlockingApi& api, const std::string& path, std::int64_t after_ms) {
  const net::RealClock clock;
  const Time end = clock.now() + std::chrono::milliseconds{after_ms};
  const auto answer = api.call(get(path), [&] { return clock.now() >= end; });
  say(fmt::format("{} {}", std::chrono::floor<std::chrono::milliseconds>(clock.now() - end).count(),
                  answer.ok() ? "answered" : answer.error().to_text()));
  return 0;
}

// Each kind of request, with the status and reason of its answer.
int make(BlockingApi& api, const std::string& name) {
  const auto tell = [&](const char* what, const ApiRequest& request) {
    const auto answer = api.call(request);
    say(answer.ok() ? fmt::format("{}: {} {}", what, answer->status, reason(*answer))
                    : answer.error().to_text());
    return answer.ok() ? answer->json() : Json();
  };
  const std::string maps = collection("v1", "default", "configmaps");
  const std::string path = object_path(maps, name);
  Json object{{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"name", name}}}};
  tell("dry run", dry_run(create(maps, object)));
  tell("none yet", get(path));
  const Json made = tell("create", create(maps, object));
  tell("create again", create(maps, object));
  object["data"] = {{"key", "applied"}};
  tell("apply", apply(path, object, "one"));
  object["data"] = {{"key", "of another"}};
  tell("apply another's", apply(path, object, "two"));
  tell("merge", merge_patch(path, {{"data", {{"key", "merged"}}}}));
  Json old = made;
  old["data"] = {{"key", "replaced"}};
  tell("replace what changed", replace(path, old));
  tell("remove another", remove(path, {"00000000-0000-0000-0000-000000000000", "Background", {}}));
  tell("remove", remove(path, {uid_of(made), "Background", {}}));
  tell("remove again", remove(path, {uid_of(made), "Background", {}}));
  const std::string deployments = collection("apps/v1", "default", "deployments");
  const Json labels{{"app", name}};
  const Json deployment{
      {"apiVersion", "apps/v1"},
      {"kind", "Deployment"},
      {"metadata", {{"name", name}}},
      {"spec",
       {{"replicas", 0},
        {"selector", {{"matchLabels", labels}}},
        {"template",
         {{"metadata", {{"labels", labels}}},
          {"spec", {{"containers", Json::array({{{"name", "a"}, {"image", "a"}}})}}}}}}}};
  tell("create deployment", create(deployments, deployment));
  const Json scaled = tell("scale", scale(object_path(deployments, name), 3));
  say(fmt::format("replicas {}", scaled["spec"]["replicas"].dump()));
  tell("remove deployment", remove(object_path(deployments, name), {}));
  return 0;
}

int may(BlockingApi& api, const std::vector<std::string>& words) {
  const Right right{words.at(0), "", words.at(1), words.at(2), ""};
  const auto answer = api.call(may_we(right));
  const auto allowed = answer.ok() ? is_allowed(right, *answer) : Result<bool>(answer.error());
  say(allowed.ok() ? (*allowed ? "yes" : "no") : allowed.error().to_text());
  return allowed.ok() ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.size() < 3) return 2;
  const auto access = find_access(options_for(words[0]));
  if (!access.ok()) {
    say(access.error().to_text());
    return 1;
  }
  const std::vector<std::string> rest(words.begin() + 2, words.end());
  if (words[1] == "watch") return watch(*access, rest);
  const auto api = BlockingApi::make(*access);
  if (!api.ok()) {
    say(api.error().to_text());
    return 1;
  }
  if (words[1] == "call") return call(**api, request_of(rest));
  if (words[1] == "keep") return keep(**api, rest);
  if (words[1] == "list") return list(**api, rest[0]);
  if (words[1] == "may") return may(**api, rest);
  if (words[1] == "make") return make(**api, rest[0]);
  if (words[1] == "halt") return halt(**api, rest[0], *parse_integer(rest.at(1)));
  if (words[1] == "quantities")
    return quantities(**api, *parse_integer(rest.at(0)),
                      static_cast<std::uint64_t>(*parse_integer(rest.at(1))));
  return 2;
}
