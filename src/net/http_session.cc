#include "net/http_session.h"

#include "net/http1_session.h"
#include "net/http2_session.h"

namespace galileo::net {

std::unique_ptr<HttpSession> make_http_session(Stream& stream, const Clock& clock,
                                               std::span<char> buffer, const HttpWay& way) {
  const auto agreed = stream.handshake();
  const bool is_http2 =
      way.speaks == HttpWay::Speaks::kHttp2 ||
      (way.speaks == HttpWay::Speaks::kAgreed && agreed && agreed->protocol == "h2");
  if (!is_http2) return std::make_unique<Http1Session>(stream, clock, buffer);
  Http2Session::Settings settings;
  settings.scheme = agreed ? "https" : "http";
  settings.streams_max = way.closes ? 1 : way.streams;
  return std::make_unique<Http2Session>(stream, clock, buffer, settings);
}

}  // namespace galileo::net
