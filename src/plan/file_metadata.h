// `metadata` of the experiment file: what a user wants to find with the experiment, kept in its
// metadata as it is. Used by file.cc. One thread.
#pragma once

#include <string>

#include "plan/fields.h"

namespace galileo::plan {

// The map as the text of a JSON object; empty where there is none. Its keys stand beside those of
// the result, so one that the result has is a problem. Values whose key is a credential's name are
// hidden.
std::string read_metadata(const Fields& file);

}  // namespace galileo::plan
