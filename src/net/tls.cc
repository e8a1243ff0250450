#include "net/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "base/text.h"

namespace galileo::net {
namespace {

// What is encrypted and not yet taken by the stream below, at most: then write() says wait.
constexpr std::size_t kUnsentMax = std::size_t{256} << 10;
// What goes through OpenSSL at once: one record.
constexpr std::size_t kRecord = std::size_t{16} << 10;

template <auto function>
struct Free {
  template <class T>
  void operator()(T* object) const {
    function(object);
  }
};
using Session = std::unique_ptr<SSL, Free<SSL_free>>;

// The oldest error of this thread's list, which is the cause; empties the list.
std::string openssl_error() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return reason ? reason : "no reason given";
}

bool is_address(const std::string& name) {
  return literal_address(name, 0).ok();
}

class TlsStream final : public Stream, private StreamHandler {
 public:
  TlsStream(Session session, StreamHandler& handler)
      : session_(std::move(session)),
        handler_(handler),
        received_(BIO_new(BIO_s_mem())),
        unsent_(BIO_new(BIO_s_mem())) {
    ENSURE(received_ && unsent_);
    // An empty memory means "wait", not "the end".
    BIO_set_mem_eof_return(received_, -1);
    BIO_set_mem_eof_return(unsent_, -1);
    SSL_set_bio(session_.get(), received_, unsent_);  // owns both from here on
    SSL_set_connect_state(session_.get());
  }

  ~TlsStream() override {
    // The end is told to the peer, so that it needn't take it for a cut; nobody waits for the
    // answer.
    if (phase_ == Phase::kOpen && below_) {
      SSL_shutdown(session_.get());
      flush();
    }
    ERR_clear_error();
  }

  bool connect(Connector& connector, const Address& address, int& error_number) {
    below_ = connector.connect(address, *this, error_number);
    return below_ != nullptr;
  }

  Transfer read(char* buffer, std::size_t size) override {
    if (phase_ == Phase::kFailed) return {0, Transfer::Status::kFailed, EPROTO};
    if (phase_ != Phase::kOpen) return {0, Transfer::Status::kWouldBlock, 0};
    std::size_t count = 0;
    while (count < size) {
      ERR_clear_error();
      const int want = static_cast<int>(std::min(size - count, kRecord));
      const int got = SSL_read(session_.get(), buffer + count, want);
      if (got > 0) {
        count += static_cast<std::size_t>(got);
        continue;
      }
      const Transfer stopped = more_for(SSL_get_error(session_.get(), got));
      if (stopped.status == Transfer::Status::kDone) continue;
      if (count > 0) break;  // the next read says it again
      return stopped;
    }
    flush();  // what reading may have to say: a change of keys
    return {count, Transfer::Status::kDone, 0};
  }

  Transfer write(std::string_view bytes) override {
    if (phase_ == Phase::kFailed) return {0, Transfer::Status::kFailed, EPROTO};
    std::size_t count = 0;
    while (phase_ == Phase::kOpen && count < bytes.size() && unsent_size() < kUnsentMax) {
      ERR_clear_error();
      const std::string_view part = bytes.substr(count, kRecord);
      const int put = SSL_write(session_.get(), part.data(), static_cast<int>(part.size()));
      if (put <= 0) return failed(openssl_error());
      count += static_cast<std::size_t>(put);
      if (const Transfer sent = flush(); sent.status == Transfer::Status::kFailed) return sent;
    }
    if (count > 0) return {count, Transfer::Status::kDone, 0};
    wants_to_write_ = true;
    return {0, Transfer::Status::kWouldBlock, 0};
  }

  int connect_error() override {
    if (phase_ == Phase::kFailed) return EPROTO;
    return below_->connect_error();
  }

  std::string failure() const override { return failure_; }
  void abort() override { below_->abort(); }

 private:
  enum class Phase : std::uint8_t { kConnecting, kHandshake, kOpen, kFailed };

  // The handler may destroy this stream, so each path ends with telling it.
  void on_stream(StreamEvents events) override {
    if (phase_ == Phase::kConnecting) {
      if (events.closed || (events.writable && below_->connect_error() != 0)) {
        handler_.on_stream({false, false, true});
        return;
      }
      if (!events.writable) return;
      phase_ = Phase::kHandshake;
    }
    if (phase_ == Phase::kHandshake) {
      if (!shake_hands(events.closed)) return;
      // With its end of the handshake the server may have sent more: a read finds out.
      if (phase_ == Phase::kOpen)
        handler_.on_stream({true, true, events.closed});
      else
        handler_.on_stream({false, false, true});
      return;
    }
    if (events.writable) flush();
    events.writable = events.writable && wants_to_write_ && unsent_size() < kUnsentMax;
    if (events.writable) wants_to_write_ = false;
    if (events.readable || events.writable || events.closed) handler_.on_stream(events);
  }

  // True when it is over, one way or the other.
  bool shake_hands(bool closed) {
    while (true) {
      ERR_clear_error();
      const int done = SSL_do_handshake(session_.get());
      if (done == 1) {
        phase_ = Phase::kOpen;
        flush();
        return true;
      }
      const int error = SSL_get_error(session_.get(), done);
      if (error != SSL_ERROR_WANT_READ) {
        const std::string why = handshake_error();
        flush();  // the alert, so that the server's log says it too
        failed(why);
        return true;
      }
      const Transfer sent = flush();
      const Transfer got = receive();
      if (got.status == Transfer::Status::kDone) continue;
      if (got.status == Transfer::Status::kWouldBlock && !closed &&
          sent.status != Transfer::Status::kFailed)
        return false;
      failed("the server ended the connection during the TLS handshake");
      return true;
    }
  }

  std::string handshake_error() const {
    const long verdict = SSL_get_verify_result(session_.get());
    std::string why = openssl_error();
    if (verdict != X509_V_OK)
      why += fmt::format(": {}", X509_verify_cert_error_string(verdict));
    else if (why == "wrong version number")
      why += " (the server doesn't speak TLS there)";
    return why;
  }

  // What SSL_read() lacks: kDone when there is more to try with.
  Transfer more_for(int error) {
    if (error == SSL_ERROR_ZERO_RETURN) return {0, Transfer::Status::kEnd, 0};
    if (error != SSL_ERROR_WANT_READ) return failed(openssl_error());
    return receive();
  }

  // Takes encrypted bytes from the stream below.
  Transfer receive() {
    char bytes[kRecord];
    const Transfer got = below_->read(bytes, sizeof bytes);
    if (got.status != Transfer::Status::kDone) return got;
    const int put = BIO_write(received_, bytes, static_cast<int>(got.bytes));
    ENSURE(put == static_cast<int>(got.bytes), put);
    return got;
  }

  // Gives the stream below what it takes.
  Transfer flush() {
    while (true) {
      char* bytes = nullptr;
      const long size = BIO_get_mem_data(unsent_, &bytes);
      if (size <= 0) return {};
      const Transfer sent = below_->write({bytes, static_cast<std::size_t>(size)});
      if (sent.status != Transfer::Status::kDone) return sent;
      // A memory BIO forgets what is read from it, and nothing else.
      char taken[kRecord];
      for (std::size_t left = sent.bytes; left > 0;) {
        const int part = static_cast<int>(std::min(left, sizeof taken));
        ENSURE(BIO_read(unsent_, taken, part) == part);
        left -= static_cast<std::size_t>(part);
      }
    }
  }

  std::size_t unsent_size() const { return static_cast<std::size_t>(BIO_pending(unsent_)); }

  Transfer failed(std::string why) {
    phase_ = Phase::kFailed;
    failure_ = std::move(why);
    return {0, Transfer::Status::kFailed, EPROTO};
  }

  Session session_;
  StreamHandler& handler_;
  BIO* const received_;  // encrypted, both; session_ owns them
  BIO* const unsent_;
  std::unique_ptr<Stream> below_;
  Phase phase_ = Phase::kConnecting;
  bool wants_to_write_ = false;
  std::string failure_;
};

}  // namespace

struct TlsConnector::Settings {
  std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>> context;
  std::string server_name;
};

namespace {

Error file_error(const char* what, const std::string& file, const char* hint) {
  return Error{ErrorCode::kUsage, what, file, openssl_error(), hint};
}

Result<void> trust(SSL_CTX* context, const TlsOptions& options) {
  SSL_CTX_set_verify(context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (options.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  if (SSL_CTX_load_verify_locations(context, options.ca_file.c_str(), nullptr) != 1)
    return file_error("can't use the CA file", options.ca_file,
                      "give a readable file of certificates in PEM");
  return {};
}

Result<void> identify(SSL_CTX* context, const TlsOptions& options) {
  if (options.certificate_file.empty()) return {};
  const std::string& key = options.key_file.empty() ? options.certificate_file : options.key_file;
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1)
    return file_error("can't use the certificate", options.certificate_file,
                      "give a readable certificate in PEM");
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
    return file_error("can't use the certificate's key", key,
                      "give a readable private key in PEM that belongs to the certificate");
  return {};
}

}  // namespace

Result<std::unique_ptr<TlsConnector>> TlsConnector::make(Connector& below,
                                                         const TlsOptions& options) {
  ERR_clear_error();
  auto settings = std::make_unique<Settings>();
  settings->server_name = options.server_name;
  settings->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = settings->context.get();
  ENSURE(context != nullptr);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);  // writing never has to wait for reading
  TRY(trust(context, options));
  TRY(identify(context, options));
  return std::unique_ptr<TlsConnector>(new TlsConnector(below, std::move(settings)));
}

TlsConnector::TlsConnector(Connector& below, std::unique_ptr<Settings> settings)
    : below_(below), settings_(std::move(settings)) {}

TlsConnector::~TlsConnector() = default;

std::unique_ptr<Stream> TlsConnector::connect(const Address& address, StreamHandler& handler,
                                              int& error_number) {
  Session session(SSL_new(settings_->context.get()));
  ENSURE(session != nullptr);
  const std::string& name = settings_->server_name;
  if (is_address(name)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session.get()), name.c_str());
  } else if (!name.empty()) {
    // What SSL_set_tlsext_host_name() is, less its casts.
    SSL_ctrl(session.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(name.c_str()));
    SSL_set1_host(session.get(), name.c_str());
  }
  auto stream = std::make_unique<TlsStream>(std::move(session), handler);
  if (!stream->connect(below_, address, error_number)) return nullptr;
  return stream;
}

}  // namespace galileo::net
