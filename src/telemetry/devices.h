// What instruments of devices share: devices that come and go, are renamed and moved, and counters
// of bytes that become rates between two readings. Lives on its instrument's thread.
#pragma once

#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {

// Two counters of bytes as kB/s over the time that really passed.
class DeviceRates {
 public:
  DeviceRates(std::string first_metric, std::string second_metric)
      : first_metric_(std::move(first_metric)), second_metric_(std::move(second_metric)) {}

  // Puts the rates since the last reading; nothing for the first one. What a counter that went back
  // has counted isn't known: it began again, or wrapped.
  void put(Readings& readings, double first_bytes, double second_bytes, const std::string& device) {
    const double passed_s = has_last_ ? to_seconds(readings.time() - at_) : 0;
    if (passed_s > 0) {
      put_one(readings, first_metric_, first_bytes - first_, passed_s, device);
      put_one(readings, second_metric_, second_bytes - second_, passed_s, device);
    }
    first_ = first_bytes;
    second_ = second_bytes;
    at_ = readings.time();
    has_last_ = true;
  }

 private:
  static void put_one(Readings& readings, const std::string& metric, double bytes, double passed_s,
                      const std::string& device) {
    if (bytes >= 0)
      readings.put(metric, device, bytes / 1000 / passed_s);
    else
      readings.leave_out();
  }

  std::string first_metric_;
  std::string second_metric_;
  double first_ = 0;
  double second_ = 0;
  Time at_{};
  bool has_last_ = false;
};

// The folder of devices is looked through this often; between, the known ones are read.
inline constexpr Duration kRescan = std::chrono::seconds{2};

// The devices in a folder of the kernel's, and what an instrument keeps of each. A name alone says
// little: it may be another device's by now.
template <class Kept>
class Devices {
 public:
  explicit Devices(std::string folder) : folder_(std::move(folder)) {}

  // Called before each reading. Those that are no longer what they were are forgotten, new ones
  // looked for now and then, and at once where one is missed: make(name, path) gives what is kept
  // of one, or nothing where it isn't wanted.
  template <class Make>
  void follow(Time now, const Make& make) {
    bool look = !looked_ || now - looked_at_ >= kRescan;
    for (auto one = all_.begin(); one != all_.end();) {
      const bool same = identity_of(path_of(one->first)) == one->second.identity;
      look = look || !same;
      one = same ? std::next(one) : all_.erase(one);
    }
    if (!look) return;
    looked_ = true;
    looked_at_ = now;
    for (const std::string& name : list_folder(folder_)) {
      if (all_.contains(name)) continue;
      const auto identity = identity_of(path_of(name));
      if (!identity) continue;
      if (std::optional<Kept> kept = make(name, path_of(name)))
        all_.emplace(name, Entry{*identity, std::move(*kept)});
    }
  }
  bool empty() const { return all_.empty(); }
  // Whether is(kept) holds for one of them.
  template <class Is>
  bool any(const Is& is) const {
    for (const auto& [name, entry] : all_) {
      if (is(entry.kept)) return true;
    }
    return false;
  }
  // Calls each(name, kept); where that is false the device has gone and is forgotten.
  template <class Each>
  void each(const Each& each_of) {
    for (auto one = all_.begin(); one != all_.end();)
      one = each_of(one->first, one->second.kept) ? std::next(one) : all_.erase(one);
  }

 private:
  struct Entry {
    Identity identity;
    Kept kept;
  };
  std::string path_of(const std::string& name) const { return folder_ + "/" + name; }

  const std::string folder_;
  std::map<std::string, Entry> all_;  // by name
  bool looked_ = false;
  Time looked_at_{};
};

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
