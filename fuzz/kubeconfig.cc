// Any text as a kubeconfig, or two with a line "#and" between, and as what a plugin prints: no
// crash, what is refused says why and where, and what is chosen names a server or is refused.
#include "kubernetes/kubeconfig.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "kubernetes/access.h"
#include "kubernetes/exec_plugin.h"

using namespace galileo;

namespace {

void check_error(const Error& error) {
  ENSURE(!error.what.empty() && !error.why.empty());
  ENSURE(error.where.empty() || error.where.starts_with("/f/"), error.where);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto credential = kubernetes::parse_exec_credential(text); credential.ok()) {
    ENSURE(!credential->token.empty() || !credential->certificate_text.empty());
    ENSURE(credential->token.find('\n') == std::string::npos);
  } else {
    ENSURE(!credential.error().why.empty());
  }
  constexpr std::string_view kAnd = "\n#and\n";
  const std::size_t between = text.find(kAnd);
  auto config = kubernetes::parse_kubeconfig(text.substr(0, between), "/f/one");
  if (!config.ok()) {
    check_error(config.error());
    return 0;
  }
  if (between != std::string_view::npos) {
    auto more = kubernetes::parse_kubeconfig(text.substr(between + kAnd.size()), "/f/two");
    if (more.ok()) kubernetes::merge(*config, std::move(*more));
  }
  const auto chosen = kubernetes::choose(*config, "");
  if (!chosen.ok()) {
    check_error(chosen.error());
    return 0;
  }
  const auto access = kubernetes::access_of(*chosen);
  if (!access.ok()) {
    check_error(access.error());
    return 0;
  }
  ENSURE(!access->host_port.empty() && !access->name_space.empty());
  for (const char c : access->server()) ENSURE(c > ' ' && c <= '~', access->server());
  ENSURE(kubernetes::exec_info(*access, false).find('\n') == std::string::npos);
  return 0;
}
