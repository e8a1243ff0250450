// How well this machine keeps a time at all: floor_sleep RATE SECONDS. Sleeps until each time of an
// even schedule, to the nanosecond, and does nothing else; prints how late it woke.
#include "common.h"

static int by_size(const void* a, const void* b) {
  const int64_t x = *(const int64_t*)a, y = *(const int64_t*)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const double between_ns = 1e9 / atof(argv[1]);
  const long total = (long)(atof(argv[1]) * atof(argv[2]));
  if (total < 1000) return 2;
  int64_t* late = calloc((size_t)total, sizeof *late);
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  const int64_t start = now_ns();
  for (long i = 0; i < total; ++i) {
    const int64_t due = start + (int64_t)(between_ns * (double)(i + 1));
    const struct timespec until = {due / 1000000000, due % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0) continue;
    late[i] = now_ns() - due;
  }
  qsort(late, (size_t)total, sizeof *late, by_size);
  printf("{\"p50_s\": %.9f, \"p99_s\": %.9f, \"p999_s\": %.9f, \"max_s\": %.9f}\n",
         (double)late[total / 2] / 1e9, (double)late[total / 100 * 99] / 1e9,
         (double)late[total / 1000 * 999] / 1e9, (double)late[total - 1] / 1e9);
  free(late);
  return 0;
}
