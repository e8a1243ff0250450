// Any text as etcd's answers and as weights: no crash; what is taken is fit to be used.
#include "gateway/etcd_answers.h"

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "gateway/weights.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto range = gateway::parse_range(text); !range.ok())
    ENSURE(!range.error().why.empty());
  if (const auto watch = gateway::parse_watch(text); !watch.ok())
    ENSURE(!watch.error().why.empty());
  if (const auto token = gateway::parse_login(text); token.ok())
    ENSURE(!token->empty() && token->find('\n') == std::string::npos);
  static_cast<void>(gateway::parse_deleted(text).ok());
  ENSURE(gateway::error_text(text).size() <= 2000);
  const auto targets = gateway::parse_targets(text);
  if (!targets.ok()) {
    ENSURE(!targets.error().why.empty());
    return 0;
  }
  const auto again = gateway::parse_targets(gateway::targets_json(*targets));
  ENSURE(again.ok() && *again == *targets, gateway::targets_json(*targets));
  return 0;
}
