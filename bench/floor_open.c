// The floor of an open loop: floor_open PORT CONNECTIONS RATE SECONDS. Sends at an even rate, round
// robin over its connections, waiting to the nanosecond in epoll_pwait2.
#include "common.h"

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const int count = atoi(argv[2]);
  const double between_ns = 1e9 / atof(argv[3]);
  const long total = (long)(atof(argv[3]) * atof(argv[4]));
  int* fds = calloc((size_t)count, sizeof *fds);
  const int epoll = epoll_create1(0);
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  for (int i = 0; i < count; ++i) {
    fds[i] = connect_to(atoi(argv[1]));
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = fds[i]};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
  }
  char buffer[65536];
  struct epoll_event ready[64];
  const int64_t start = now_ns();
  const double cpu_before = cpu_s();
  long sent = 0, answered = 0;
  const int64_t give_up = start + (int64_t)(between_ns * (double)total) + 2000000000LL;
  while (answered < total && now_ns() < give_up) {
    int64_t now = now_ns();
    while (sent < total && start + (int64_t)(between_ns * (double)(sent + 1)) <= now) {
      send(fds[sent % count], kRequest, sizeof kRequest - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
      ++sent;
      now = now_ns();
    }
    int64_t wait =
        sent < total ? start + (int64_t)(between_ns * (double)(sent + 1)) - now_ns() : 100000000;
    if (wait < 0) wait = 0;
    const struct timespec timeout = {wait / 1000000000, wait % 1000000000};
    const int n = epoll_pwait2(epoll, ready, 64, &timeout, NULL);
    for (int i = 0; i < n; ++i)
      if (recv(ready[i].data.fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0) ++answered;
  }
  const double cpu = cpu_s() - cpu_before;
  printf("{\"requests\": %ld, \"wall_s\": %.3f, \"cpu_s\": %.3f, \"us_per_request\": %.3f}\n",
         answered, (double)(now_ns() - start) * 1e-9, cpu,
         cpu * 1e6 / (double)(answered ? answered : 1));
  return 0;
}
