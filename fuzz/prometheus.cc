// Any text as a page of metrics: no crash; what is taken has a name, and written out again it is
// the same.
#include "wire/prometheus.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <string_view>

#include "base/check.h"

using namespace galileo;

namespace {

std::string line_of(const wire::Metric& metric) {
  std::string line = metric.name + "{";
  for (const auto& [name, value] : metric.labels) {
    line += name + "=\"";
    for (const char c : value) {
      if (c == '"' || c == '\\' || c == '\n') line += '\\';
      line += c == '\n' ? 'n' : c;
    }
    line += "\",";
  }
  return line +
         fmt::format("}} {}\n", std::isnan(metric.value) ? "NaN" : fmt::format("{}", metric.value));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view page(reinterpret_cast<const char*>(data), size);
  std::string written;
  const auto read = wire::read_metrics(page, [&](const wire::Metric& metric) {
    ENSURE(!metric.name.empty());
    written += line_of(metric);
  });
  if (!read.ok()) ENSURE(!read.error().where.empty() && !read.error().why.empty());
  std::string again;
  ENSURE(wire::read_metrics(written, [&](const wire::Metric& m) { again += line_of(m); }).ok(),
         written);
  ENSURE(again == written, written);
  return 0;
}
