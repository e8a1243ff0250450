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
      : devices_(machine.sys + "/block"), listed_(machine.disk_devices) {}

  ReadOutcome read(Readings& readings) override {
    devices_.follow(readings.time(), [&](const std::string& name, const std::string& path) {
      return is_wanted(name, listed_, {"loop"}) ? std::optional<DiskDevice>(path + "/stat")
                                                : std::nullopt;
    });
    if (devices_.empty()) return ReadOutcome::kNoData;
    devices_.each([&](const std::string& name, DiskDevice& device) {
      const auto text = device.stat.read();
      const auto sectors = text ? parse_block_stat(*text) : std::nullopt;
      if (!sectors) return false;
      device.rates.put(readings, sectors->read * kSectorBytes, sectors->written * kSectorBytes,
                       name);
      return true;
    });
    return ReadOutcome::kRead;
  }

 private:
  Devices<DiskDevice> devices_;
  const std::vector<std::string> listed_;
};

}  // namespace

std::unique_ptr<Instrument> make_disk(const Machine& machine) {
  return std::make_unique<Disk>(machine);
}

}  // namespace galileo::telemetry
