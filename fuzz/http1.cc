// Answers and requests of any bytes, in pieces of any size: no crash, no hang, the limits hold, and
// the pieces make no difference to what is read.
#include "wire/http1.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/check.h"

using namespace galileo::wire::http1;

namespace {

struct Seen {
  bool done = false;
  Problem problem = Problem::none;
  int status = 0;
  std::uint64_t bytes = 0;
  std::string body;
  bool operator==(const Seen&) const = default;
};

Seen read_answer(std::string_view bytes, std::size_t piece, bool head) {
  ResponseParser parser(Limits{.head_max = 512, .body_max = 4096});
  Capture capture{.want_headers = true, .want_body = 64, .headers = {}, .body = {}};
  parser.capture_into(&capture);
  parser.want_redirect(true);
  parser.start(head);
  while (!bytes.empty() && !parser.done() && !parser.failed()) {
    const std::size_t taken = parser.feed(bytes.substr(0, piece));
    ENSURE(taken > 0);
    bytes.remove_prefix(taken);
  }
  parser.finish();
  ENSURE(parser.done() || parser.failed());
  ENSURE(capture.body.size() <= 64);
  return {parser.done(), parser.problem(), parser.status(), parser.done() ? parser.bytes() : 0,
          capture.body};
}

void read_request(std::string_view bytes, std::size_t piece) {
  RequestParser parser(Limits{.head_max = 512, .body_max = 4096});
  parser.start();
  while (!bytes.empty() && !parser.failed()) {
    const std::size_t taken = parser.feed(bytes.substr(0, piece));
    bytes.remove_prefix(taken);
    if (parser.done()) parser.start();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool head = data[0] & 1;
  const std::size_t piece = 1 + (data[0] >> 4);
  const Seen whole = read_answer(bytes, bytes.size() + 1, head);
  const Seen pieces = read_answer(bytes, piece, head);
  // A body over its limit is cut where the piece ends; all else must be the same.
  if (whole.problem == Problem::none || pieces.problem == Problem::none) ENSURE(whole == pieces);
  ENSURE(whole.problem == pieces.problem);
  read_request(bytes, piece);
  return 0;
}
