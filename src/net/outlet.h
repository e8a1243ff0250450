// The writing side of a stream for who passes on what he gets: what the stream doesn't take at once
// is kept until it does. How much there is tells its user when to wait. Lives on its stream's loop.
#pragma once

#include <string>
#include <string_view>

#include "net/stream.h"

namespace galileo::net {

// Empties a buffer; one that has grown large gives its memory back.
void shrink(std::string& buffer);

class Outlet {
 public:
  // Until there is one, all is kept. It outlives this, or the last call.
  void set_stream(Stream* stream) { stream_ = stream; }
  // Writes at once what goes, keeps the rest. False: the connection has failed.
  bool send(std::string_view bytes);
  // Passes a body on: what is large and has nothing before it is written as it lies, the rest kept
  // for flush(), which also tells of a failure.
  void pass(std::string_view bytes);
  // Adds without writing; flush() writes all in one go.
  std::string& held() { return kept_; }
  bool flush();
  std::size_t size() const { return kept_.size() - begin_; }
  std::size_t in_memory() const { return kept_.size(); }
  void clear();
  // What isn't out, taken away.
  std::string take();

 private:
  Stream* stream_ = nullptr;
  std::string kept_;
  std::size_t begin_ = 0;  // of what is kept, this much is out
  bool failed_ = false;
};

}  // namespace galileo::net
