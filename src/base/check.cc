#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace galileo {

void check_failed(const char* condition, const char* file, int line, std::string_view values) {
  std::fprintf(stderr, "galileo: bug: %s at %s:%d%.*s\n", condition, file, line,
               static_cast<int>(values.size()), values.data());
  std::abort();
}

}  // namespace galileo
