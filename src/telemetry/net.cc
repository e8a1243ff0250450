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
      : folder_(machine.sys + "/class/net"), listed_(machine.net_devices) {}

  ReadOutcome read(Readings& readings) override {
    if (!scanned_ || readings.time() - scanned_at_ >= kRescan) scan(readings.time());
    if (devices_.empty()) return ReadOutcome::kNoData;
    for (auto device = devices_.begin(); device != devices_.end();) {
      const auto tx = counter(device->second.tx);
      const auto rx = counter(device->second.rx);
      if (!tx || !rx) {
        device = devices_.erase(device);  // it has gone
        continue;
      }
      device->second.rates.put(readings, *tx, *rx, device->first);
      ++device;
    }
    return ReadOutcome::kRead;
  }

 private:
  void scan(Time now) {
    scanned_ = true;
    scanned_at_ = now;
    for (const std::string& name : list_folder(folder_)) {
      // "lo" only as a whole name: a device may well be called lowpan0.
      if (listed_.empty() && name == "lo") continue;
      if (is_wanted(name, listed_, {})) devices_.try_emplace(name, folder_ + "/" + name);
    }
  }

  const std::string folder_;
  const std::vector<std::string> listed_;
  std::map<std::string, NetDevice> devices_;
  bool scanned_ = false;
  Time scanned_at_{};
};

}  // namespace

std::unique_ptr<Instrument> make_net(const Machine& machine) {
  return std::make_unique<Net>(machine);
}

}  // namespace galileo::telemetry
