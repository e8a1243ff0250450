#include "net/tls_files.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "base/check.h"

namespace galileo::net {

using openssl::Bytes;
using openssl::Certificate;
using openssl::Key;
using openssl::oldest_error;

namespace {

// A key with a password is refused; OpenSSL would ask for it at the terminal.
int no_password(char*, int, int, void*) {
  return -1;
}

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
  return Error{ErrorCode::kUsage, what, pem.place(), oldest_error(), hint};
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

}  // namespace

Result<void> trust(SSL_CTX* context, const Pem& authorities) {
  if (!authorities.given()) {
    SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  if (!take_authorities(context, authorities))
    return pem_error("can't use the CA file", authorities,
                     "give a readable file of certificates in PEM");
  return {};
}

// The whole chain is looked at: a partial one that is believed would need lists that nobody makes.
Result<void> refuse_revoked(SSL_CTX* context, const std::string& crl_file) {
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  X509_LOOKUP* const lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
  ENSURE(lookup != nullptr);
  const std::string none;
  if (X509_load_crl_file(lookup, crl_file.c_str(), X509_FILETYPE_PEM) < 1)
    return pem_error("can't use the list of revoked certificates", {crl_file, none},
                     "give a readable file of lists (CRL) in PEM");
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return {};
}

Result<void> identify(SSL_CTX* context, const Pem& certificate, const Pem& own_key) {
  SSL_CTX_set_default_passwd_cb(context, no_password);
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

}  // namespace galileo::net
