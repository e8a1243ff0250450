// Our end of the line to one client's process: what it said so far, what was asked of it, and
// whether it keeps up. A socket and bytes; nothing waits. Lives at its host's desk.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/frames.h"
#include "base/time.h"
#include "net/loop.h"

namespace galileo::apps {

// What has come of a client.
struct AppNews {
  std::vector<AppRequest> requests;
  std::string_view mark;         // of put_blobs(); valid as long as the client is there
  bool is_over = false;          // there will be no more requests
  std::optional<Error> trouble;  // why, where that isn't the generator's own end
};
// At the desk; not for long, and no call of the host may be made from it.
using OnAppNews = std::function<void(AppNews&& news)>;

class AppLine final : private net::IoHandler {
 public:
  // Owns `fd`, a connected stream socket that doesn't block.
  AppLine(net::Loop& loop, int fd, Time now);
  ~AppLine();
  AppLine(const AppLine&) = delete;
  AppLine& operator=(const AppLine&) = delete;

  // From now on it hears; what has come before, too.
  void take_listener(OnAppNews listener);
  bool has_listener() const { return static_cast<bool>(listener_); }

  // So many requests more are wanted.
  void want(std::uint32_t count, Time now);
  // Takes what has come, be it that nobody was told of it.
  void hear();
  // It is over for want of its process, or by what it did: `trouble` is told, once.
  void fail(Error trouble);

  bool is_loaded() const { return !mark_.empty(); }
  bool is_over() const { return over_; }
  // Its process has closed its end, and nobody knows why yet.
  bool is_closed() const { return closed_; }
  // Since when it owes something: that it is loaded, or a request. kNever: it owes nothing.
  Time owes_since() const;
  // What it said of itself when it failed, or why it was failed.
  const std::optional<Error>& trouble() const { return trouble_; }

 private:
  void on_io(std::uint32_t events) override;
  void read_frames(AppNews& news);
  void read_failure(std::string_view json);
  void send_wish();
  void tell(AppNews&& news);

  net::Loop& loop_;
  const int fd_;
  FrameReader frames_;
  OnAppNews listener_;
  std::vector<AppRequest> untold_;  // until there is a listener
  std::string mark_;
  std::uint64_t owed_ = 0;    // requests that were asked for, and haven't come
  std::uint32_t unsaid_ = 0;  // of them, those that it hasn't been told of
  Time progress_;             // when it said something last, or was asked after it owed nothing
  bool over_ = false;
  bool closed_ = false;
  std::optional<Error> trouble_;
};

}  // namespace galileo::apps
