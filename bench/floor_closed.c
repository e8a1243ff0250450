// The floor of a closed loop: floor_closed PORT CONNECTIONS SECONDS. Each connection sends again as
// soon as anything came back (the answer of `return 200` fits one segment).
#include "common.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const int count = atoi(argv[2]);
  const int epoll = epoll_create1(0);
  for (int i = 0; i < count; ++i) {
    const int fd = connect_to(atoi(argv[1]));
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    send(fd, kRequest, sizeof kRequest - 1, MSG_NOSIGNAL);
  }
  const int64_t start = now_ns(), end = start + (int64_t)(atof(argv[3]) * 1e9);
  const double cpu_before = cpu_s();
  char buffer[65536];
  struct epoll_event ready[64];
  long requests = 0;
  while (now_ns() < end) {
    const int n = epoll_wait(epoll, ready, 64, 100);
    for (int i = 0; i < n; ++i) {
      if (recv(ready[i].data.fd, buffer, sizeof buffer, MSG_DONTWAIT) <= 0) continue;
      ++requests;
      send(ready[i].data.fd, kRequest, sizeof kRequest - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }
  const double cpu = cpu_s() - cpu_before;
  printf("{\"requests\": %ld, \"wall_s\": %.3f, \"cpu_s\": %.3f, \"us_per_request\": %.3f}\n",
         requests, (double)(now_ns() - start) * 1e-9, cpu, cpu * 1e6 / (double)requests);
  return 0;
}
