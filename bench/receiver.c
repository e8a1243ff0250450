// Measures a generator from the other end: receiver PORT RATE [DELAY_US]. Answers every GET, notes
// when each arrived, and on SIGTERM prints how far the arrivals were from the ideal even schedule
// of RATE: the i-th should come at start + i / RATE, with the start that makes the median deviation
// zero. The first second is left out. Ready when it prints "ready".
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "common.h"

static const char kAnswer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

static int by_value(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static void print_deviation(const int64_t* at, long count, double rate) {
  const long skip = (long)rate < count / 2 ? (long)rate : 0;
  const long n = count - skip;
  double* off = calloc((size_t)n + 1, sizeof *off);
  for (long i = 0; i < n; ++i) off[i] = (double)(at[skip + i] - at[skip]) - (double)i * 1e9 / rate;
  double* sorted = calloc((size_t)n + 1, sizeof *sorted);
  memcpy(sorted, off, (size_t)n * sizeof *off);
  qsort(sorted, (size_t)n, sizeof *sorted, by_value);
  const double middle = n ? sorted[n / 2] : 0;
  for (long i = 0; i < n; ++i) sorted[i] = fabs(off[i] - middle) / 1e3;
  qsort(sorted, (size_t)n, sizeof *sorted, by_value);
  const double span = n > 1 ? (double)(at[count - 1] - at[skip]) * 1e-9 : 0;
  printf(
      "{\"count\": %ld, \"rate\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, "
      "\"max_us\": %.1f}\n",
      count, span > 0 ? (double)(n - 1) / span : 0, n ? sorted[n / 2] : 0,
      n ? sorted[(long)((double)n * 0.99)] : 0, n ? sorted[(long)((double)n * 0.999)] : 0,
      n ? sorted[n - 1] : 0);
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const double rate = atof(argv[2]);
  const long most = 40L * 1000 * 1000;
  int64_t* at = malloc((size_t)most * sizeof *at);  // touched as it fills
  long count = 0;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, NULL);
  const int signals = signalfd(-1, &set, SFD_NONBLOCK);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0 ||
      listen(listener, 4096) != 0) {
    perror("receiver");
    return 1;
  }
  const int epoll = epoll_create1(0);
  for (int i = 0; i < 2; ++i) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = i ? listener : signals};
    epoll_ctl(epoll, EPOLL_CTL_ADD, i ? listener : signals, &event);
  }
  printf("ready\n");
  fflush(stdout);
  char buffer[65536];
  struct epoll_event ready[256];
  while (1) {
    const int n = epoll_wait(epoll, ready, 256, -1);
    for (int i = 0; i < n; ++i) {
      const int fd = ready[i].data.fd;
      if (fd == signals) {
        print_deviation(at, count, rate);
        return 0;
      }
      if (fd == listener) {
        const int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (accepted < 0) continue;
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = accepted};
        epoll_ctl(epoll, EPOLL_CTL_ADD, accepted, &event);
        continue;
      }
      const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
      if (size <= 0) {
        if (size == 0 || errno != EAGAIN) close(fd);
        continue;
      }
      const int64_t now = now_ns();
      // One answer for each head that ends here; heads of generators come whole.
      for (char* head = memmem(buffer, (size_t)size, "\r\n\r\n", 4); head;
           head = memmem(head + 4, (size_t)(buffer + size - head - 4), "\r\n\r\n", 4)) {
        if (count < most) at[count++] = now;
        if (send(fd, kAnswer, sizeof kAnswer - 1, MSG_NOSIGNAL) < 0) break;
      }
    }
  }
}
