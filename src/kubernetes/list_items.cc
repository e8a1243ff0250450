#include "kubernetes/list_items.h"

namespace galileo::kubernetes {
namespace {

// Of all that isn't an item: a few hundred bytes.
constexpr std::size_t kRestMax = std::size_t{1} << 20;
// Where the items' array stands, and where an item does.
constexpr std::size_t kInArray = 2;
constexpr std::size_t kInItem = 3;

bool is_blank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

bool ListItems::feed(std::string_view bytes) {
  for (const char c : bytes) {
    if (phase_ == Phase::kFailed) return false;
    take(c);
  }
  return phase_ != Phase::kFailed;
}

void ListItems::take(char c) {
  if (phase_ == Phase::kBefore || phase_ == Phase::kDone) {
    if (is_blank(c)) return;
    phase_ = phase_ == Phase::kBefore && c == '{' ? Phase::kInside : Phase::kFailed;
    if (phase_ == Phase::kFailed) return;
    depth_ = 1;
    at_key_ = true;
    rest_ += c;
    return;
  }
  if (!in_text_) return take_outside_text(c);
  keep(c);
  if (escaped_) {
    escaped_ = false;
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '"') {
    in_text_ = false;
    return;
  }
  if (at_key_ && depth_ == 1) key_ += c;
}

void ListItems::take_outside_text(char c) {
  switch (c) {
    case '"':
      in_text_ = true;
      if (at_key_ && depth_ == 1) key_.clear();
      keep(c);
      return;
    case '{':
    case '[':
      ++depth_;
      if (depth_ == kInArray && !at_key_ && c == '[' && key_ == "items") {
        in_items_ = true;
        rest_ += c;
        return;
      }
      keep(c);
      return;
    case '}':
    case ']':
      keep(c);
      --depth_;
      if (in_items_ && depth_ == kInArray) return end_item();
      if (in_items_ && depth_ < kInArray) in_items_ = false;
      if (depth_ == 0) phase_ = Phase::kDone;
      return;
    case ',':
      if (depth_ == 1) at_key_ = true;
      keep(c);
      return;
    case ':':
      if (depth_ == 1) at_key_ = false;
      keep(c);
      return;
    default:
      keep(c);
  }
}

// Between items nothing is kept; the array's own end is the list's.
void ListItems::keep(char c) {
  if (!in_items_ || (depth_ == kInArray && c == ']')) {
    if (rest_.size() < kRestMax)
      rest_ += c;
    else
      phase_ = Phase::kFailed;
  } else if (depth_ >= kInItem) {
    if (item_.size() < kItemMax)
      item_ += c;
    else
      too_long_ = true;
  }
}

void ListItems::end_item() {
  if (too_long_)
    ++skipped_;
  else
    on_item_(item_);
  item_.clear();
  if (item_.capacity() > (std::size_t{1} << 16)) item_.shrink_to_fit();
  too_long_ = false;
}

}  // namespace galileo::kubernetes
