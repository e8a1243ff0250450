#include "experiment/evidence_files.h"

#include <doctest/doctest.h>

#include "pods/pod.h"

namespace galileo::experiment {
namespace {

pods::ContainerStatus container(const std::string& name) {
  pods::ContainerStatus status;
  status.name = name;
  return status;
}

}  // namespace

TEST_CASE("each container has a log of its own, and that of a pod's only one is called after it") {
  pods::Pod pod;
  pod.name = "hello";
  CHECK(logs_of(pod, "hello").empty());  // nothing has become of it yet
  pod.statuses = {container("main")};
  pod.init_statuses = {container("fetch")};
  auto logs = logs_of(pod, "hello@there");
  REQUIRE(logs.size() == 2);
  CHECK(logs[0].container == "fetch");
  CHECK(logs[0].file == "hello@there_fetch");
  CHECK(logs[1].container == "main");
  CHECK(logs[1].file == "hello@there");
  pod.statuses.push_back(container("side"));
  logs = logs_of(pod, "hello");
  REQUIRE(logs.size() == 3);
  CHECK(logs[1].file == "hello_main");
  CHECK(logs[2].file == "hello_side");
}

}  // namespace galileo::experiment
