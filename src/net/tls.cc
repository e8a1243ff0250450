#include "net/tls.h"

#include <openssl/err.h>

#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/authorities.h"
#include "net/openssl.h"
#include "net/tls_files.h"
#include "net/tls_stream.h"

namespace galileo::net {

using openssl::Context;
using openssl::Session;
using openssl::Ticket;

namespace {

// Where OpenSSL keeps a context's TlsMemory.
int memory_place() {
  static const int place = CRYPTO_get_ex_new_index(
      CRYPTO_EX_INDEX_SSL_CTX, 0, nullptr, nullptr, nullptr,
      [](void*, void* memory, CRYPTO_EX_DATA*, int, long, void*) {
        const std::unique_ptr<TlsMemory> gone(static_cast<TlsMemory*>(memory));
      });
  return place;
}

TlsMemory* memory_of(const SSL_CTX* context) {
  return static_cast<TlsMemory*>(SSL_CTX_get_ex_data(context, memory_place()));
}

// Where a connection's ticket goes: with TLS 1.3 it comes after the handshake, and several do.
constexpr int kTicketPlace = 0;

int keep_ticket(SSL* session, SSL_SESSION* ticket) {
  Ticket* const place = static_cast<Ticket*>(SSL_get_ex_data(session, kTicketPlace));
  if (!place) return 0;
  place->reset(ticket);
  return 1;
}

bool is_address(const std::string& name) {
  return literal_address(name, 0).ok();
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
  return context;
}

// Each with its length before it. What is longer than a name can be is left out.
std::vector<unsigned char> offer_of(const std::vector<std::string>& names) {
  std::vector<unsigned char> offer;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) continue;
    offer.push_back(static_cast<unsigned char>(name.size()));
    offer.insert(offer.end(), name.begin(), name.end());
  }
  return offer;
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
  SSL_CTX_set_verify(context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  TRY(trust(context, {options.ca_file, options.ca_text}));
  if (!options.crl_file.empty()) TRY(refuse_revoked(context, options.crl_file));
  const Pem certificate{options.certificate_file, options.certificate_text};
  if (certificate.given())
    TRY(identify(context, certificate, {options.key_file, options.key_text}));
  if (const auto offer = offer_of(options.protocols); !offer.empty()) {
    const int refused =
        SSL_CTX_set_alpn_protos(context, offer.data(), static_cast<unsigned int>(offer.size()));
    ENSURE(refused == 0);
  }
  auto memory = std::make_unique<TlsMemory>(
      TlsMemory{clock, options.verify, options.verify && !options.crl_file.empty()});
  TlsMemory* const its_own = memory.release();  // OpenSSL's from here on
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
                           std::string place, const std::vector<std::string>& protocols)
    : below_(below),
      context_(context),
      // A zone means something on this machine only.
      server_name_(is_address(server_name) ? server_name.substr(0, server_name.find('%'))
                                           : std::move(server_name)),
      is_address_(is_address(server_name_)),
      place_(std::move(place)),
      offer_(offer_of(protocols)) {}

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
  if (!offer_.empty()) {
    const int refused =
        SSL_set_alpn_protos(session.get(), offer_.data(), static_cast<unsigned int>(offer_.size()));
    ENSURE(refused == 0);
  }
  TlsMemory* const memory = memory_of(context);
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
  return openssl::wall_of(X509_get0_notAfter(SSL_CTX_get0_certificate(settings_->context.get())));
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
