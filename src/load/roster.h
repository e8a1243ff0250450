// Which clients there are, on which loop, and what the control thread knows of what they do. Plain
// bookkeeping; lives on the control thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace galileo::load {

class Roster {
 public:
  struct Entry {
    std::uint32_t number = 0;    // of all clients that were ever made
    std::size_t loop = 0;        // where it lives
    std::uint32_t workload = 0;  // Client::workload() once its loop has heard of all commands
    bool is_fed = false;         // its workload follows a stream
    std::uint64_t fed = 0;       // entries of the stream that were sent to the loop
    std::uint64_t taken = 0;     // of them, those that it has used, as far as it has told
  };

  void set_loops(std::size_t loops) { clients_on_.resize(loops); }

  // A client that isn't there yet, on the loop with the fewest.
  Entry& add(const std::string& id, std::uint32_t number) {
    const auto fewest = std::min_element(clients_on_.begin(), clients_on_.end());
    ++*fewest;
    ids_[number] = id;
    Entry& entry = entries_[id];
    entry.number = number;
    entry.loop = static_cast<std::size_t>(fewest - clients_on_.begin());
    return entry;
  }
  Entry* find(const std::string& id) {
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : &found->second;
  }
  // The id of that number; empty where there is none.
  std::string id_of(std::uint32_t number) const {
    const auto found = ids_.find(number);
    return found == ids_.end() ? std::string() : found->second;
  }
  void remove(const std::string& id) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    --clients_on_[found->second.loop];
    ids_.erase(found->second.number);
    entries_.erase(found);
  }
  // Every client was stopped at once.
  void all_stopped() {
    for (auto& [id, entry] : entries_) {
      ++entry.workload;
      entry.is_fed = false;
    }
  }
  std::size_t size() const { return entries_.size(); }

 private:
  std::unordered_map<std::string, Entry> entries_;
  std::unordered_map<std::uint32_t, std::string> ids_;  // by number
  std::vector<std::size_t> clients_on_;                 // each loop
};

}  // namespace galileo::load
