// A file of weights that is read again whenever it changes, also when another takes its place
// (editors), or that of a link on the way to it (configuration maps). Lives on its loop.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "base/repeats.h"
#include "base/result.h"
#include "net/loop.h"

namespace galileo::gateway {

class WeightsFile final : private net::IoHandler {
 public:
  // `take` gets the file's text, at the start and after each change, and says whether it can be.
  WeightsFile(net::Loop& loop, std::string path,
              std::function<Result<void>(const std::string& text)> take);
  ~WeightsFile();
  WeightsFile(const WeightsFile&) = delete;
  WeightsFile& operator=(const WeightsFile&) = delete;

  // Reads it a first time and watches it from then on. Errors: it can't be read, taken or watched.
  Result<void> start();
  // Why what the file holds isn't what is in effect; empty: it is.
  const std::string& trouble() const { return trouble_; }

 private:
  void on_io(std::uint32_t events) override;
  using State = std::array<std::int64_t, 5>;
  State state() const;
  void look();
  void read_again();

  net::Loop& loop_;
  const std::string path_;
  const std::function<Result<void>(const std::string& text)> take_;
  net::Timer settled_;  // a file that is being written is read when the writer rests
  net::Timer look_;
  State seen_{};
  Time changed_{};
  std::string text_;     // in effect
  std::string refused_;  // the last one that couldn't be taken
  std::string trouble_;
  Telling told_;
  int fd_ = -1;
};

}  // namespace galileo::gateway
