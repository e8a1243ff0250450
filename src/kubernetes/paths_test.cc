#include "kubernetes/paths.h"

#include <doctest/doctest.h>

namespace galileo::kubernetes {
namespace {

TEST_CASE("objects are found below the path of their group, namespace and kind") {
  CHECK(collection("v1", "", "nodes") == "/api/v1/nodes");
  CHECK(collection("v1", "lab", "pods") == "/api/v1/namespaces/lab/pods");
  const std::string deployments = collection("apps/v1", "lab", "deployments");
  CHECK(deployments == "/apis/apps/v1/namespaces/lab/deployments");
  CHECK(object_path(deployments, "web") == deployments + "/web");
  CHECK(object_path(deployments, "web", "scale") == deployments + "/web/scale");
}

TEST_CASE("a name can't lead elsewhere, and a selector's characters arrive as they are") {
  CHECK(object_path("/api/v1/pods", "../secrets?x") == "/api/v1/pods/..%2Fsecrets%3Fx");
  CHECK(object_path("/api/v1/pods", "..") == "/api/v1/pods/%2E%2E");
  CHECK(with_query("/api/v1/pods", {{"labelSelector", "a=b,c in (d, e)"}, {"limit", "5"}}) ==
        "/api/v1/pods?labelSelector=a%3Db%2Cc%20in%20%28d%2C%20e%29&limit=5");
  CHECK(with_query("/x?a=1", {{"b", ""}, {"c", "2"}}) == "/x?a=1&c=2");
  CHECK(with_query("/x", {{"b", ""}}) == "/x");
}

}  // namespace
}  // namespace galileo::kubernetes
