// What network and disk instruments share: devices that come and go, each with two counters of
// bytes that become rates between two readings. Lives on its instrument's thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "telemetry/instrument.h"

namespace galileo::telemetry {

// Two counters of bytes as kB/s over the time that really passed.
class DeviceRates {
 public:
  DeviceRates(std::string first_metric, std::string second_metric)
      : first_metric_(std::move(first_metric)), second_metric_(std::move(second_metric)) {}

  // Puts the rates since the last reading; nothing for the first one, or after a counter went back.
  void put(Readings& readings, double first_bytes, double second_bytes, const std::string& device) {
    const double passed_s = has_last_ ? to_seconds(readings.time() - at_) : 0;
    if (passed_s > 0) {
      if (first_bytes >= first_)
        readings.put(first_metric_, device, (first_bytes - first_) / 1000 / passed_s);
      if (second_bytes >= second_)
        readings.put(second_metric_, device, (second_bytes - second_) / 1000 / passed_s);
    }
    first_ = first_bytes;
    second_ = second_bytes;
    at_ = readings.time();
    has_last_ = true;
  }

 private:
  std::string first_metric_;
  std::string second_metric_;
  double first_ = 0;
  double second_ = 0;
  Time at_{};
  bool has_last_ = false;
};

// The folder of devices is looked through this often; between, the known ones are read.
inline constexpr Duration kRescan = std::chrono::seconds{2};

// True where `name` is wanted: listed, or none is listed and no prefix in `left_out` fits.
inline bool is_wanted(const std::string& name, const std::vector<std::string>& listed,
                      const std::vector<std::string>& left_out) {
  for (const std::string& one : listed) {
    if (one == name) return true;
  }
  if (!listed.empty()) return false;
  for (const std::string& prefix : left_out) {
    if (name.rfind(prefix, 0) == 0) return false;
  }
  return true;
}

}  // namespace galileo::telemetry
