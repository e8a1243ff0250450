// Sets of HTTP statuses, as a user writes them: "400-599", "404, 500-599", "none". The one place
// that says which answers count as failures where nobody says otherwise: those of 400 and above,
// as with k6 and vegeta. Values and pure functions; any thread.
#pragma once

#include <bitset>
#include <string>
#include <string_view>

#include "base/result.h"

namespace galileo::wire {

class StatusSet {
 public:
  StatusSet() = default;  // empty
  static StatusSet range(int first, int last);
  // Statuses are from 100 to 999.
  static Result<StatusSet> parse(std::string_view text);

  bool contains(int status) const {
    return status >= 0 && status <= kStatusMax && bits_[static_cast<std::size_t>(status)];
  }
  // All statuses but these.
  StatusSet others() const;
  std::string to_text() const;  // as parse() reads it

  bool operator==(const StatusSet&) const = default;

 private:
  static constexpr int kStatusMax = 999;
  std::bitset<kStatusMax + 1> bits_;
};

// 400 to 999.
const StatusSet& failing_by_default();

}  // namespace galileo::wire
