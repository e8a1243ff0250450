// OpenSSL's objects with owners, for the files of net that speak to it (tls*.cc): nobody else knows
// that library, so that another may be put in its place.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "base/time.h"

namespace galileo::net::openssl {

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
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using RevocationList = std::unique_ptr<X509_CRL, Free<X509_CRL_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

// The oldest error of this thread's list, which is the cause; empties the list.
std::string oldest_error();

// Wall::max() where it is beyond what a Wall can say.
Wall wall_of(const ASN1_TIME* at);

}  // namespace galileo::net::openssl
