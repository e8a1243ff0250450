// Loaded before a program: its wall clock jumps by STEP_S seconds, STEP_AFTER_MS after it was first
// asked for. The monotonic clock goes on, as when a machine's time is set.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static int real(clockid_t id, struct timespec* at) {
  static int (*call)(clockid_t, struct timespec*);
  if (!call) *(void**)&call = dlsym(RTLD_NEXT, "clock_gettime");
  return call(id, at);
}

static long long milliseconds(void) {
  struct timespec now;
  real(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static long step(void) {
  static long long first;
  if (!first) first = milliseconds();
  return milliseconds() - first < atoll(getenv("STEP_AFTER_MS")) ? 0 : atol(getenv("STEP_S"));
}

int clock_gettime(clockid_t id, struct timespec* at) {
  const int code = real(id, at);
  if (code == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += step();
  return code;
}

int gettimeofday(struct timeval* restrict at, void* restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* at) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (at) *at = now.tv_sec;
  return now.tv_sec;
}
