#include "base/resident.h"

#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <memory>

namespace galileo {
namespace {

struct Mapping {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool of_file = false;             // and nobody may write there
  unsigned long anonymous_kib = 0;  // written to before that, by the loader
};

}  // namespace

void keep_heap_small() {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_TRIM_THRESHOLD, 64 * 1024);
}

void give_back_unused_memory() {
  malloc_trim(0);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> maps(std::fopen("/proc/self/smaps", "re"),
                                                             &std::fclose);
  if (!maps) return;
  Mapping mapping;
  char line[512];
  while (std::fgets(line, sizeof line, maps.get())) {
    unsigned long begin = 0;
    unsigned long end = 0;
    unsigned long inode = 0;
    unsigned long swapped_kib = 0;
    char access[5] = {};
    if (std::sscanf(line, "%lx-%lx %4s %*s %*s %lu", &begin, &end, access, &inode) == 4) {
      mapping = {begin, end, inode != 0 && access[0] == 'r' && access[1] == '-', 0};
    } else if (std::sscanf(line, "Anonymous: %lu", &mapping.anonymous_kib) != 1 &&
               std::sscanf(line, "Swap: %lu", &swapped_kib) == 1) {
      // What the loader has written (relocations), in memory or swapped out, the file doesn't hold.
      if (mapping.of_file && mapping.anonymous_kib == 0 && swapped_kib == 0)
        // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel says addresses as text.
        madvise(reinterpret_cast<void*>(mapping.begin), mapping.end - mapping.begin, MADV_DONTNEED);
    }
  }
}

}  // namespace galileo
