// The live table of `galileo telem follow`: the latest value of each topic, by node. Text in, text
// out; one thread.
#pragma once

#include <map>
#include <string>

#include "wire/sample.h"

namespace galileo::commands {

class TelemTable {
 public:
  static constexpr std::size_t kTopicsMax = 10'000;  // more aren't shown

  void put(const wire::Sample& sample);
  // Takes a screen of its own, without a cursor.
  static std::string begun();
  // The table, drawn over the one before: escape codes and lines no longer than the terminal.
  std::string drawn() const;
  // Gives the screen back, and shows the table once more, without anything left out.
  std::string ended() const;

 private:
  std::string lines(std::size_t columns, std::size_t rows) const;

  // Node, then metric and subsystem.
  std::map<std::string, std::map<std::string, wire::Sample>> values_;
  std::size_t topics_ = 0;
};

}  // namespace galileo::commands
