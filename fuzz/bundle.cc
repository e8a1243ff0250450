// Bundles of experiments, which come from other machines: what is read is written again as it was.
#include "analysis/bundle.h"

#include <cstdint>
#include <cstdlib>

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto run = analysis::parse_bundle(text);
  if (!run.ok()) return 0;
  const std::string written = analysis::bundle_text(*run);
  const auto again = analysis::parse_bundle(written);
  if (!again.ok() || analysis::bundle_text(*again) != written) std::abort();
  return 0;
}
