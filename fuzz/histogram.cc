// Any bytes as a histogram: no crash, what is read is written and read the same, and it can be
// asked and merged.
#include "wire/histogram.h"

#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/utf8.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Result<Histogram> histogram =
      wire::decode_histogram({reinterpret_cast<const char*>(data), size});
  if (!histogram.ok()) {
    ENSURE(!histogram.error().why.empty() && is_utf8(histogram.error().why));
    return 0;
  }
  const std::string text = wire::encode_histogram(*histogram);
  const Result<Histogram> again = wire::decode_histogram(text);
  ENSURE(again.ok() && *again == *histogram, text);
  ENSURE(histogram->min() <= histogram->percentile(0.5), text);
  ENSURE(histogram->percentile(0.5) <= histogram->max(), text);
  Histogram twice = *histogram;
  twice.merge(*again);
  ENSURE(twice.count() == 2 * histogram->count() && twice.max() == histogram->max(), text);
  return 0;
}
