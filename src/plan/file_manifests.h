// `manifests` of an experiment file's cluster: the files and folders that it names, read and
// checked, every problem with the place in the experiment file and that in the manifest. A part of
// file.cc. One thread.
#pragma once

#include <vector>

#include "plan/fields.h"
#include "plan/file.h"
#include "plan/manifests.h"

namespace galileo::plan {

std::vector<Manifest> read_given_manifests(const Fields& cluster, const FileOptions& options);

// Each application whose pods are said to come from manifests must be one of their functions;
// where kinds are given that nobody here knows, what they make isn't known either.
void check_given_pods(const Fields& file, const Plan& plan);

}  // namespace galileo::plan
