// Both sides of TLS and what they have in common: longer than other files, since OpenSSL is spoken
// to in one place, so that another library may be put in its place.
#include "net/tls.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <map>
#include <system_error>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "net/authorities.h"
#include "net/clock.h"
#include "wire/unix_time.h"

namespace galileo::net {
namespace {

// What is encrypted at once, and not yet taken by the stream below, at most.
constexpr std::size_t kBatch = std::size_t{64} << 10;
// The same with what OpenSSL has to say itself; who makes it say more and reads nothing is cut off.
constexpr std::size_t kUnsentMax = std::size_t{256} << 10;
// A buffer that grew beyond this is given back when it is empty: most connections are idle.
constexpr std::size_t kKeptMax = 1024;
// What one SSL_read() can give.
constexpr std::size_t kRecord = std::size_t{16} << 10;

template <auto function>
struct Free {
  template <class T>
  void operator()(T* object) const {
    function(object);
  }
};
using Session = std::unique_ptr<SSL, Free<SSL_free>>;
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Bytes = std::unique_ptr<BIO, Free<BIO_free>>;
using Ticket = std::unique_ptr<SSL_SESSION, Free<SSL_SESSION_free>>;
using wire::Failure;

// What the connections of a client's context count, and leave for later ones. Belongs to OpenSSL's
// context, which each connection keeps: so it is there for the last of them.
struct Memory {
  const Clock& clock;
  bool verifies = true;
  TlsCounts counts = {};
  std::map<std::string, Ticket> tickets = {};  // the newest of each server
};

// Where OpenSSL keeps a context's Memory.
int memory_place() {
  static const int place =
      CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nullptr, nullptr, nullptr,
                              [](void*, void* memory, CRYPTO_EX_DATA*, int, long, void*) {
                                const std::unique_ptr<Memory> gone(static_cast<Memory*>(memory));
                              });
  return place;
}

Memory* memory_of(const SSL_CTX* context) {
  return static_cast<Memory*>(SSL_CTX_get_ex_data(context, memory_place()));
}

// Where a connection's ticket goes: with TLS 1.3 it comes after the handshake, and several do.
constexpr int kTicketPlace = 0;

int keep_ticket(SSL* session, SSL_SESSION* ticket) {
  Ticket* const place = static_cast<Ticket*>(SSL_get_ex_data(session, kTicketPlace));
  if (!place) return 0;
  place->reset(ticket);
  return 1;
}

// The oldest error of this thread's list, which is the cause; empties the list.
std::string openssl_error() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  if (ERR_GET_LIB(error) == ERR_LIB_SYS)
    return std::generic_category().message(ERR_GET_REASON(error));
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return reason ? reason : "no reason given";
}

bool is_address(const std::string& name) {
  return literal_address(name, 0).ok();
}

Wall wall_of(const ASN1_TIME* at) {
  std::tm fields{};
  ASN1_TIME_to_tm(at, &fields);
  const std::chrono::seconds since_epoch{timegm(&fields)};
  // What never ends has the year 9999.
  if (since_epoch > std::chrono::floor<std::chrono::seconds>(Duration::max())) return Wall::max();
  return Wall{since_epoch};
}

class TlsStream final : public Stream, private StreamHandler {
 public:
  enum class Side : std::uint8_t { kClient, kServer };

  // `memory`: of a client's context; null of a server's.
  TlsStream(Side side, Session session, StreamHandler& handler, Memory* memory = nullptr)
      : side_(side),
        session_(std::move(session)),
        handler_(handler),
        memory_(memory),
        phase_(side == Side::kClient ? Phase::kConnecting : Phase::kHandshake) {
    BIO* const bio = BIO_new(bio_method());
    ENSURE(bio != nullptr);
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(session_.get(), bio, bio);  // owns it from here on
    if (side == Side::kClient)
      SSL_set_connect_state(session_.get());
    else
      SSL_set_accept_state(session_.get());
  }

  ~TlsStream() override {
    if (gone_) *gone_ = true;
    // The end is told to the peer, so that it needn't take it for a cut; nobody waits for the
    // answer.
    if (below_) {
      say_goodbye();
      flush();
    }
    ERR_clear_error();
  }

  // Goes over the stream that `below` makes; false: it makes none.
  bool open(const TlsAcceptor::Below& below) {
    below_ = below(*this);
    return below_ != nullptr;
  }

  Transfer read(char* buffer, std::size_t size) override {
    if (phase_ == Phase::kFailed) return {0, Transfer::Status::kFailed, EPROTO};
    if (phase_ != Phase::kOpen) return {0, Transfer::Status::kWouldBlock, 0};
    std::size_t count = 0;
    Transfer stopped;
    while (count < size) {
      ERR_clear_error();
      const int want = static_cast<int>(std::min(size - count, kRecord));
      const int got = SSL_read(session_.get(), buffer + count, want);
      if (got <= 0) {
        stopped = stopped_by(SSL_get_error(session_.get(), got));
        break;
      }
      count += static_cast<std::size_t>(got);
    }
    flush();  // what reading may have to say: a change of keys, an alert
    if (count == 0) return stopped;
    // The next read says it again, but the handler takes a short one for the last.
    if (stopped.status == Transfer::Status::kEnd || stopped.status == Transfer::Status::kFailed)
      end_untold_ = true;
    return {count, Transfer::Status::kDone, 0, lay_};
  }

  Transfer write(std::string_view bytes) override {
    if (phase_ == Phase::kFailed) return {0, Transfer::Status::kFailed, EPROTO};
    std::size_t count = 0;
    while (phase_ == Phase::kOpen) {
      const Transfer sent = flush();
      if (sent.status == Transfer::Status::kFailed) return refused_or(sent);
      if (!unsent_.empty()) break;
      const std::size_t out = std::min(encrypted_, bytes.size() - count);
      encrypted_ -= out;
      count += out;
      if (count == bytes.size()) return {count, Transfer::Status::kDone, 0};
      const std::string_view part = bytes.substr(count, kBatch);
      unsent_.reserve(part.size() + part.size() / 64 + 128);  // with what records add
      ERR_clear_error();
      const int put = SSL_write(session_.get(), part.data(), static_cast<int>(part.size()));
      if (put <= 0) return failed(reason());
      encrypted_ = static_cast<std::size_t>(put);
    }
    wants_to_write_ = true;
    if (count > 0) return {count, Transfer::Status::kDone, 0};
    return {0, Transfer::Status::kWouldBlock, 0};
  }

  int connect_error() override {
    if (phase_ == Phase::kFailed) return EPROTO;
    if (phase_ == Phase::kOpen) return 0;  // what ended it since then is for reads to say
    return connect_error_ != 0 ? connect_error_ : below_->connect_error();
  }

  std::string failure() const override { return failure_; }
  Failure tls_failure() const override { return tls_failure_; }
  std::optional<Handshake> handshake() const override { return handshake_; }
  bool was_cut() const override { return was_cut_; }

  void end_writing() override {
    say_goodbye();
    ends_below_ = true;
    flush();
  }

  void abort() override { below_->abort(); }

 private:
  enum class Phase : std::uint8_t { kConnecting, kHandshake, kOpen, kFailed };

  struct Reason {
    std::string text;
    Failure failure = Failure::tls_failed;
  };

  // How OpenSSL reaches its stream: the same few functions for all of them.
  static const BIO_METHOD* bio_method() {
    static const BIO_METHOD* const method = [] {
      BIO_METHOD* const made =
          BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "a galileo stream");
      ENSURE(made != nullptr);
      BIO_meth_set_read(made, [](BIO* bio, char* buffer, int size) {
        BIO_clear_retry_flags(bio);
        const int got = of(bio).take_encrypted(buffer, size);
        if (got < 0) BIO_set_retry_read(bio);
        return got;
      });
      BIO_meth_set_write(made, [](BIO* bio, const char* bytes, int size) {
        BIO_clear_retry_flags(bio);
        return of(bio).keep_encrypted({bytes, static_cast<std::size_t>(size)});
      });
      BIO_meth_set_ctrl(made, [](BIO*, int command, long, void*) {
        return command == BIO_CTRL_FLUSH ? 1L : 0L;  // we flush when OpenSSL has returned
      });
      return made;
    }();
    return method;
  }
  static TlsStream& of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  // The stream below's end and failures too look to OpenSSL as if there was nothing more yet: those
  // who asked it look at below_said_.
  int take_encrypted(char* buffer, int size) {
    const auto wanted = static_cast<std::size_t>(size);
    // A short read was the last until the stream below says otherwise, or its end.
    below_said_ =
        is_drained_ ? Transfer{0, Transfer::Status::kWouldBlock, 0} : below_->read(buffer, wanted);
    if (below_said_.status != Transfer::Status::kDone) return -1;
    is_drained_ = below_said_.bytes < wanted && !peer_ends_;
    lay_ = below_said_.lay;
    return static_cast<int>(below_said_.bytes);
  }

  int keep_encrypted(std::string_view bytes) {
    if (unsent_.size() + bytes.size() > kUnsentMax) {
      failure_ = fmt::format("the {} doesn't read what TLS has to answer", peer());
      return -1;
    }
    unsent_ += bytes;
    return static_cast<int>(bytes.size());
  }

  void on_stream(StreamEvents events) override {
    if (events.readable || events.closed) is_drained_ = false;
    peer_ends_ = peer_ends_ || events.closed;
    if (phase_ == Phase::kConnecting) {
      if (!events.writable && !events.closed) return;
      connect_error_ = below_->connect_error();  // a socket says it once
      if (connect_error_ != 0) return tell({false, false, true});
      // Made and ended already, it fails as one that ends in the middle does.
      phase_ = Phase::kHandshake;
      if (memory_) began_ = memory_->clock.now();
    }
    if (phase_ == Phase::kHandshake) {
      if (!shake_hands(events.closed)) return;
      // With its end of the handshake the peer may have sent more: a read finds out.
      return tell(phase_ == Phase::kOpen ? StreamEvents{true, true, events.closed}
                                         : StreamEvents{false, false, true});
    }
    if (events.writable) flush();
    events.writable = events.writable && wants_to_write_ && unsent_.empty();
    if (events.writable) wants_to_write_ = false;
    if (events.readable || events.writable || events.closed) tell(events);
  }

  // The handler may destroy this stream, so each path of on_stream() ends with this. A socket tells
  // of an end that comes with the last bytes; TLS's is found only behind them, and told after.
  void tell(StreamEvents events) {
    if (std::exchange(end_untold_, false)) events.readable = events.closed = true;
    bool gone = false;
    bool* const outer = std::exchange(gone_, &gone);
    handler_.on_stream(events);
    if (gone) {
      if (outer) *outer = true;
      return;
    }
    gone_ = outer;
    if (std::exchange(end_untold_, false) && !events.closed)
      handler_.on_stream({true, false, true});
  }

  // True when it is over, one way or the other.
  bool shake_hands(bool closed) {
    ERR_clear_error();
    const int done = SSL_do_handshake(session_.get());
    if (done == 1) {
      phase_ = Phase::kOpen;
      if (memory_) count_handshake();
      flush();
      return true;
    }
    const int error = SSL_get_error(session_.get(), done);
    if (error != SSL_ERROR_WANT_READ) {
      failed(reason());
      flush();  // the alert, so that the peer's log says it too
      return true;
    }
    const Transfer sent = flush();
    if (below_said_.status == Transfer::Status::kWouldBlock && !closed &&
        sent.status != Transfer::Status::kFailed)
      return false;
    failed({fmt::format("the {} ended the connection during the TLS handshake", peer())});
    return true;
  }

  void count_handshake() {
    const bool resumed = SSL_session_reused(session_.get()) == 1;
    handshake_ = Handshake{memory_->clock.now() - began_, resumed};
    ++memory_->counts.done;
    if (resumed) ++memory_->counts.resumed;
    if (!memory_->verifies) ++memory_->counts.unverified;
  }

  // Why OpenSSL failed, and by whose fault where that isn't plain.
  Reason reason() const {
    const unsigned long error = ERR_peek_error();
    const int code = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
    Reason why{openssl_error()};
    const long verdict = SSL_get_verify_result(session_.get());
    if (verdict != X509_V_OK && code == SSL_R_CERTIFICATE_VERIFY_FAILED) {
      why.text += fmt::format(": {}{}", X509_verify_cert_error_string(verdict), times_of(verdict));
      why.failure = failure_of_certificate(verdict);
    } else if (code == SSL_R_WRONG_VERSION_NUMBER || code == SSL_R_HTTP_REQUEST ||
               code == SSL_R_HTTPS_PROXY_REQUEST) {
      why.text += side_ == Side::kClient ? " (the server doesn't speak TLS there)"
                                         : " (the client doesn't speak TLS)";
      why.failure = Failure::not_tls;
    } else if (code > SSL_AD_REASON_OFFSET) {
      why.text += fmt::format(" (said by the {})", peer());
      why.failure = Failure::tls_alert;
    }
    return why;
  }

  static Failure failure_of_certificate(long verdict) {
    switch (verdict) {
      case X509_V_ERR_CERT_HAS_EXPIRED:
      case X509_V_ERR_CERT_NOT_YET_VALID:
        return Failure::tls_expired;
      case X509_V_ERR_HOSTNAME_MISMATCH:
      case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return Failure::tls_other_name;
      case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return Failure::tls_self_signed;
      case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
      case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
      case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      case X509_V_ERR_CERT_UNTRUSTED:
        return Failure::tls_untrusted;
      default:
        return Failure::tls_failed;
    }
  }

  // A machine whose clock is wrong finds good certificates out of date: both times are said.
  std::string times_of(long verdict) const {
    if (verdict != X509_V_ERR_CERT_NOT_YET_VALID && verdict != X509_V_ERR_CERT_HAS_EXPIRED)
      return {};
    const Wall now = RealClock::wall_now();
    const STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(session_.get());
    for (int i = 0; chain && i < sk_X509_num(chain); ++i) {
      const X509* const one = sk_X509_value(chain, i);
      const Wall begin = wall_of(X509_get0_notBefore(one));
      const Wall end = wall_of(X509_get0_notAfter(one));
      if (begin > now)
        return fmt::format(" (it is valid from {} on; this machine's clock says {}: is it right?)",
                           wire::rfc3339(begin, 0), wire::rfc3339(now, 0));
      if (end < now)
        return fmt::format(" (it was valid until {}; this machine's clock says {}: is it right?)",
                           wire::rfc3339(end, 0), wire::rfc3339(now, 0));
    }
    return {};
  }

  const char* peer() const { return side_ == Side::kClient ? "server" : "client"; }

  // Why SSL_read() gives no more.
  Transfer stopped_by(int error) {
    if (error == SSL_ERROR_WANT_READ) {
      was_cut_ = below_said_.status == Transfer::Status::kEnd;
      return below_said_;
    }
    if (error == SSL_ERROR_ZERO_RETURN) return {0, Transfer::Status::kEnd, 0};
    return failed(reason());
  }

  // Who refuses us says so before he goes, which tells more than that he is gone: with TLS 1.3 a
  // server looks at our certificate when our handshake is over.
  Transfer refused_or(const Transfer& sent) {
    ERR_clear_error();
    char byte = 0;
    const int got = SSL_peek(session_.get(), &byte, 1);
    const bool refused = got <= 0 && SSL_get_error(session_.get(), got) == SSL_ERROR_SSL;
    return refused ? failed(reason()) : sent;
  }

  void say_goodbye() {
    const bool said = (SSL_get_shutdown(session_.get()) & SSL_SENT_SHUTDOWN) != 0;
    if (phase_ == Phase::kOpen && !said) SSL_shutdown(session_.get());
  }

  // Gives the stream below what it takes.
  Transfer flush() {
    while (!unsent_.empty()) {
      const Transfer sent = below_->write(unsent_);
      if (sent.status == Transfer::Status::kFailed) {
        peer_ends_ = true;  // and why may be there to be read
        is_drained_ = false;
      }
      if (sent.status != Transfer::Status::kDone) return sent;
      unsent_.erase(0, sent.bytes);
    }
    if (unsent_.capacity() > kKeptMax) unsent_.shrink_to_fit();
    if (std::exchange(ends_below_, false)) below_->end_writing();
    return {};
  }

  Transfer failed(Reason why) {
    phase_ = Phase::kFailed;
    if (failure_.empty()) failure_ = std::move(why.text);
    if (tls_failure_ == Failure::none) tls_failure_ = why.failure;
    return {0, Transfer::Status::kFailed, EPROTO};
  }

  const Side side_;
  Session session_;
  StreamHandler& handler_;
  Memory* const memory_;
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
  std::size_t encrypted_ =
      0;  // plain bytes that write() hasn't counted yet: in unsent_, or just out
  bool wants_to_write_ = false;
  bool ends_below_ = false;  // when all is out
  bool end_untold_ = false;  // an end or a failure that the handler doesn't know of
  bool was_cut_ = false;
  bool* gone_ = nullptr;  // of the tell() under way
  std::string failure_;
  Failure tls_failure_ = Failure::none;
};

// A key with a password is refused; OpenSSL would ask for it at the terminal.
int no_password(char*, int, int, void*) {
  return -1;
}

// What both sides have in common.
Context new_context(const SSL_METHOD* method) {
  ERR_clear_error();
  Context context(SSL_CTX_new(method));
  ENSURE(context != nullptr);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // Writing never has to wait for reading.
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  // An idle connection has no buffers; one that isn't reads what there is at once, not a record's
  // head and then the rest.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_passwd_cb(context.get(), no_password);
  return context;
}

using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

// What is PEM, in a file or as a text.
struct Pem {
  const std::string& file;
  const std::string& text;
  bool given() const { return !file.empty() || !text.empty(); }
  std::string place() const { return text.empty() ? file : "what is given as text"; }
};

// A text's certificates, the keys among them left out.
std::vector<Certificate> certificates_of(const std::string& text) {
  std::vector<Certificate> found;
  const Bytes bytes(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  while (X509* const one = PEM_read_bio_X509(bytes.get(), nullptr, no_password, nullptr))
    found.emplace_back(one);
  if (!found.empty()) ERR_clear_error();  // that there is no further one
  return found;
}

Error pem_error(const char* what, const Pem& pem, const char* hint) {
  return Error{ErrorCode::kUsage, what, pem.place(), openssl_error(), hint};
}

bool take_authorities(SSL_CTX* context, const Pem& pem) {
  std::error_code ignored;
  if (pem.text.empty() && std::filesystem::is_directory(pem.file, ignored))
    return SSL_CTX_load_verify_locations(context, nullptr, pem.file.c_str()) == 1;
  if (pem.text.empty())
    return SSL_CTX_load_verify_locations(context, pem.file.c_str(), nullptr) == 1;
  const std::vector<Certificate> found = certificates_of(pem.text);
  for (const Certificate& one : found)
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get());
  return !found.empty();
}

bool take_certificate(SSL_CTX* context, const Pem& pem) {
  if (pem.text.empty()) return SSL_CTX_use_certificate_chain_file(context, pem.file.c_str()) == 1;
  const std::vector<Certificate> found = certificates_of(pem.text);
  if (found.empty() || SSL_CTX_use_certificate(context, found.front().get()) != 1) return false;
  // What SSL_CTX_add1_chain_cert() is, less its casts.
  for (std::size_t i = 1; i < found.size(); ++i)
    SSL_CTX_ctrl(context, SSL_CTRL_CHAIN_CERT, 1, found[i].get());
  return true;
}

bool take_key(SSL_CTX* context, const Pem& pem) {
  if (pem.text.empty())
    return SSL_CTX_use_PrivateKey_file(context, pem.file.c_str(), SSL_FILETYPE_PEM) == 1;
  const Bytes bytes(BIO_new_mem_buf(pem.text.data(), static_cast<int>(pem.text.size())));
  const Key key(PEM_read_bio_PrivateKey(bytes.get(), nullptr, no_password, nullptr));
  return key && SSL_CTX_use_PrivateKey(context, key.get()) == 1;
}

Result<void> trust(SSL_CTX* context, const TlsOptions& options) {
  SSL_CTX_set_verify(context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  const Pem authorities{options.ca_file, options.ca_text};
  if (!authorities.given()) {
    SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  if (!take_authorities(context, authorities))
    return pem_error("can't use the CA file", authorities,
                     "give a readable file of certificates in PEM");
  return {};
}

Result<void> identify(SSL_CTX* context, const Pem& certificate, const Pem& own_key) {
  const Pem& key = own_key.given() ? own_key : certificate;
  if (!take_certificate(context, certificate))
    return pem_error("can't use the certificate", certificate,
                     "give a readable certificate in PEM");
  const bool taken = take_key(context, key);
  // Another's key is refused at once where it is of the certificate's kind, else only here.
  const bool anothers = taken ? SSL_CTX_check_private_key(context) != 1
                              : ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_X509;
  if (taken && !anothers) return {};
  Error error = pem_error(
      "can't use the certificate's key", key,
      "give a readable private key in PEM, without a password, that belongs to the certificate");
  if (anothers) error.why = fmt::format("it isn't the key of {}", certificate.place());
  return error;
}

// Each with its length before it. What is longer than a name can be is left out.
void offer_protocols(SSL_CTX* context, const std::vector<std::string>& names) {
  std::vector<unsigned char> offer;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) continue;
    offer.push_back(static_cast<unsigned char>(name.size()));
    offer.insert(offer.end(), name.begin(), name.end());
  }
  if (offer.empty()) return;
  const int refused =
      SSL_CTX_set_alpn_protos(context, offer.data(), static_cast<unsigned int>(offer.size()));
  ENSURE(refused == 0);
}

// The one protocol that our servers speak, where the client offers it; else none is agreed on, as
// with a client that offers nothing.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1";
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, chosen_size, kOurs, sizeof kOurs - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

UsualAuthorities usual_authorities() {
  return {X509_get_default_cert_file(), X509_get_default_cert_dir(),
          X509_get_default_cert_file_env(), X509_get_default_cert_dir_env()};
}

struct TlsContext::Settings {
  Context context;
  bool resume = false;
};

Result<std::unique_ptr<TlsContext>> TlsContext::make(const TlsOptions& options,
                                                     const Clock& clock) {
  auto settings = std::make_unique<Settings>();
  settings->context = new_context(TLS_client_method());
  settings->resume = options.resume;
  SSL_CTX* const context = settings->context.get();
  if (options.version_min == TlsVersion::k13)
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  TRY(trust(context, options));
  const Pem certificate{options.certificate_file, options.certificate_text};
  if (certificate.given())
    TRY(identify(context, certificate, {options.key_file, options.key_text}));
  offer_protocols(context, options.protocols);
  auto memory = std::make_unique<Memory>(Memory{clock, options.verify});
  Memory* const its_own = memory.release();  // OpenSSL's from here on
  ENSURE(SSL_CTX_set_ex_data(context, memory_place(), its_own) == 1);
  if (options.resume) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_ticket);
  }
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(settings)));
}

TlsContext::TlsContext(std::unique_ptr<Settings> settings) : settings_(std::move(settings)) {}

TlsContext::~TlsContext() = default;

TlsCounts TlsContext::counts() const {
  return memory_of(settings_->context.get())->counts;
}

TlsConnector::TlsConnector(Connector& below, TlsContext& context, std::string server_name,
                           std::string place)
    : below_(below),
      context_(context),
      // A zone means something on this machine only.
      server_name_(is_address(server_name) ? server_name.substr(0, server_name.find('%'))
                                           : std::move(server_name)),
      is_address_(is_address(server_name_)),
      place_(std::move(place)) {}

Result<std::unique_ptr<TlsConnector>> TlsConnector::make(Connector& below,
                                                         const TlsOptions& options) {
  static const RealClock clock;
  auto context = TRY(TlsContext::make(options, clock));
  auto connector =
      std::make_unique<TlsConnector>(below, *context, options.server_name, options.server_name);
  connector->own_ = std::move(context);
  return connector;
}

TlsConnector::~TlsConnector() = default;

std::unique_ptr<Stream> TlsConnector::connect(const Address& address, StreamHandler& handler,
                                              int& error_number) {
  SSL_CTX* const context = context_.settings_->context.get();
  Session session(SSL_new(context));
  ENSURE(session != nullptr);
  if (is_address_) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session.get()), server_name_.c_str());
  } else if (!server_name_.empty()) {
    // What SSL_set_tlsext_host_name() is, less its casts.
    SSL_ctrl(session.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(server_name_.c_str()));
    SSL_set1_host(session.get(), server_name_.c_str());
  }
  Memory* const memory = memory_of(context);
  if (context_.settings_->resume) {
    Ticket& ticket = memory->tickets[place_];
    if (ticket && SSL_SESSION_is_resumable(ticket.get()))
      SSL_set_session(session.get(), ticket.get());
    SSL_set_ex_data(session.get(), kTicketPlace, &ticket);
  }
  auto stream =
      std::make_unique<TlsStream>(TlsStream::Side::kClient, std::move(session), handler, memory);
  if (!stream->open(
          [&](StreamHandler& above) { return below_.connect(address, above, error_number); }))
    return nullptr;
  return stream;
}

struct TlsAcceptor::Settings {
  Context context;
};

Result<std::unique_ptr<TlsAcceptor::Settings>> TlsAcceptor::load(const TlsServerOptions& options) {
  auto settings = std::make_unique<Settings>();
  settings->context = new_context(TLS_server_method());
  SSL_CTX* const context = settings->context.get();
  const std::string none;
  TRY(identify(context, {options.certificate_file, none}, {options.key_file, none}));
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  // Sessions are with the clients, as tickets; here they would only take room.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  constexpr unsigned char kSessionsOf[] = "galileo";
  SSL_CTX_set_session_id_context(context, kSessionsOf, sizeof kSessionsOf - 1);
  return settings;
}

Result<std::unique_ptr<TlsAcceptor>> TlsAcceptor::make(const TlsServerOptions& options) {
  auto settings = TRY(load(options));
  return std::unique_ptr<TlsAcceptor>(new TlsAcceptor(options, std::move(settings)));
}

TlsAcceptor::TlsAcceptor(const TlsServerOptions& options, std::unique_ptr<Settings> settings)
    : options_(options), settings_(std::move(settings)) {}

TlsAcceptor::~TlsAcceptor() = default;

Result<void> TlsAcceptor::reload() {
  settings_ = TRY(load(options_));
  return {};
}

Wall TlsAcceptor::valid_until() const {
  return wall_of(X509_get0_notAfter(SSL_CTX_get0_certificate(settings_->context.get())));
}

std::unique_ptr<Stream> TlsAcceptor::adopt(Loop& loop, int fd, StreamHandler& handler) {
  return adopt([&](StreamHandler& above) { return adopt_socket(loop, fd, above); }, handler);
}

std::unique_ptr<Stream> TlsAcceptor::adopt(const Below& below, StreamHandler& handler) {
  Session session(SSL_new(settings_->context.get()));
  ENSURE(session != nullptr);
  auto stream = std::make_unique<TlsStream>(TlsStream::Side::kServer, std::move(session), handler);
  if (!stream->open(below)) return nullptr;
  return stream;
}

}  // namespace galileo::net
