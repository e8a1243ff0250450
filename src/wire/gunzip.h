// The bytes of a .gz file (RFC 1952) as they come, in pieces of any size, of one member or several
// behind each other, as log rotation makes them. Passive; belongs to who reads the file.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace galileo::wire {

class Gunzip {
 public:
  Gunzip();
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  // Whether a file that begins so is one.
  static bool is_gzip(std::string_view beginning) { return beginning.starts_with("\x1f\x8b"); }

  // Calls `take` with what the bytes hold, piece by piece: each is valid during the call. An Error
  // where they are damaged, or `take` has one.
  using Take = std::function<Result<void>(std::string_view)>;
  Result<void> feed(std::string_view bytes, const Take& take);
  // No more will come. An Error where the file is cut.
  Result<void> finish() const;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace galileo::wire
