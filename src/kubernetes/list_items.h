// A list's bytes, in pieces of any size, as its items one by one: so that of a list of thousands
// only one is held. It knows of JSON what it takes to find where an item ends (texts, escapes,
// depth), and reads none: that is for who is told of it. Passive, no I/O; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace galileo::kubernetes {

// A longer item isn't told, but counted.
inline constexpr std::size_t kItemMax = std::size_t{4} << 20;

class ListItems {
 public:
  // Whole, as it stands there; valid during the call.
  using OnItem = std::function<void(std::string_view item)>;
  explicit ListItems(OnItem on_item) : on_item_(std::move(on_item)) {}

  // False: it is no list; nothing more is taken.
  bool feed(std::string_view bytes);
  // All of it has come.
  bool done() const { return phase_ == Phase::kDone; }
  // The list without its items, as JSON; once done().
  const std::string& rest() const { return rest_; }
  std::uint64_t skipped() const { return skipped_; }

 private:
  enum class Phase : unsigned char { kBefore, kInside, kDone, kFailed };

  void take(char c);
  void take_outside_text(char c);
  void keep(char c);
  void end_item();

  OnItem on_item_;
  Phase phase_ = Phase::kBefore;
  std::size_t depth_ = 0;
  bool in_text_ = false;
  bool escaped_ = false;
  bool at_key_ = false;    // at the first level, what comes is a key
  bool in_items_ = false;  // within the array
  std::string key_;        // the last one of the first level
  std::string rest_;
  std::string item_;
  bool too_long_ = false;  // the item under way
  std::uint64_t skipped_ = 0;
};

}  // namespace galileo::kubernetes
