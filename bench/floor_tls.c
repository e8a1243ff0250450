// The floor of a new TLS connection for each request: floor_tls PORT SECONDS. One after the other,
// blocking: no loop, no record, no certificate looked at; OpenSSL's handshake (TLS 1.3, P-256), a
// request, its answer until the server closes.
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common.h"

static int ask(SSL_CTX* context, int port) {
  const int fd = connect_to(port);
  SSL* tls = SSL_new(context);
  SSL_set_fd(tls, fd);
  char buffer[4096];
  int got = 0;
  if (SSL_connect(tls) == 1 && SSL_write(tls, kRequest, sizeof kRequest - 1) > 0) {
    for (int n; (n = SSL_read(tls, buffer, sizeof buffer)) > 0;) got += n;
  }
  SSL_free(tls);
  close(fd);
  ERR_clear_error();
  return got > 0;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set1_groups_list(context, "P-256");
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  const int64_t start = now_ns(), end = start + (int64_t)(atof(argv[2]) * 1e9);
  const double cpu_before = cpu_s();
  long requests = 0;
  while (now_ns() < end) {
    if (!ask(context, atoi(argv[1]))) return 1;
    ++requests;
  }
  const double cpu = cpu_s() - cpu_before;
  SSL_CTX_free(context);
  printf("{\"requests\": %ld, \"wall_s\": %.3f, \"cpu_s\": %.3f, \"us_per_request\": %.3f}\n",
         requests, (double)(now_ns() - start) * 1e-9, cpu, cpu * 1e6 / (double)requests);
  return 0;
}
