// Any text as WWW-Authenticate: no crash, and what answers it can stand in a request's head.
#include "wire/digest_auth.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "wire/head_lines.h"

using namespace galileo;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto challenge = wire::read_challenge({{"WWW-Authenticate", text}});
  if (!challenge) return 0;
  wire::DigestAnswers answers;
  answers.take(*challenge, "cn");
  const std::string header = answers.next(
      "u", "p", "GET", "/", "",
      [](wire::DigestHash, std::string_view hashed) { return std::to_string(hashed.size()); });
  ENSURE(wire::http1::is_header_value(header), header);
  std::string message = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  wire::set_header(message, "Authorization", header);
  ENSURE(wire::header_of(message, "authorization") == header, message);
  return 0;
}
