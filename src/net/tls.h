// TLS as a Stream over a Stream, both sides of it: OpenSSL turns bytes into bytes (it never sees a
// socket), so that whoever speaks over a Stream speaks over TLS too, and a pipe of a test carries
// it. Lives on the loop of the stream below.
//
// The handler hears `writable` when the handshake is done, and of a handshake that failed as of a
// connection that failed: connect_error() is EPROTO then, and failure() says why ("certificate
// verify failed: self-signed certificate"). One that stalls is for the owner to end.
//
// read() gives all that there is, over the borders of records, so that a short read means the same
// as on a socket. A peer that goes without TLS's goodbye has ended all the same (kEnd): where a
// message ends is for its own protocol to know, which may ask was_cut(). write() has taken only
// what the stream below has, so that who closes after the last byte loses none; what it didn't take
// may be under way already, so it is to be written again before any other bytes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/clock.h"
#include "net/tcp.h"

namespace galileo::net {

enum class TlsVersion : unsigned char { k12, k13 };

struct TlsOptions {
  // Whom we mean to talk to: a name (sent to the server, SNI) or an address; its certificate must
  // say so. Of a TlsContext it isn't read.
  std::string server_name;
  std::string ca_file;           // PEM, or a folder by hashes; empty: the system's authorities
  std::string certificate_file;  // PEM, ours, where the server asks for one; with its chain
  std::string key_file;          // PEM; empty: in certificate_file
  bool verify = true;            // false: any certificate is taken, and anyone may listen in
  // The same as texts, in place of files, where they aren't empty: keys needn't be written to disk.
  std::string ca_text = {};
  std::string certificate_text = {};
  std::string key_text = {};  // empty: in certificate_text
  // PEM, lists of revoked certificates, which aren't taken then: one of each authority that a
  // server's chain has. Empty: whether a certificate was revoked isn't looked at.
  std::string crl_file = {};
  TlsVersion version_min = TlsVersion::k12;
  std::vector<std::string> protocols = {};  // offered (ALPN), the best first; none: it isn't asked
  // Connections agree on what the last one to the same server has left: quicker, and for the server
  // cheaper. Its certificate isn't looked at anew then.
  bool resume = false;
};

// Handshakes that were done.
struct TlsCounts {
  std::uint64_t done = 0;
  std::uint64_t resumed = 0;      // of these
  std::uint64_t unverified = 0;   // of these: whose certificates weren't looked at
  std::uint64_t crl_checked = 0;  // of these: looked for in lists of revoked certificates too
};

// What connections with the same settings have in common: files are read once for all of them.
// Lives on one loop; the connectors over it don't outlive it, their streams may.
class TlsContext {
 public:
  // An Error of kUsage where a file can't be read or isn't what it must be. The clock outlives the
  // streams.
  static Result<std::unique_ptr<TlsContext>> make(const TlsOptions& options, const Clock& clock);
  ~TlsContext();
  TlsCounts counts() const;

 private:
  friend class TlsConnector;
  struct Settings;
  explicit TlsContext(std::unique_ptr<Settings> settings);

  std::unique_ptr<Settings> settings_;
};

// Makes TLS connections over those of another Connector, which outlives it; the streams may outlive
// this one.
class TlsConnector final : public Connector {
 public:
  // To the server of that name, or at that address. `place` tells servers apart whose sessions
  // aren't each other's: "host:port". `protocols`: offered in place of the context's, where there
  // are any; Handshake::protocol says which one was chosen.
  TlsConnector(Connector& below, TlsContext& context, std::string server_name, std::string place,
               const std::vector<std::string>& protocols = {});
  // With a context of its own.
  static Result<std::unique_ptr<TlsConnector>> make(Connector& below, const TlsOptions& options);
  ~TlsConnector() override;

  std::unique_ptr<Stream> connect(const Address& address, StreamHandler& handler,
                                  int& error_number) override;

 private:
  Connector& below_;
  std::unique_ptr<TlsContext> own_;
  TlsContext& context_;
  const std::string server_name_;
  const bool is_address_;
  const std::string place_;
  const std::vector<unsigned char> offer_;  // the protocols as ALPN has them; empty: the context's
};

struct TlsServerOptions {
  std::string certificate_file;  // PEM, with its chain
  std::string key_file;          // PEM; empty: in certificate_file
};

// Speaks TLS (1.2 and later) with those who connect; http/1.1 where they ask which protocol (ALPN).
// Sessions are resumed by tickets: each acceptor knows its own, and none from before a reload.
// Lives on one loop; the streams may outlive it.
class TlsAcceptor {
 public:
  // An Error of kUsage where a file can't be read, isn't what it must be, or the key isn't the
  // certificate's.
  static Result<std::unique_ptr<TlsAcceptor>> make(const TlsServerOptions& options);
  ~TlsAcceptor();

  // New connections get the files as they are now; those that are open keep theirs. An Error leaves
  // the last ones. Reads them at once: a millisecond or so.
  Result<void> reload();
  // When the certificate in use ends; Wall::max() where that is beyond what a Wall can say.
  Wall valid_until() const;

  // A Stream over an accepted socket, as adopt_socket(): null where the loop can't watch it.
  std::unique_ptr<Stream> adopt(Loop& loop, int fd, StreamHandler& handler);
  // The same over the stream that `below` makes for the handler that it is given.
  using Below = std::function<std::unique_ptr<Stream>(StreamHandler& handler)>;
  std::unique_ptr<Stream> adopt(const Below& below, StreamHandler& handler);

 private:
  struct Settings;
  TlsAcceptor(const TlsServerOptions& options, std::unique_ptr<Settings> settings);
  static Result<std::unique_ptr<Settings>> load(const TlsServerOptions& options);

  const TlsServerOptions options_;
  std::unique_ptr<Settings> settings_;
};

}  // namespace galileo::net
