#include "plan/file_tracing.h"

#include "load/traceparent.h"

namespace galileo::plan {

std::optional<double> read_traceparent(const Fields& fields) {
  const auto text = fields.text("traceparent");
  if (!text) return std::nullopt;
  const auto share = load::parse_traceparent_share(*text);
  if (share.ok()) return *share;
  fields.problems().add(fields.place("traceparent"), fields.where("traceparent"), share.error());
  return std::nullopt;
}

}  // namespace galileo::plan
