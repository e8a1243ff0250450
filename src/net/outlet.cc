#include "net/outlet.h"

#include <utility>

namespace galileo::net {
namespace {

// Below this, a copy costs less than a system call.
constexpr std::size_t kWorthAWrite = 8192;
// A buffer that grew beyond this is given back when it is empty.
constexpr std::size_t kKeptMax = 4096;
// So much that is out already may lie before what isn't.
constexpr std::size_t kOutMax = std::size_t{64} << 10;

}  // namespace

void shrink(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeptMax) buffer.shrink_to_fit();
}

bool Outlet::send(std::string_view bytes) {
  if (size() == 0 && stream_) {
    const Transfer transfer = stream_->write(bytes);
    if (transfer.status == Transfer::Status::kFailed) return false;
    bytes.remove_prefix(transfer.bytes);
  }
  kept_.append(bytes);
  return true;
}

void Outlet::pass(std::string_view bytes) {
  if (size() > 0 || bytes.size() < kWorthAWrite)
    kept_.append(bytes);
  else
    failed_ = !send(bytes) || failed_;
}

bool Outlet::flush() {
  if (failed_) return false;
  while (size() > 0) {
    const Transfer transfer = stream_->write(std::string_view(kept_).substr(begin_));
    if (transfer.status == Transfer::Status::kWouldBlock) return true;
    if (transfer.status != Transfer::Status::kDone) return false;
    begin_ += transfer.bytes;
    // One that never empties it would have all that ever went through kept.
    if (begin_ >= kOutMax) kept_.erase(0, std::exchange(begin_, 0));
  }
  clear();
  return true;
}

std::string Outlet::take() {
  kept_.erase(0, begin_);
  begin_ = 0;
  return std::exchange(kept_, {});
}

void Outlet::clear() {
  begin_ = 0;
  shrink(kept_);
}

}  // namespace galileo::net
