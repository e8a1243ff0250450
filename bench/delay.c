// Wires that take their time: delay DELAY_US HUB_PID PID... joins the network namespace of HUB_PID
// to those of the others, each by a pair of TUN devices, "wire<i>" in the hub and "wire" at the
// other end (i from 1), and holds each packet for DELAY_US in each direction. What netem does,
// where the kernel has none. Ready when it prints "ready"; the devices go with it. Ends on SIGTERM.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "common.h"

enum { kWiresMax = 64, kPacketMax = 2048, kQueueMax = 4096 };

struct packet {
  int64_t due;
  int to;
  int size;
  char bytes[kPacketMax];
};

static int wires[2 * kWiresMax];  // 2i in the hub, 2i + 1 at the other end
// All are held for as long, so that they leave in the order in which they came.
static struct packet queue[kQueueMax];
static unsigned first, last;

static int tun_in(const char* pid, const char* name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/ns/net", pid);
  const int space = open(path, O_RDONLY | O_CLOEXEC);
  if (space < 0 || setns(space, CLONE_NEWNET) != 0) {
    perror(path);
    exit(1);
  }
  close(space);
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq request;
  memset(&request, 0, sizeof request);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) {
    perror("/dev/net/tun");
    exit(1);
  }
  return fd;
}

int main(int argc, char** argv) {
  if (argc < 4 || argc - 3 > kWiresMax) {
    fprintf(stderr, "usage: delay DELAY_US HUB_PID PID...\n");
    return 2;
  }
  const int64_t delay = atoll(argv[1]) * 1000;
  const int count = 2 * (argc - 3);
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < count; ++i) {
    char name[16] = "wire";
    if (i % 2 == 0) snprintf(name, sizeof name, "wire%d", i / 2 + 1);
    wires[i] = tun_in(i % 2 == 0 ? argv[2] : argv[3 + i / 2], name);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    epoll_ctl(epoll, EPOLL_CTL_ADD, wires[i], &event);
  }
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    struct timespec wait = {0, 0};
    if (first != last) {
      const int64_t left = queue[first % kQueueMax].due - now_ns();
      wait.tv_nsec = left > 0 ? left : 0;
    }
    struct epoll_event ready[2 * kWiresMax];
    const int events = epoll_pwait2(epoll, ready, count, first != last ? &wait : NULL, NULL);
    for (; first != last && queue[first % kQueueMax].due <= now_ns(); ++first) {
      const struct packet* packet = &queue[first % kQueueMax];
      // A device that isn't up yet, or full, drops it: so do wires.
      if (write(wires[packet->to], packet->bytes, (size_t)packet->size) < 0) continue;
    }
    for (int i = 0; i < events; ++i) {
      const int from = (int)ready[i].data.u32;
      while (last - first < kQueueMax) {
        struct packet* packet = &queue[last % kQueueMax];
        const ssize_t size = read(wires[from], packet->bytes, kPacketMax);
        if (size <= 0) break;
        packet->size = (int)size;
        packet->to = from ^ 1;
        packet->due = now_ns() + delay;
        ++last;
      }
    }
  }
}
