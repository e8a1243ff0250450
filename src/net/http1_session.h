// HTTP/1.1 on one connection: one exchange at a time, the connection kept for the next one where
// the answer leaves it clean.
#pragma once

#include "net/http_session.h"

namespace galileo::net {

class Http1Session final : public HttpSession {
 public:
  // All three outlive it; `buffer` is where reads go, shared by the sessions of a loop.
  Http1Session(Stream& stream, const Clock& clock, std::span<char> buffer)
      : stream_(stream), clock_(clock), buffer_(buffer) {}

  bool can_take() const override { return !exchange_ && clean_; }
  HttpExchange* under_way() const override { return exchange_; }
  Outcome begin(HttpExchange& exchange, const wire::http1::Limits& answer) override;
  Outcome on_writable() override;
  void pass(HttpPassage& passage, std::string_view bytes) override;
  Outcome on_readable(bool closed) override;
  std::uint64_t drop(HttpExchange& exchange) override;
  HttpProtocol protocol() const override { return HttpProtocol::kHttp1; }

 private:
  Outcome write_passage();
  Outcome take(std::string_view bytes);
  Outcome take_passage(HttpPassage& passage, std::string_view bytes);
  Outcome ended(wire::Failure failure);
  Outcome answered();
  wire::Failure failed(int error);

  Stream& stream_;
  const Clock& clock_;
  const std::span<char> buffer_;
  HttpExchange* exchange_ = nullptr;
  wire::http1::ResponseParser parser_;
  std::size_t written_ = 0;  // of the exchange's bytes
  bool closing_ = false;     // its peer takes or gives nothing after this exchange
  bool clean_ = true;        // another exchange can follow
  bool tunnels_ = false;     // what goes through isn't HTTP any more
};

}  // namespace galileo::net
