// Files of variables of any bytes: no crash, and what was read is read again from lines written of
// it.
#include "wire/env_file.h"

#include <cstdint>

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto variables =
      galileo::wire::parse_env_file({reinterpret_cast<const char*>(data), size}, "f");
  if (!variables.ok()) {
    ENSURE(!variables.error().why.empty() && variables.error().where.starts_with("f:"));
    return 0;
  }
  std::string again;
  for (const auto& [name, value] : *variables) {
    const char quote = value.find('\'') == std::string::npos ? '\'' : '"';
    // A value with both kinds of quotes was written without any.
    const bool plain = value.find(quote) != std::string::npos;
    again += name + "=" + (plain ? value : quote + value + quote) + "\n";
  }
  const auto second = galileo::wire::parse_env_file(again, "g");
  ENSURE(second.ok() && *second == *variables);
  return 0;
}
