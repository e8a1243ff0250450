#include "plan/file_tracing.h"

#include <fmt/format.h>

#include <utility>

#include "load/traceparent.h"
#include "wire/http1.h"
#include "wire/otlp_export.h"
#include "wire/uri.h"

namespace galileo::plan {
namespace {

constexpr const char* kEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
constexpr const char* kHeaders = "OTEL_EXPORTER_OTLP_HEADERS";
constexpr const char* kHint = "write it as http://127.0.0.1:4318";
using Environment = std::function<std::optional<std::string>(std::string_view)>;

// What OpenTelemetry's own variables say.
void take_environment(const Fields& file, const Environment& environment, Otlp& otlp) {
  const auto variable = [&](const char* name) {
    return environment ? environment(name).value_or("") : std::string();
  };
  otlp.endpoint = variable(kEndpoint);
  if (otlp.endpoint.empty())
    return file.problems().add(file.place("otlp"), fmt::format("{} says no collector", kEndpoint),
                               "set it, or give the collector's URL in place of env");
  auto headers = wire::parse_otlp_headers(variable(kHeaders));
  if (headers.ok())
    otlp.headers = std::move(*headers);
  else
    file.problems().add(file.place("otlp"), kHeaders, headers.error());
}

void read_headers(const Fields& fields, Otlp& otlp) {
  const wire::YamlNode* const headers = fields.find("headers");
  if (!headers) return;
  if (headers->kind != wire::YamlNode::Kind::kMap)
    return fields.wrong_type(*headers, "headers", "a map of names to values");
  for (std::size_t i = 0; i < headers->keys.size(); ++i) {
    const std::string& name = headers->keys[i].text;
    const bool fits = headers->items[i].kind == wire::YamlNode::Kind::kScalar &&
                      wire::http1::is_token(name) &&
                      wire::http1::is_header_value(headers->items[i].scalar);
    if (fits)
      otlp.headers.emplace_back(name, headers->items[i].scalar);
    else
      fields.problems().add(headers->keys[i].place, "this can't be a header",
                            "a name and its text");
  }
}

}  // namespace

std::optional<Otlp> read_otlp(const Fields& file, const std::optional<double>& traceparent,
                              const FileOptions& options) {
  const wire::YamlNode* const node = file.find("otlp");
  if (!node && options.otlp.empty()) return std::nullopt;
  Otlp otlp;
  otlp.spans = traceparent.value_or(1);
  if (node && node->kind == wire::YamlNode::Kind::kScalar) {
    otlp.endpoint = node->scalar;
  } else if (node) {
    const Fields fields(file.problems(), *node, "otlp", MapKind::otlp);
    otlp.endpoint = fields.required("endpoint");
    if (const auto text = fields.text("spans")) {
      const auto share = load::parse_traceparent_share(*text);
      if (share.ok())
        otlp.spans = share->value_or(0);
      else
        file.problems().add(fields.place("spans"), fields.where("spans"), share.error());
    }
    otlp.metrics = fields.boolean("metrics").value_or(true);
    read_headers(fields, otlp);
  }
  if (!options.otlp.empty()) otlp.endpoint = options.otlp;
  if (otlp.endpoint == "env") {
    const auto headers = std::exchange(otlp.headers, {});
    take_environment(file, options.environment, otlp);
    otlp.headers.insert(otlp.headers.end(), headers.begin(), headers.end());
  }
  if (otlp.endpoint.empty()) return std::nullopt;  // told already
  if (const auto url = wire::parse_uri(otlp.endpoint); !url.ok()) {
    Error error = url.error();
    error.hint = kHint;
    file.problems().add(file.place("otlp"), "otlp", error);
  }
  return otlp;
}

std::optional<double> read_traceparent(const Fields& fields) {
  const auto text = fields.text("traceparent");
  if (!text) return std::nullopt;
  const auto share = load::parse_traceparent_share(*text);
  if (share.ok()) return *share;
  fields.problems().add(fields.place("traceparent"), fields.where("traceparent"), share.error());
  return std::nullopt;
}

}  // namespace galileo::plan
