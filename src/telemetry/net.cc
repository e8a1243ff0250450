// Network devices: bytes sent and received, kB/s, from /sys/class/net/<dev>/statistics.
#include "telemetry/devices.h"
#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

struct NetDevice {
  explicit NetDevice(const std::string& folder)
      : tx(folder + "/statistics/tx_bytes"), rx(folder + "/statistics/rx_bytes") {}
  KeptFile tx;
  KeptFile rx;
  DeviceRates rates{"tx", "rx"};
};

std::optional<double> counter(KeptFile& file) {
  const auto text = file.read();
  std::string_view rest = text.value_or("");
  return to_number(take_word(rest));
}

class Net final : public Instrument {
 public:
  explicit Net(const Machine& machine)
      : devices_(machine.sys + "/class/net"), listed_(machine.net_devices) {}

  ReadOutcome read(Readings& readings) override {
    devices_.follow(readings.time(), [&](const std::string& name, const std::string& path) {
      // "lo" only as a whole name: a device may well be called lowpan0.
      const bool wanted = is_wanted(name, listed_, {}) && !(listed_.empty() && name == "lo");
      return wanted ? std::optional<NetDevice>(path) : std::nullopt;
    });
    if (devices_.empty()) return ReadOutcome::kNoData;
    devices_.each([&](const std::string& name, NetDevice& device) {
      const auto tx = counter(device.tx);
      const auto rx = counter(device.rx);
      if (!tx || !rx) return false;  // it has gone
      device.rates.put(readings, *tx, *rx, name);
      return true;
    });
    return ReadOutcome::kRead;
  }

 private:
  Devices<NetDevice> devices_;
  const std::vector<std::string> listed_;
};

}  // namespace

std::unique_ptr<Instrument> make_net(const Machine& machine) {
  return std::make_unique<Net>(machine);
}

}  // namespace galileo::telemetry
