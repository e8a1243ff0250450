// What a client app's process and we say to each other, as bytes (docs/wire/apps.md): frames of a
// length (four bytes, the lowest first), a kind (one byte) and so many bytes. Passive: bytes come
// in pieces of any size. Lives where its reader lives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::apps {

enum class FrameKind : char {
  kLoaded = 'L',   // generator.py has run; the bytes are the mark of what is put in (AppRequest)
  kRequest = 'R',  // a request, as parts
  kOver = 'O',     // there are no more
  kFailed = 'E',   // JSON: what went wrong, and the traceback
};

struct AppFrame {
  FrameKind kind{};
  std::string_view bytes;  // valid until the next call of the reader
};

inline constexpr std::size_t kFrameMax = std::size_t{256} << 20;

class FrameReader {
 public:
  void take(std::string_view bytes);
  // The next whole frame, if there is one. kCorrupt: a kind that isn't known, or a length beyond
  // kFrameMax; nothing can be read after it.
  Result<std::optional<AppFrame>> next();
  // It ends within a frame.
  bool is_cut() const { return at_ < bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
};

// A request as next_request() gave it: `json` is an object with method, path and kwargs, in which a
// text stands for each of `blobs` (bytes that no JSON can carry): the mark, and its number.
struct AppRequest {
  std::string json;
  std::vector<std::string> blobs;
};

// Of a frame's bytes: how many parts, then the length of each and its bytes. An Error (kCorrupt)
// for anything else.
Result<AppRequest> parse_app_request(std::string_view bytes);

// Puts the blobs in the place of their texts in a request's body. An Error where one of them isn't
// there once: bytes were given where only text can be.
Result<void> put_blobs(std::string& body, std::string_view mark, const AppRequest& request);

// `count` more requests are wanted: what we say.
std::string encode_wish(std::uint32_t count);

// Output that nobody waits for: the first and the last 32 KiB, and how much there was between.
class KeptOutput {
 public:
  static constexpr std::size_t kKept = std::size_t{32} << 10;
  void take(std::string_view bytes);
  std::string text() const;
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::string first_;
  std::string last_;
  std::uint64_t bytes_ = 0;
};

}  // namespace galileo::apps
