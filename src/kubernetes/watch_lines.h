// A watch's bytes, in pieces of any size, as its lines, and what a line says. Passive, no I/O.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace galileo::kubernetes {

// A longer line isn't told, but counted.
inline constexpr std::size_t kWatchLineMax = std::size_t{4} << 20;

class WatchLines {
 public:
  // `on_line` returns false to hear no more of what is being fed.
  using OnLine = std::function<bool(std::string_view line)>;

  void feed(std::string_view bytes, const OnLine& on_line);
  void clear();
  std::uint64_t skipped() const { return skipped_; }

 private:
  std::string line_;
  bool too_long_ = false;
  std::uint64_t skipped_ = 0;
};

// What a line of a watch says.
enum class WatchChange : unsigned char {
  kThere,     // an object is there, or has changed
  kGone,      // this was its last state
  kBookmark,  // nothing, but how far the server is
  kExpired,   // the history that was asked for is gone: all must be listed anew
  kTrouble,   // the server can't go on now
  kUnknown,   // no line of a watch
};
// `object` becomes what it is about: of trouble, the server's Status.
WatchChange read_watch_line(std::string_view line, nlohmann::json& object);

// Whether a Status, or an answer's status code, says that a history is gone (410 in all its forms).
bool is_expired(int status, const nlohmann::json& body);

}  // namespace galileo::kubernetes
