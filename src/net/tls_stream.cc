#include "net/tls_stream.h"

#include <fmt/format.h>
#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "wire/unix_time.h"

namespace galileo::net {

using wire::Failure;

namespace {

// What is encrypted at once, and not yet taken by the stream below, at most.
constexpr std::size_t kBatch = std::size_t{64} << 10;
// The same with what OpenSSL has to say itself; who makes it say more and reads nothing is cut off.
constexpr std::size_t kUnsentMax = std::size_t{256} << 10;
// A buffer that grew beyond this is given back when it is empty: most connections are idle.
constexpr std::size_t kKeptMax = 1024;
// What one SSL_read() can give.
constexpr std::size_t kRecord = std::size_t{16} << 10;

Failure failure_of_certificate(long verdict) {
  switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Failure::tls_expired;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return Failure::tls_other_name;
    case X509_V_ERR_CERT_REVOKED:
      return Failure::tls_revoked;
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
std::string times_of(const SSL* session, long verdict) {
  if (verdict != X509_V_ERR_CERT_NOT_YET_VALID && verdict != X509_V_ERR_CERT_HAS_EXPIRED) return {};
  const Wall now = RealClock::wall_now();
  const STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(session);
  for (int i = 0; chain && i < sk_X509_num(chain); ++i) {
    const X509* const one = sk_X509_value(chain, i);
    const Wall begin = openssl::wall_of(X509_get0_notBefore(one));
    const Wall end = openssl::wall_of(X509_get0_notAfter(one));
    if (begin > now)
      return fmt::format(" (it is valid from {} on; this machine's clock says {}: is it right?)",
                         wire::rfc3339(begin, 0), wire::rfc3339(now, 0));
    if (end < now)
      return fmt::format(" (it was valid until {}; this machine's clock says {}: is it right?)",
                         wire::rfc3339(end, 0), wire::rfc3339(now, 0));
  }
  return {};
}

}  // namespace

TlsStream::TlsStream(Side side, openssl::Session session, StreamHandler& handler, TlsMemory* memory)
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

TlsStream::~TlsStream() {
  if (gone_) *gone_ = true;
  // The end is told to the peer, so that it needn't take it for a cut; nobody waits for the
  // answer.
  if (below_) {
    say_goodbye();
    flush();
  }
  ERR_clear_error();
}

bool TlsStream::open(const TlsAcceptor::Below& below) {
  below_ = below(*this);
  return below_ != nullptr;
}

Transfer TlsStream::read(char* buffer, std::size_t size) {
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

Transfer TlsStream::write(std::string_view bytes) {
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

int TlsStream::connect_error() {
  if (phase_ == Phase::kFailed) return EPROTO;
  if (phase_ == Phase::kOpen) return 0;  // what ended it since then is for reads to say
  return connect_error_ != 0 ? connect_error_ : below_->connect_error();
}

void TlsStream::end_writing() {
  say_goodbye();
  ends_below_ = true;
  flush();
}

const BIO_METHOD* TlsStream::bio_method() {
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

int TlsStream::take_encrypted(char* buffer, int size) {
  const auto wanted = static_cast<std::size_t>(size);
  // A short read was the last until the stream below says otherwise, or its end.
  below_said_ =
      is_drained_ ? Transfer{0, Transfer::Status::kWouldBlock, 0} : below_->read(buffer, wanted);
  if (below_said_.status != Transfer::Status::kDone) return -1;
  is_drained_ = below_said_.bytes < wanted && !peer_ends_;
  lay_ = below_said_.lay;
  return static_cast<int>(below_said_.bytes);
}

int TlsStream::keep_encrypted(std::string_view bytes) {
  if (unsent_.size() + bytes.size() > kUnsentMax) {
    failure_ = fmt::format("the {} doesn't read what TLS has to answer", peer());
    return -1;
  }
  unsent_ += bytes;
  return static_cast<int>(bytes.size());
}

void TlsStream::on_stream(StreamEvents events) {
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

void TlsStream::tell(StreamEvents events) {
  if (std::exchange(end_untold_, false)) events.readable = events.closed = true;
  bool gone = false;
  bool* const outer = std::exchange(gone_, &gone);
  handler_.on_stream(events);
  if (gone) {
    if (outer) *outer = true;
    return;
  }
  gone_ = outer;
  if (std::exchange(end_untold_, false) && !events.closed) handler_.on_stream({true, false, true});
}

bool TlsStream::shake_hands(bool closed) {
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

void TlsStream::count_handshake() {
  const bool resumed = SSL_session_reused(session_.get()) == 1;
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(session_.get(), &protocol, &size);
  handshake_ = Handshake{memory_->clock.now() - began_, resumed, {}};
  handshake_->protocol.assign(protocol, protocol + size);
  ++memory_->counts.done;
  if (resumed) ++memory_->counts.resumed;
  if (!memory_->verifies) ++memory_->counts.unverified;
  if (memory_->looks_for_revoked) ++memory_->counts.crl_checked;
}

TlsStream::Reason TlsStream::reason() const {
  const unsigned long error = ERR_peek_error();
  const int code = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  Reason why{openssl::oldest_error()};
  const long verdict = SSL_get_verify_result(session_.get());
  if (verdict != X509_V_OK && code == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    why.text += fmt::format(": {}{}", X509_verify_cert_error_string(verdict),
                            times_of(session_.get(), verdict));
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

Transfer TlsStream::stopped_by(int error) {
  if (error == SSL_ERROR_WANT_READ) {
    was_cut_ = below_said_.status == Transfer::Status::kEnd;
    return below_said_;
  }
  if (error == SSL_ERROR_ZERO_RETURN) return {0, Transfer::Status::kEnd, 0};
  return failed(reason());
}

Transfer TlsStream::refused_or(const Transfer& sent) {
  ERR_clear_error();
  char byte = 0;
  const int got = SSL_peek(session_.get(), &byte, 1);
  const bool refused = got <= 0 && SSL_get_error(session_.get(), got) == SSL_ERROR_SSL;
  return refused ? failed(reason()) : sent;
}

void TlsStream::say_goodbye() {
  const bool said = (SSL_get_shutdown(session_.get()) & SSL_SENT_SHUTDOWN) != 0;
  if (phase_ == Phase::kOpen && !said) SSL_shutdown(session_.get());
}

Transfer TlsStream::flush() {
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

Transfer TlsStream::failed(Reason why) {
  phase_ = Phase::kFailed;
  if (failure_.empty()) failure_ = std::move(why.text);
  if (tls_failure_ == Failure::none) tls_failure_ = why.failure;
  return {0, Transfer::Status::kFailed, EPROTO};
}

}  // namespace galileo::net
