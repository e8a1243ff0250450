// The floor of a new TLS connection for each request: floor_tls PORT CONNECTIONS SECONDS. So many
// at a time on one epoll; no record, no certificate looked at; OpenSSL's handshake (TLS 1.3,
// P-256), a request, its answer until the server closes.
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common.h"

struct connection {
  int fd;
  int asked;
  int got;
  SSL* tls;
};

static SSL_CTX* context;
static int epoll;
static int port;

static void begin(struct connection* one) {
  one->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(one->fd, (struct sockaddr*)&address, sizeof address) != 0 && errno != EINPROGRESS) {
    perror("connect");
    exit(1);
  }
  one->asked = one->got = 0;
  one->tls = SSL_new(context);
  SSL_set_fd(one->tls, one->fd);
  SSL_set_connect_state(one->tls);
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = one};
  epoll_ctl(epoll, EPOLL_CTL_ADD, one->fd, &event);
}

// Whether its answer is whole.
static int go_on(struct connection* one) {
  char buffer[4096];
  if (!one->asked) {
    if (SSL_write(one->tls, kRequest, sizeof kRequest - 1) <= 0) {
      const int why = SSL_get_error(one->tls, -1);
      ERR_clear_error();
      if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return 0;
      fprintf(stderr, "no handshake\n");
      exit(1);
    }
    one->asked = 1;
  }
  for (int n; (n = SSL_read(one->tls, buffer, sizeof buffer)) > 0;) one->got += n;
  const int why = SSL_get_error(one->tls, -1);
  ERR_clear_error();
  return why != SSL_ERROR_WANT_READ;
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  port = atoi(argv[1]);
  const int count = atoi(argv[2]);
  epoll = epoll_create1(0);
  context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set1_groups_list(context, "P-256");
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  struct connection* all = calloc((size_t)count, sizeof *all);
  const int64_t start = now_ns(), end = start + (int64_t)(atof(argv[3]) * 1e9);
  const double cpu_before = cpu_s();
  for (int i = 0; i < count; ++i) begin(&all[i]);
  struct epoll_event ready[64];
  long requests = 0;
  while (now_ns() < end) {
    const int n = epoll_wait(epoll, ready, 64, 100);
    for (int i = 0; i < n; ++i) {
      struct connection* one = ready[i].data.ptr;
      if (!go_on(one)) continue;
      if (one->got == 0) return 1;
      ++requests;
      SSL_free(one->tls);
      close(one->fd);
      begin(one);
    }
  }
  const double cpu = cpu_s() - cpu_before;
  printf("{\"requests\": %ld, \"wall_s\": %.3f, \"cpu_s\": %.3f, \"us_per_request\": %.3f}\n",
         requests, (double)(now_ns() - start) * 1e-9, cpu, cpu * 1e6 / (double)requests);
  return 0;
}
