#include "pods/pod_events.h"

#include "pods/pods_fixture.h"

namespace galileo::pods {
namespace {

struct Watched {
  Told told;
  PodEvents events{[this](wire::Event&& event) { told(std::move(event)); }};

  Names see(const Json& pod) {
    events.on_object(read_pod(pod), kNow);
    return told.names();
  }
  Names sync() {
    events.on_synced(kNow);
    return told.names();
  }
  Names lose(const Json& pod, bool with_end = true) {
    const Pod last = read_pod(pod);
    events.on_gone(last.uid, with_end ? &last : nullptr, kNow);
    return told.names();
  }
};

// One that has told its first list, which was empty.
struct AfterStart : Watched {
  AfterStart() { sync(); }
};

TEST_CASE(
    "at the start each running pod is told as running, then every pod as created, in their order") {
  Watched watched;
  Json no_ip = running(pending("c"));
  no_ip["status"].erase("podIP");
  Json no_id = running(pending("d"));
  first_status(no_id).erase("containerID");
  for (const Json& pod : {running(pending("b")), pending("a"), no_ip, no_id, running(pending("e"))})
    CHECK(watched.see(pod) == Names{});
  watched.events.on_synced(kNow);
  Names lines;
  for (const wire::Event& event : watched.told.events) {
    lines.push_back(event.name + " " + Json::parse(event.value)["name"].get<std::string>());
    CHECK(event.at == kNow);
  }
  CHECK(lines == Names{"pod/running b", "pod/running e", "pod/create b", "pod/create a",
                       "pod/create c", "pod/create d", "pod/create e"});
  watched.told.names();
  CHECK(watched.sync() == Names{});
  // A first list that is begun anew isn't told twice.
  CHECK(watched.events.size() == 5);
}

TEST_CASE(
    "a pod that goes while the first list is read isn't told, and one that changes is told as it "
    "is then") {
  Watched watched;
  watched.see(pending("a"));
  watched.see(pending("b"));
  watched.see(running(pending("b")));
  CHECK(watched.lose(pending("a")) == Names{});
  CHECK(watched.sync() == Names{"pod/running", "pod/create"});
}

TEST_CASE("a pod's life") {
  AfterStart watched;
  CHECK(watched.see(pending()) == Names{"pod/create"});
  CHECK(watched.see(placed(pending())) == Names{"pod/pending", "scheduler/placed"});
  CHECK(watched.see(placed(pending())) == Names{"pod/pending"});
  CHECK(watched.see(running(pending())) == Names{"pod/running"});
  CHECK(watched.see(running(pending())) == Names{});
  CHECK(watched.see(ending(running(pending()))) == Names{"pod/shutdown"});
  CHECK(watched.see(ending(running(pending()))) == Names{});
  CHECK(watched.lose(ending(running(pending()))) == Names{"pod/delete"});
  CHECK(watched.lose(pending()) == Names{});
  CHECK(watched.events.size() == 0);
}

TEST_CASE("running is told once there are an address and an id, in whatever order they come") {
  AfterStart watched;
  watched.see(placed(pending()));
  Json pod = running(pending());
  pod["status"].erase("podIP");
  CHECK(watched.see(pod) == Names{});
  Json other = running(pending());
  first_status(other).erase("containerID");
  CHECK(watched.see(other) == Names{});
  CHECK(watched.see(running(pending())) == Names{"pod/running"});
  CHECK(watched.see(running(pending())) == Names{});
}

TEST_CASE("a pending pod that is to go is told as pending, and then as gone") {
  AfterStart watched;
  watched.see(pending());
  CHECK(watched.see(ending(pending())) == Names{"pod/pending"});
  CHECK(watched.lose(ending(pending())) == Names{"pod/delete"});
}

TEST_CASE("one that runs and is to go at once is told as both") {
  AfterStart watched;
  watched.see(placed(pending()));
  CHECK(watched.see(ending(running(pending()))) == Names{"pod/running", "pod/shutdown"});
}

TEST_CASE("what was missed is told once it is seen, and nothing twice") {
  AfterStart watched;
  // Never seen before, though it has been there for a while.
  CHECK(watched.see(running(pending())) == Names{"pod/create", "pod/running", "scheduler/placed"});
  CHECK(watched.see(ending(running(pending("b")))) ==
        Names{"pod/create", "pod/running", "pod/shutdown", "scheduler/placed"});
  // Its end was missed: what is told is the last that was heard.
  watched.events.on_gone("uid-b", nullptr, kNow);
  REQUIRE(watched.told.events.size() == 1);
  CHECK(watched.told.events[0].name == "pod/delete");
  CHECK(Json::parse(watched.told.events[0].value)["status"] == "Running");
}

TEST_CASE("the end says how the pod was at its end") {
  AfterStart watched;
  watched.see(running(pending()));
  Json last = ending(running(pending()));
  last["status"]["phase"] = "Succeeded";
  watched.told.names();
  const Pod pod = read_pod(last);
  watched.events.on_gone(pod.uid, &pod, kNow);
  REQUIRE(watched.told.events.size() == 1);
  CHECK(Json::parse(watched.told.events[0].value)["status"] == "Succeeded");
}

TEST_CASE("one that was to go when we came is told so") {
  Watched watched;
  watched.see(ending(running(pending("a"))));
  watched.see(ending(pending("b")));
  CHECK(watched.sync() == Names{"pod/running", "pod/create", "pod/create", "pod/shutdown"});
}

Json ended(const char* id, const char* reason, int code) {
  return Json{{"terminated",
               {{"containerID", id},
                {"reason", reason},
                {"exitCode", code},
                {"finishedAt", "2026-11-30T08:00:09Z"}}}};
}

TEST_CASE("a crash is an end and a restart, each told once, wherever it stands") {
  AfterStart watched;
  watched.see(running(pending()));
  Json pod = running(pending());
  first_status(pod)["state"] = ended("containerd://1", "Error", 3);
  CHECK(watched.see(pod) == Names{"container/exit"});
  first_status(pod)["state"] = {{"waiting", {{"reason", "CrashLoopBackOff"}}}};
  first_status(pod)["lastState"] = ended("containerd://1", "Error", 3);
  CHECK(watched.see(pod) == Names{});
  first_status(pod)["state"] = {{"running", {{"startedAt", "2026-11-30T08:00:10Z"}}}};
  first_status(pod)["restartCount"] = 1;
  first_status(pod)["containerID"] = "containerd://2";
  watched.events.on_object(read_pod(pod), kNow);
  REQUIRE(watched.told.events.size() == 1);
  CHECK(watched.told.events[0].name == "container/restart");
  CHECK(
      watched.told.events[0].value ==
      R"({"podUid":"uid-a-0","namespace":"default","name":"a-0","nodeName":"n1","container":"main",)"
      R"("id":"containerd://2","previousId":"containerd://1","restarts":1})");
  watched.told.names();
  CHECK(watched.see(pod) == Names{});
  // Two in one go: the one before the last wasn't seen.
  first_status(pod)["lastState"] = ended("containerd://3", "OOMKilled", 137);
  first_status(pod)["state"] = ended("containerd://4", "OOMKilled", 137);
  first_status(pod)["restartCount"] = 3;
  CHECK(watched.see(pod) == Names{"container/oom", "container/oom", "container/restart"});
}

TEST_CASE("what was before we came isn't told as if it happened now, a trouble that lasts is") {
  Watched watched;
  Json pod = running(pending("a"));
  first_status(pod)["restartCount"] = 7;
  first_status(pod)["lastState"] = ended("containerd://1", "OOMKilled", 137);
  watched.see(pod);
  Json waits = placed(pending("b"));
  waits["status"]["containerStatuses"] = Json::parse(
      R"([{"name": "main", "image": "no:1", "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff", "message": "m"}}}])");
  watched.see(waits);
  CHECK(watched.sync() == Names{"pod/running", "pod/create", "pod/create", "container/image"});
  CHECK(watched.see(waits) == Names{"pod/pending"});
  first_status(pod)["restartCount"] = 8;
  CHECK(watched.see(pod) == Names{"container/restart"});
}

TEST_CASE("an image that can't be had is told by each of its reasons, once") {
  AfterStart watched;
  watched.see(placed(pending()));
  Json pod = placed(pending());
  const auto waiting_for = [&](const char* reason) {
    pod["status"]["containerStatuses"] = Json::array(
        {Json{{"name", "main"},
              {"image", "no:1"},
              {"restartCount", 0},
              {"state", {{"waiting", {{"reason", reason}, {"message", "not <there>"}}}}}}});
    return watched.see(pod);
  };
  CHECK(waiting_for("ContainerCreating") == Names{"pod/pending"});
  CHECK(waiting_for("ErrImagePull") == Names{"pod/pending", "container/image"});
  CHECK(waiting_for("ImagePullBackOff") == Names{"pod/pending", "container/image"});
  CHECK(waiting_for("ErrImagePull") == Names{"pod/pending"});
  CHECK(waiting_for("ImagePullBackOff") == Names{"pod/pending"});
  CHECK(waiting_for("CreateContainerConfigError") == Names{"pod/pending", "container/error"});
  // It has been there, and can't be had again.
  CHECK(watched.see(running(pending())) == Names{"pod/running"});
  CHECK(waiting_for("CreateContainerConfigError") == Names{"container/error"});
}

TEST_CASE("containers that run before the others are told of, too") {
  AfterStart watched;
  watched.see(placed(pending()));
  Json pod = placed(pending());
  pod["status"]["initContainerStatuses"] =
      Json::array({Json{{"name", "first"},
                        {"image", "i"},
                        {"restartCount", 0},
                        {"state", ended("containerd://9", "OOMKilled", 137)}}});
  CHECK(watched.see(pod) == Names{"pod/pending", "container/oom"});
}

TEST_CASE(
    "the scheduler's refusal is told with its words, again when they change, and the place once") {
  AfterStart watched;
  Json pod = pending();
  const auto refused = [&](const char* message) {
    pod["status"]["conditions"] = Json::array({Json{{"type", "PodScheduled"},
                                                    {"status", "False"},
                                                    {"reason", "Unschedulable"},
                                                    {"message", message}}});
    return watched.see(pod);
  };
  CHECK(refused("0/2 nodes") == Names{"pod/create", "scheduler/unplaced"});
  CHECK(refused("0/2 nodes") == Names{"pod/pending"});
  CHECK(refused("0/1 nodes") == Names{"pod/pending", "scheduler/unplaced"});
  CHECK(watched.see(placed(pending())) == Names{"pod/pending", "scheduler/placed"});
}

TEST_CASE("an eviction and a refusal of the node are told with their reasons") {
  AfterStart watched;
  watched.see(running(pending()));
  Json pod = running(pending());
  pod["status"]["phase"] = "Failed";
  pod["status"]["reason"] = "Evicted";
  pod["status"]["message"] = "The node was low on resource: memory.";
  CHECK(watched.see(pod) == Names{"eviction"});
  CHECK(watched.see(pod) == Names{});
  Json other = running(pending("b"));
  watched.see(other);
  other["status"]["conditions"].push_back(
      {{"type", "DisruptionTarget"}, {"status", "True"}, {"reason", "EvictionByEvictionAPI"}});
  CHECK(watched.see(ending(other)) == Names{"pod/shutdown", "eviction"});
  Json full = placed(pending("c"));
  watched.see(full);
  full["status"]["phase"] = "Failed";
  full["status"]["reason"] = "OutOfcpu";
  CHECK(watched.see(full) == Names{"failure"});
}

TEST_CASE("readers of the family take every name with 'pod' in it for one of the five") {
  AfterStart watched;
  Json pod = placed(pending());
  pod["status"]["reason"] = "OutOfcpu";
  pod["status"]["conditions"].push_back({{"type", "DisruptionTarget"}, {"status", "True"}});
  pod["status"]["containerStatuses"] =
      Json::array({Json{{"name", "main"},
                        {"restartCount", 1},
                        {"lastState", ended("containerd://9", "OOMKilled", 137)},
                        {"state", {{"waiting", {{"reason", "ErrImagePull"}}}}}}});
  Names others;
  for (const std::string& name : watched.see(pod)) {
    if (!name.starts_with("pod/")) others.push_back(name);
  }
  CHECK(others.size() == 6);  // placed, oom, restart, image, eviction, failure
  for (const std::string& name : others) CHECK(name.find("pod") == std::string::npos);
}

}  // namespace
}  // namespace galileo::pods
