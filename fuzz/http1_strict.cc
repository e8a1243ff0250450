// Any bytes as requests to a gateway, in two pieces: no crash; a request that is taken whole has
// one reading. Its head is passed on as lines that are read as the same head again, and nothing of
// it ends a line early.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "gateway/heads.h"
#include "wire/http1.h"

using namespace galileo;
using namespace galileo::wire::http1;

namespace {

struct Taken {
  bool done = false;
  bool failed = false;
  std::size_t used = 0;
  std::string head;
};

Taken read(std::string_view bytes, std::size_t cut, const gateway::HopNames& names) {
  gateway::Head head(names, true);
  Limits limits;
  limits.strict = true;
  limits.head_max = 4096;
  RequestParser parser(limits);
  parser.headers_into(&head);
  parser.start();
  Taken taken;
  for (const std::string_view piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
    for (std::string_view rest = piece; !rest.empty() && !parser.done() && !parser.failed();) {
      const std::size_t size = parser.feed(rest);
      taken.used += size;
      rest.remove_prefix(size);
    }
  }
  taken.done = parser.done();
  taken.failed = parser.failed();
  if (!taken.done) return taken;
  head.finish();
  ENSURE(!(parser.chunked() && parser.has_length()));
  ENSURE(parser.target().front() == '/' || parser.target() == "*");
  gateway::append_request_head(taken.head, parser.method(), parser.target(), head, names,
                               {Wall{}, "t:1"}, "c");
  return taken;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const gateway::HopNames names("n");
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Taken whole = read(bytes, 0, names);
  const Taken pieces = read(bytes, std::min<std::size_t>(data[0], bytes.size()), names);
  ENSURE(whole.done == pieces.done && whole.failed == pieces.failed);
  if (!whole.done) return 0;
  ENSURE(whole.used == pieces.used && whole.head == pieces.head);
  // The target reads one head, up to its last byte.
  ENSURE(whole.head.find("\r\n\r\n") == whole.head.size() - 4, whole.head);
  for (std::size_t at = whole.head.find('\n'); at != std::string::npos;
       at = whole.head.find('\n', at + 1))
    ENSURE(at > 0 && whole.head[at - 1] == '\r', whole.head);
  return 0;
}
