#include "net/tls_files.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"

namespace galileo::net {

using openssl::Bytes;
using openssl::Certificate;
using openssl::Key;
using openssl::oldest_error;
using openssl::RevocationList;

namespace {

// All authorities of a system are some 250 KiB.
constexpr std::size_t kPemMax = std::size_t{16} << 20;

Bytes bytes_of(const std::string& text) {
  return Bytes(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// A key with a password is refused; OpenSSL would ask for it at the terminal.
int no_password(char*, int, int, void*) {
  return -1;
}

// A text's certificates, the keys among them left out.
std::vector<Certificate> certificates_of(const std::string& text) {
  std::vector<Certificate> found;
  const Bytes bytes = bytes_of(text);
  while (X509* const one = PEM_read_bio_X509_AUX(bytes.get(), nullptr, no_password, nullptr))
    found.emplace_back(one);
  if (!found.empty()) ERR_clear_error();  // that there is no further one
  return found;
}

std::vector<RevocationList> lists_of(const std::string& text) {
  std::vector<RevocationList> found;
  const Bytes bytes = bytes_of(text);
  while (X509_CRL* const one = PEM_read_bio_X509_CRL(bytes.get(), nullptr, no_password, nullptr))
    found.emplace_back(one);
  if (!found.empty()) ERR_clear_error();
  return found;
}

Error pem_error(const char* what, const Pem& pem, std::string why, const char* hint) {
  return Error{ErrorCode::kUsage, what, pem.place(), std::move(why), hint};
}

// Each loop reads for itself, and a server when its files change: a pipe would give its bytes to
// the first of them, and hold the others up.
Result<std::string> text_of(const char* what, const Pem& pem, const char* hint) {
  if (!pem.text.empty()) return pem.text;
  std::error_code missing;
  if (const auto status = std::filesystem::status(pem.file, missing);
      std::filesystem::exists(status) && std::filesystem::is_other(status))
    return pem_error(what, pem, "it is a pipe or a device, and is read more than once",
                     "write it to a file");
  Result<std::string> text = read_whole_file(pem.file, kPemMax);
  if (!text.ok()) return pem_error(what, pem, text.error().why, hint);
  return text;
}

bool take_authorities(SSL_CTX* context, const std::string& text) {
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  const std::vector<Certificate> found = certificates_of(text);
  for (const Certificate& one : found) X509_STORE_add_cert(store, one.get());
  return !found.empty();
}

bool take_certificate(SSL_CTX* context, const std::string& text) {
  const std::vector<Certificate> found = certificates_of(text);
  if (found.empty() || SSL_CTX_use_certificate(context, found.front().get()) != 1) return false;
  // What SSL_CTX_add1_chain_cert() is, less its casts.
  for (std::size_t i = 1; i < found.size(); ++i)
    SSL_CTX_ctrl(context, SSL_CTRL_CHAIN_CERT, 1, found[i].get());
  return true;
}

bool take_key(SSL_CTX* context, const std::string& text) {
  const Bytes bytes = bytes_of(text);
  const Key key(PEM_read_bio_PrivateKey(bytes.get(), nullptr, no_password, nullptr));
  return key && SSL_CTX_use_PrivateKey(context, key.get()) == 1;
}

}  // namespace

Result<void> trust(SSL_CTX* context, const Pem& authorities) {
  constexpr const char* kWhat = "can't use the CA file";
  constexpr const char* kHint = "give a readable file of certificates in PEM";
  if (!authorities.given()) {
    SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  std::error_code ignored;
  if (authorities.text.empty() && std::filesystem::is_directory(authorities.file, ignored)) {
    if (SSL_CTX_load_verify_locations(context, nullptr, authorities.file.c_str()) == 1) return {};
    return pem_error(kWhat, authorities, oldest_error(), kHint);
  }
  if (!take_authorities(context, TRY(text_of(kWhat, authorities, kHint))))
    return pem_error(kWhat, authorities, oldest_error(), kHint);
  return {};
}

// The whole chain is looked at: a partial one that is believed would need lists that nobody makes.
Result<void> refuse_revoked(SSL_CTX* context, const std::string& crl_file) {
  constexpr const char* kWhat = "can't use the list of revoked certificates";
  constexpr const char* kHint = "give a readable file of lists (CRL) in PEM";
  const std::string none;
  const Pem lists{crl_file, none};
  const std::vector<RevocationList> found = lists_of(TRY(text_of(kWhat, lists, kHint)));
  if (found.empty()) return pem_error(kWhat, lists, oldest_error(), kHint);
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  for (const RevocationList& one : found) X509_STORE_add_crl(store, one.get());
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return {};
}

Result<void> identify(SSL_CTX* context, const Pem& certificate, const Pem& own_key) {
  constexpr const char* kWhat = "can't use the certificate";
  constexpr const char* kHint = "give a readable certificate in PEM";
  constexpr const char* kWhatOfKey = "can't use the certificate's key";
  constexpr const char* kHintOfKey =
      "give a readable private key in PEM, without a password, that belongs to the certificate";
  SSL_CTX_set_default_passwd_cb(context, no_password);
  const std::string text = TRY(text_of(kWhat, certificate, kHint));
  if (!take_certificate(context, text)) return pem_error(kWhat, certificate, oldest_error(), kHint);
  const Pem& key = own_key.given() ? own_key : certificate;
  const std::string key_text =
      own_key.given() ? TRY(text_of(kWhatOfKey, own_key, kHintOfKey)) : text;
  const bool taken = take_key(context, key_text);
  // Another's key is refused at once where it is of the certificate's kind, else only here.
  const bool anothers = taken ? SSL_CTX_check_private_key(context) != 1
                              : ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_X509;
  if (taken && !anothers) return {};
  Error error = pem_error(kWhatOfKey, key, oldest_error(), kHintOfKey);
  if (anothers) error.why = fmt::format("it isn't the key of {}", certificate.place());
  return error;
}

}  // namespace galileo::net
