// TLS as a Stream over a Stream: OpenSSL turns bytes into bytes (memory BIOs, it never sees a
// socket), so that whoever speaks over a Stream speaks over TLS too, and a pipe of a test carries
// it. The client's side only. Lives on the loop of the stream below.
//
// The handler hears `writable` when the handshake is done, and of a handshake that failed as of a
// connection that failed: connect_error() is EPROTO then, and failure() says why ("certificate
// verify failed: self-signed certificate"). read() gives all that there is, over the borders of
// records, so that a short read means the same as on a socket.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "net/tcp.h"

namespace galileo::net {

struct TlsOptions {
  // Whom we mean to talk to: a name (sent to the server, SNI) or an address; its certificate must
  // say so.
  std::string server_name;
  std::string ca_file;           // PEM; empty: the system's authorities
  std::string certificate_file;  // PEM, ours, where the server asks for one; with its chain
  std::string key_file;          // PEM; empty: in certificate_file
  bool verify = true;            // false: any certificate is taken, and anyone may listen in
};

// Makes TLS connections over those of another Connector, which outlives it; the streams may outlive
// this one.
class TlsConnector final : public Connector {
 public:
  // An Error of kUsage where a file can't be read or isn't what it must be.
  static Result<std::unique_ptr<TlsConnector>> make(Connector& below, const TlsOptions& options);
  ~TlsConnector() override;

  std::unique_ptr<Stream> connect(const Address& address, StreamHandler& handler,
                                  int& error_number) override;

 private:
  struct Settings;
  TlsConnector(Connector& below, std::unique_ptr<Settings> settings);

  Connector& below_;
  std::unique_ptr<Settings> settings_;
};

}  // namespace galileo::net
