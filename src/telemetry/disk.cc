// Disks: bytes read and written, kB/s, from fields 3 and 7 (sectors of 512 bytes) of
// /sys/block/<dev>/stat.
#include "telemetry/devices.h"
#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

constexpr double kSectorBytes = 512;

struct Sectors {
  double read = 0;
  double written = 0;
};

std::optional<Sectors> parse_block_stat(std::string_view text) {
  Sectors sectors;
  for (int field = 1; field <= 7; ++field) {
    const auto number = to_number(take_word(text));
    if (!number) return std::nullopt;
    if (field == 3) sectors.read = *number;
    if (field == 7) sectors.written = *number;
  }
  return sectors;
}

struct DiskDevice {
  explicit DiskDevice(const std::string& path) : stat(path) {}
  KeptFile stat;
  DeviceRates rates{"rd", "wr"};
};

class Disk final : public Instrument {
 public:
  explicit Disk(const Machine& machine)
      : folder_(machine.sys + "/block"), listed_(machine.disk_devices) {}

  ReadOutcome read(Readings& readings) override {
    if (!scanned_ || readings.time() - scanned_at_ >= kRescan) scan(readings.time());
    if (devices_.empty()) return ReadOutcome::kNoData;
    for (auto device = devices_.begin(); device != devices_.end();) {
      const auto text = device->second.stat.read();
      const auto sectors = text ? parse_block_stat(*text) : std::nullopt;
      if (!sectors) {
        device = devices_.erase(device);
        continue;
      }
      device->second.rates.put(readings, sectors->read * kSectorBytes,
                               sectors->written * kSectorBytes, device->first);
      ++device;
    }
    return ReadOutcome::kRead;
  }

 private:
  void scan(Time now) {
    scanned_ = true;
    scanned_at_ = now;
    for (const std::string& name : list_folder(folder_)) {
      if (is_wanted(name, listed_, {"loop", "ram", "zram"}))
        devices_.try_emplace(name, folder_ + "/" + name + "/stat");
    }
  }

  const std::string folder_;
  const std::vector<std::string> listed_;
  std::map<std::string, DiskDevice> devices_;
  bool scanned_ = false;
  Time scanned_at_{};
};

}  // namespace

std::unique_ptr<Instrument> make_disk(const Machine& machine) {
  return std::make_unique<Disk>(machine);
}

}  // namespace galileo::telemetry
