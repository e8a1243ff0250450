// A file of tokens of any bytes: no crash, and what is read is written so that it is read the same.
#include <cstdint>

#include "base/check.h"
#include "service/tokens.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto tokens = service::parse_tokens({reinterpret_cast<const char*>(data), size});
  if (!tokens.ok()) return 0;
  const std::string text = service::tokens_text(*tokens);
  const auto again = service::parse_tokens(text);
  ENSURE(again.ok() && service::tokens_text(*again) == text);
  return 0;
}
