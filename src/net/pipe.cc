#include "net/pipe.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace galileo::net {
namespace {

class PipeStream final : public Stream {
 public:
  explicit PipeStream(PipeEnd& end) : end_(end) {}
  ~PipeStream() override { end_.handler = nullptr; }

  Transfer read(char* buffer, std::size_t size) override {
    if (end_.reset) return {0, Transfer::Status::kFailed, ECONNRESET};
    if (end_.to_read.empty())
      return {0, end_.peer_closed ? Transfer::Status::kEnd : Transfer::Status::kWouldBlock, 0};
    const std::size_t count = std::min(size, end_.to_read.size());
    std::memcpy(buffer, end_.to_read.data(), count);
    end_.to_read.erase(0, count);
    return {count, Transfer::Status::kDone, 0, end_.lay};
  }

  Transfer write(std::string_view bytes) override {
    if (end_.reset || end_.peer_closed) return {0, Transfer::Status::kFailed, EPIPE};
    const std::size_t room = end_.write_limit - std::min(end_.write_limit, end_.written.size());
    const std::size_t count = std::min(room, bytes.size());
    if (count == 0) return {0, Transfer::Status::kWouldBlock, 0};
    end_.written += bytes.substr(0, count);
    return {count, Transfer::Status::kDone, 0};
  }

  int connect_error() override { return end_.connect_error; }
  void abort() override { end_.reset = true; }

 private:
  PipeEnd& end_;
};

}  // namespace

std::unique_ptr<Stream> PipeConnector::connect(const Address& address, StreamHandler& handler,
                                               int& error_number) {
  if (refuse_at_once != 0) {
    error_number = refuse_at_once;
    return nullptr;
  }
  auto end = std::make_unique<PipeEnd>();
  end->address = address;
  end->handler = &handler;
  ends_.push_back(std::move(end));
  return std::make_unique<PipeStream>(*ends_.back());
}

}  // namespace galileo::net
