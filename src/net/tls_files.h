// What TLS reads from files, or from texts in their place: authorities, certificates and keys, in
// PEM. Given to OpenSSL's context, which keeps them. Any thread, one at a time for a context.
#pragma once

#include <string>

#include "base/result.h"
#include "net/openssl.h"

namespace galileo::net {

// What is PEM, in a file or as a text. Outlived by both.
struct Pem {
  const std::string& file;
  const std::string& text;
  bool given() const { return !file.empty() || !text.empty(); }
  std::string place() const { return text.empty() ? file : "what is given as text"; }
};

// Whose certificates are believed from here on; none given: those of the system's authorities. An
// Error of kUsage where they can't be read.
Result<void> trust(SSL_CTX* context, const Pem& authorities);

// Certificates that the file's lists have as revoked aren't taken from here on, nor those of an
// authority that it has no list of, or one that is out of date. An Error of kUsage where it can't
// be read.
Result<void> refuse_revoked(SSL_CTX* context, const std::string& crl_file);

// Who we are; `own_key` isn't given: it is with the certificate. An Error of kUsage where a file
// can't be read, isn't what it must be, or the key isn't the certificate's. A key with a password
// is refused.
Result<void> identify(SSL_CTX* context, const Pem& certificate, const Pem& own_key);

}  // namespace galileo::net
