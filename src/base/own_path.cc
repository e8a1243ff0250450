#include "base/own_path.h"

#include <unistd.h>

namespace galileo {

std::string own_path() {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : "galileo";
}

}  // namespace galileo
