// A browser's recording (HTTP Archive 1.2): the JSON object of one entry as a request, and where
// the entries of a file are, found without reading all that the answers were. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wire/recorded_request.h"

namespace galileo::wire {

// {"startedDateTime": ..., "request": {...}, ...}. A body is the text that was sent, or built from
// its params: as a form, or as multipart with a boundary of ours.
RecordFault read_har_entry(std::string_view entry, RecordedRequest& into);

// Looks through the bytes of a file, one after the other, for {"log": {"entries": [ENTRY, ...]}}.
class HarEntries {
 public:
  enum class Found : std::uint8_t { kNothing, kBegin, kEnd };
  // Whether an entry begins with this byte, or ends with it.
  Found take(char c);
  // An entry has begun and hasn't ended.
  bool inside() const { return inside_; }
  // The list of entries was there.
  bool found_list() const { return found_list_; }

 private:
  Found take_plain(char c);
  void take_in_text(char c);

  static constexpr std::uint32_t kListDepth = 3;  // of what is in the list of entries
  std::uint32_t depth_ = 0;
  bool in_text_ = false;
  bool escaped_ = false;
  bool inside_ = false;
  bool found_list_ = false;
  bool in_list_ = false;
  std::string text_;  // the last one of depth 2, as far as it may be the key
  enum class Key : std::uint8_t { kNone, kSeen, kColon } key_ = Key::kNone;
};

}  // namespace galileo::wire
