// A Stream that speaks TLS over the stream below, either side of it; what OpenSSL encrypts and
// decrypts goes through it in memory. Made by TlsConnector and TlsAcceptor (net/tls.h, which says
// what its user sees). Lives on the loop of the stream below.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/clock.h"
#include "net/openssl.h"
#include "net/stream.h"
#include "net/tls.h"

namespace galileo::net {

// What the connections of a client's context count, and leave for later ones. Belongs to OpenSSL's
// context, which each connection keeps: so it is there for the last of them.
struct TlsMemory {
  const Clock& clock;
  bool verifies = true;
  bool looks_for_revoked = false;
  TlsCounts counts = {};
  std::map<std::string, openssl::Ticket> tickets = {};  // the newest of each server
};

class TlsStream final : public Stream, private StreamHandler {
 public:
  enum class Side : std::uint8_t { kClient, kServer };

  // `memory`: of a client's context; null of a server's.
  TlsStream(Side side, openssl::Session session, StreamHandler& handler,
            TlsMemory* memory = nullptr);
  ~TlsStream() override;

  // Goes over the stream that `below` makes; false: it makes none.
  bool open(const TlsAcceptor::Below& below);

  Transfer read(char* buffer, std::size_t size) override;
  Transfer write(std::string_view bytes) override;
  int connect_error() override;

  std::string failure() const override { return failure_; }
  wire::Failure tls_failure() const override { return tls_failure_; }
  std::optional<Handshake> handshake() const override { return handshake_; }
  bool was_cut() const override { return was_cut_; }
  void end_writing() override;
  void abort() override { below_->abort(); }

 private:
  enum class Phase : std::uint8_t { kConnecting, kHandshake, kOpen, kFailed };

  struct Reason {
    std::string text;
    wire::Failure failure = wire::Failure::tls_failed;
  };

  // How OpenSSL reaches its stream: the same few functions for all of them.
  static const BIO_METHOD* bio_method();
  static TlsStream& of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  // The stream below's end and failures too look to OpenSSL as if there was nothing more yet: those
  // who asked it look at below_said_.
  int take_encrypted(char* buffer, int size);
  int keep_encrypted(std::string_view bytes);

  void on_stream(StreamEvents events) override;

  // The handler may destroy this stream, so each path of on_stream() ends with this. A socket tells
  // of an end that comes with the last bytes; TLS's is found only behind them, and told after.
  void tell(StreamEvents events);

  // True when it is over, one way or the other.
  bool shake_hands(bool closed);
  void count_handshake();

  // Why OpenSSL failed, and by whose fault where that isn't plain.
  Reason reason() const;
  const char* peer() const { return side_ == Side::kClient ? "server" : "client"; }

  // Why SSL_read() gives no more.
  Transfer stopped_by(int error);

  // Who refuses us says so before he goes, which tells more than that he is gone: with TLS 1.3 a
  // server looks at our certificate when our handshake is over.
  Transfer refused_or(const Transfer& sent);
  void say_goodbye();

  // Gives the stream below what it takes.
  Transfer flush();
  Transfer failed(Reason why);

  const Side side_;
  openssl::Session session_;
  StreamHandler& handler_;
  TlsMemory* const memory_;
  std::unique_ptr<Stream> below_;
  Phase phase_;
  Time began_{};  // the handshake
  std::optional<Handshake> handshake_;
  int connect_error_ = 0;
  Transfer below_said_;  // when OpenSSL last asked for more
  bool is_drained_ = false;
  bool peer_ends_ = false;
  std::optional<Duration> lay_;  // of what OpenSSL got last
  std::string unsent_;           // encrypted
  // Plain bytes that write() hasn't counted yet: in unsent_, or just out.
  std::size_t encrypted_ = 0;
  bool wants_to_write_ = false;
  bool ends_below_ = false;  // when all is out
  bool end_untold_ = false;  // an end or a failure that the handler doesn't know of
  bool was_cut_ = false;
  bool* gone_ = nullptr;  // of the tell() under way
  std::string failure_;
  wire::Failure tls_failure_ = wire::Failure::none;
};

}  // namespace galileo::net
