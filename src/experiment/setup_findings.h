// What is wrong with how our pods are set up and with what their nodes give them: images, specs
// that aren't as we ship them, CPU limits, ports, the namespace's security level, the kernel's
// control groups and pages. A part of findings.h, whose facts it judges. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "experiment/findings.h"

namespace galileo::experiment {

inline constexpr const char* kGatewayRole = "node-role.kubernetes.io/controller";
inline constexpr const char* kGatewayApp = "go-load-balancer";

std::vector<Finding> findings_of_setup(const ClusterFacts& cluster);
// By what telemetry daemons say of their nodes; one that doesn't say is no fault.
std::vector<Finding> findings_of_kernels(const BusFacts& bus);
std::vector<Finding> findings_of_kernels(const ClusterFacts& cluster, const BusFacts& bus);

// What to do about a pod that isn't ready.
std::string mend_of_trouble(const SeenPod& pod, const std::vector<SeenNode>& nodes);

// An image's name as nodes have it: "galileo" -> "docker.io/library/galileo:latest".
std::string full_image_name(std::string_view image);

}  // namespace galileo::experiment
