#include "load/request_list.h"

#include <algorithm>
#include <cstring>
#include <functional>

namespace galileo::load {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;
constexpr std::size_t kSlotsFirst = 1024;

std::size_t hash_of(std::string_view text) {
  return std::hash<std::string_view>{}(text);
}

}  // namespace

// What is larger than half a block has one of its own, and the open one stays open.
char* TextTable::room_for(std::size_t size) {
  if (size > kBlock / 2) {
    bytes_ += size;
    return large_.emplace_back(std::make_unique<char[]>(size)).get();
  }
  if (size > left_) {
    bytes_ += kBlock;
    blocks_.push_back(std::make_unique<char[]>(kBlock));
    left_ = kBlock;
  }
  if (blocks_.empty()) return nullptr;  // nothing needs no room
  char* const room = blocks_.back().get() + (kBlock - left_);
  left_ -= size;
  return room;
}

void TextTable::grow() {
  slots_.assign(std::max(kSlotsFirst, slots_.size() * 2), 0);
  for (std::uint32_t number = 1; number < texts_.size(); ++number) {
    std::size_t slot = hash_of(texts_[number]) & (slots_.size() - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = number;
  }
}

std::uint32_t TextTable::add(std::string_view text) {
  if (texts_.size() * 2 >= slots_.size()) grow();
  std::size_t slot = hash_of(text) & (slots_.size() - 1);
  for (; slots_[slot] != 0; slot = (slot + 1) & (slots_.size() - 1)) {
    if (texts_[slots_[slot]] == text) return slots_[slot];
  }
  char* const room = room_for(text.size());
  if (!text.empty()) std::memcpy(room, text.data(), text.size());
  texts_.emplace_back(room, text.size());
  return slots_[slot] = static_cast<std::uint32_t>(texts_.size() - 1);
}

void TextTable::close() {
  slots_ = {};
  texts_.shrink_to_fit();
}

void RequestList::add(Duration at, std::string_view method, std::string_view target,
                      const wire::http1::Headers& headers, const std::string* body) {
  Entry entry;
  entry.at = at;
  entry.method = texts_.add(method);
  entry.target = texts_.add(target);
  scratch_.clear();
  for (const auto& [name, value] : headers) (((scratch_ += name) += '\n') += value) += '\n';
  if (!scratch_.empty()) entry.headers = texts_.add(scratch_);
  if (body) entry.body = texts_.add(*body);
  entries_.push_back(entry);
}

std::size_t RequestList::bytes() const {
  return texts_.bytes() + entries_.capacity() * sizeof(Entry);
}

}  // namespace galileo::load
