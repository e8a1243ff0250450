// The bytes between us and a Redis server (RESP 2): commands to bytes, bytes to replies. No socket,
// no clock, no thread; hiredis reads, and is included in this room's redis_protocol.cc only.
//
// A reply is kept flat: its parts in the order in which they came, an array's elements after it, so
// that one buffer of parts and one of texts serve all replies of a connection and a message costs
// no allocation. Values; one owner.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::bus {

enum class ReplyKind : std::uint8_t { kText, kStatus, kError, kInteger, kNothing, kArray };

// Part 0 is the reply itself; of an array of texts, part i is element i - 1.
class Reply {
 public:
  std::size_t parts() const { return parts_.size(); }
  ReplyKind kind(std::size_t part = 0) const { return parts_[part].kind; }
  // The value of a kInteger, the number of a kArray's elements.
  std::int64_t integer(std::size_t part = 0) const { return parts_[part].integer; }
  // The text of kText, kStatus and kError, else empty. Valid until the next reply is read.
  std::string_view text(std::size_t part = 0) const {
    return std::string_view(texts_).substr(parts_[part].begin, parts_[part].size);
  }
  // The part after the last one of that part's elements.
  std::size_t after(std::size_t part) const;

 private:
  friend class ReplyReader;
  struct Part {
    ReplyKind kind = ReplyKind::kNothing;
    std::int64_t integer = 0;
    std::size_t begin = 0;
    std::size_t size = 0;
  };
  std::vector<Part> parts_;
  std::string texts_;
};

// What a server may make us keep: a reply beyond that is an error.
struct ReplyLimits {
  std::size_t bytes_max = std::size_t{128} << 20;
  std::size_t parts_max = std::size_t{4} << 20;
};

class ReplyReader {
 public:
  explicit ReplyReader(const ReplyLimits& limits = {});
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  // The next reply, valid until the next call; null where `bytes` end before it does. Takes from
  // `bytes` what it has read. An Error (kCorrupt; why only) where they are no Redis server's or too
  // many; then the connection is of no use any more.
  Result<const Reply*> next(std::string_view& bytes);

 private:
  struct Hiredis;
  const ReplyLimits limits_;
  Reply reply_;
  bool complete_ = false;  // reply_ was given out
  bool too_large_ = false;
  std::unique_ptr<Hiredis> hiredis_;
};

// Adds a command's bytes: begin_command() with the number of its words, then each of them.
void begin_command(std::string& to, std::size_t words);
void add_word(std::string& to, std::string_view word);
void add_command(std::string& to, std::initializer_list<std::string_view> words);

// What an error reply ("WRONGTYPE Operation against a key...") means for whoever asked: its kind
// and what to do about it. `what` and `where` are the caller's.
Error error_of_reply(std::string what, std::string where, std::string_view reply);

}  // namespace galileo::bus
