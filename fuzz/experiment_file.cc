// Any text as an experiment file: no crash, nothing read from the disk or the environment. What is
// refused is refused with a place-by-place list, and what is accepted can be written down as JSON.
// A first line "#set path=value" is a setting, so that those are tried too.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "plan/file.h"

using namespace galileo;

namespace {

plan::FileOptions options_for(std::string_view& text) {
  plan::FileOptions options;
  constexpr std::string_view kSet = "#set ";
  if (text.starts_with(kSet)) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    options.set.emplace_back(text.substr(kSet.size(), end - kSet.size()));
    text.remove_prefix(end);
  }
  options.environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "HOST") return "127.0.0.1:8080";
    return std::nullopt;
  };
  options.read_file = [](const std::string& path) -> Result<std::string> {
    if (path.size() > 16) return Error{ErrorCode::kIo, "can't open", path, "no such file", {}};
    return "seconds\n0.1\n" + path;
  };
  return options;
}

// One line a problem, whatever the file holds.
void check_error(const Error& error, std::string_view path) {
  ENSURE(error.code == ErrorCode::kUsage && !error.what.empty());
  ENSURE(error.why.starts_with("\n  "), error.why);
  for (const char c : error.why) ENSURE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  ENSURE(error.why.find(path) != std::string::npos || error.why.find("--set") != std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const plan::FileOptions options = options_for(text);
  const Result<plan::Plan> plan = plan::parse_plan(text, "file.yaml", options);
  if (!plan.ok()) {
    check_error(plan.error(), "file.yaml");
    return 0;
  }
  ENSURE(!plan->phases.empty() && !plan->services.empty());
  ENSURE(plan::to_json(*plan).starts_with("{\"name\":"));
  return 0;
}
