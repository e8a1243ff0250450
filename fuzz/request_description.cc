// Any text as the description of a client's requests: refused with a reason, or read as a request
// that can't end its head early; what was read is written and read again as the same.
#include "load/request_description.h"

#include <cstdint>

#include "base/check.h"
#include "load/checks.h"
#include "wire/http1.h"

using namespace galileo;

namespace {

void check_sent(const load::Request& request) {
  ENSURE(request.path.starts_with('/'), request.path);
  ENSURE(request.path.find_first_of(" \r\n") == std::string::npos, request.path);
  ENSURE(wire::http1::is_token(request.method), request.method);
  for (const auto& [name, value] : request.headers)
    ENSURE(wire::http1::is_token(name) && wire::http1::is_header_value(value), name);
  for (const load::Step& step : request.steps) check_sent(step.request);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto request = load::decode_description(text);
  if (!request.ok()) {
    ENSURE(!request.error().to_text().empty());
    return 0;
  }
  check_sent(*request);
  const auto again = load::decode_description(load::encode_description(*request));
  ENSURE(again.ok());
  // What templates were written as isn't told.
  load::Request told = *request;
  std::erase_if(told.source.parameters,
                [](const auto& parameter) { return parameter.first.starts_with("text."); });
  if (told.source.kind.empty()) told.source.parameters.clear();
  ENSURE(*again == told);
  static_cast<void>(load::Checks::compile(request->checks).ok());
  if (request->source.kind == "targets") return 0;  // reads a file
  static_cast<void>(
      load::each_content(told, [](const std::string& name, bool) -> Result<std::string> {
        return "content:" + name;
      }).ok());
  return 0;
}
