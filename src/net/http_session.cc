#include "net/http_session.h"

#include "net/http1_session.h"

namespace galileo::net {

std::unique_ptr<HttpSession> make_http_session(Stream& stream, const Clock& clock,
                                               std::span<char> buffer) {
  return std::make_unique<Http1Session>(stream, clock, buffer);
}

}  // namespace galileo::net
