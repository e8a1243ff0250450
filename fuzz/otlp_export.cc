// Any text as what a collector answers, as the variable of its headers, and as the texts of a span:
// no crash, and what is made is JSON.
#include "wire/otlp_export.h"

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "wire/json.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  ENSURE(wire::parse_otlp_refusal(text).why.size() <= 200);
  if (const auto headers = wire::parse_otlp_headers(text); headers.ok()) {
    for (const auto& [name, value] : *headers)
      ENSURE(!name.empty() && value.find_first_of("\r\n") == std::string::npos);
  }
  wire::OtlpSpans spans({{{"service.name", std::string(text)}}, std::string(text)});
  wire::OtlpSpan span;
  span.trace = {1, 2};
  span.method = span.path = span.server = span.client = span.service = text;
  span.error_type = span.error_text = span.step = span.phase = text;
  span.done = Wall{Duration{1}};
  spans.add(span);
  spans.add(span);
  ENSURE(wire::parse_json(spans.take()).ok(), text);
  return 0;
}
