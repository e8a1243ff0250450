#include "kubernetes/version.h"

#include <doctest/doctest.h>

namespace galileo::kubernetes {

TEST_CASE("a server's version is read whoever has built it") {
  struct Known {
    const char* text;
    Version version;
  };
  const Known all[] = {{"v1.34.4", {1, 34}},
                       {"v1.30.2+k3s1", {1, 30}},
                       {"v1.29.3-gke.1282000", {1, 29}},
                       {"v1.9", {1, 9}},
                       {"1.37.0-alpha.1", {1, 37}}};
  for (const Known& one : all) {
    CAPTURE(one.text);
    const auto read = parse_version(one.text);
    REQUIRE(read.ok());
    CHECK(*read == one.version);
  }
  for (const char* text : {"", "v", "1", "v1.", "v.34", "latest", "v-1.2", "v99999999999.1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_version(text).ok());
  }
  CHECK(Version{1, 9} < Version{1, 27});
  CHECK(Version{2, 0} > kNewestVersion);
}

TEST_CASE("what a server is too old for is refused with what it needs and what there is") {
  CHECK(require(kAutoscaling, {1, 23}).ok());
  const auto refused = require(kAutoscaling, {1, 22});
  REQUIRE_FALSE(refused.ok());
  const std::string text = refused.error().to_text();
  for (const char* word : {"autoscale needs Kubernetes 1.23", "this one is 1.22", "autoscaling/v2"})
    CHECK_MESSAGE(text.find(word) != std::string::npos, text);
  CHECK(require(kAutoscaling, kOldestVersion).ok());
}

}  // namespace galileo::kubernetes
