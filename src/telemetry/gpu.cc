// Graphics processors: of NVIDIA through its management library, which is loaded where it is there
// and else isn't missed; of a Jetson from the kernel's files. Names and units are the old
// daemon's, memory and temperature are ours. One number a device, from 0.
//   gpu_util         % of the time that it was busy
//   gpu_util_memory  % of the time that its memory was (not of a Jetson)
//   gpu_freq         MHz
//   gpu_power        milliwatts; of a Jetson power/<rail>, of what its sensors call so
//   gpu_memory       bytes in use                (not of a Jetson, which has no memory of its own)
//   gpu_temperature  degrees Celsius             (not of a Jetson)
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "telemetry/devices.h"
#include "telemetry/files.h"
#include "telemetry/instrument.h"
#include "telemetry/nvml.h"

namespace galileo::telemetry {
namespace {

std::optional<double> number_in(KeptFile& file) {
  std::string_view text = file.read().value_or("");
  return to_number(take_word(text));
}

// What its instruments have in common: the library, or else the kernel's files.
class Gpu : public Instrument {
 public:
  explicit Gpu(const Machine& machine) : library_(machine.nvml), listed_(machine.gpu_devices) {}

  bool may_block() const override { return true; }

  ReadOutcome read(Readings& readings) final {
    // Loaded at the first reading: a machine without it doesn't pay for it again.
    if (!looked_) {
      looked_ = true;
      nvml_ = Nvml::load(library_);
    }
    bool any = false;
    for (std::size_t i = 0; nvml_ && i < nvml_->devices(); ++i) {
      const std::string number = std::to_string(i);
      if (!is_wanted(number, listed_, {})) continue;
      readings.stamp();
      any = read_device(readings, *nvml_, i, number) || any;
    }
    if (any) return ReadOutcome::kRead;
    return is_wanted("0", listed_, {}) ? read_jetson(readings) : ReadOutcome::kNoData;
  }

 protected:
  // False: the device doesn't know.
  virtual bool read_device(Readings& readings, const Nvml& nvml, std::size_t device,
                           const std::string& number) = 0;
  virtual ReadOutcome read_jetson(Readings&) { return ReadOutcome::kNoData; }
  static bool put(Readings& readings, const char* metric, const std::string& number,
                  std::optional<double> value) {
    if (value) readings.put(metric, number, *value);
    return value.has_value();
  }

 private:
  const std::string library_;
  const std::vector<std::string> listed_;
  std::unique_ptr<Nvml> nvml_;
  bool looked_ = false;
};

class GpuUtil final : public Gpu {
 public:
  explicit GpuUtil(const Machine& machine)
      : Gpu(machine), load_(machine.sys + "/devices/gpu.0/load") {}

 private:
  bool read_device(Readings& readings, const Nvml& nvml, std::size_t device,
                   const std::string& number) override {
    const auto utilization = nvml.utilization(device);
    if (!utilization) return false;
    readings.put("gpu_util", number, utilization->gpu);
    readings.put("gpu_util_memory", number, utilization->memory);
    return true;
  }
  ReadOutcome read_jetson(Readings& readings) override {
    const auto text = load_.read();
    if (!text) return ReadOutcome::kNoData;
    std::string_view rest = *text;
    const auto tenths = to_number(take_word(rest));
    if (!tenths) return ReadOutcome::kFailed;
    readings.put("gpu_util", "0", *tenths / 10);
    return ReadOutcome::kRead;
  }

  KeptFile load_;
};

class GpuFreq final : public Gpu {
 public:
  explicit GpuFreq(const Machine& machine)
      : Gpu(machine), folder_(machine.sys + "/devices/gpu.0/devfreq") {}

 private:
  bool read_device(Readings& readings, const Nvml& nvml, std::size_t device,
                   const std::string& number) override {
    return put(readings, "gpu_freq", number, nvml.clock_rate(device));
  }
  // The one processor's folder is called as its chip: 17000000.gv11b.
  ReadOutcome read_jetson(Readings& readings) override {
    if (!frequency_) {
      const auto chips = list_folder(folder_);
      if (chips.empty()) return ReadOutcome::kNoData;
      frequency_ = std::make_unique<KeptFile>(folder_ + "/" + chips.front() + "/cur_freq");
    }
    const auto hertz = number_in(*frequency_);
    if (!hertz) return ReadOutcome::kNoData;
    readings.put("gpu_freq", "0", *hertz / 1e6);
    return ReadOutcome::kRead;
  }

  const std::string folder_;
  std::unique_ptr<KeptFile> frequency_;
};

class GpuPower final : public Gpu {
 public:
  explicit GpuPower(const Machine& machine)
      : Gpu(machine), jetson_(machine.sys + "/devices/gpu.0"), sys_(machine.sys) {}

 private:
  // A supply line that is measured: its power, or voltage and current (mV, mA).
  struct Rail {
    std::string name;
    std::vector<KeptFile> factors;
  };

  bool read_device(Readings& readings, const Nvml& nvml, std::size_t device,
                   const std::string& number) override {
    return put(readings, "gpu_power", number, nvml.power(device));
  }

  ReadOutcome read_jetson(Readings& readings) override {
    if (!scanned_) scan();
    bool any = false;
    for (Rail& rail : rails_) {
      readings.stamp();
      const auto first = number_in(rail.factors.front());
      const auto second = rail.factors.size() > 1 ? number_in(rail.factors[1]) : 1000.0;
      if (!first || !second) {
        readings.leave_out();
        continue;
      }
      readings.put("power", rail.name, *first * *second / 1000);
      any = true;
    }
    return any ? ReadOutcome::kRead : ReadOutcome::kNoData;
  }

  // Newer kernels have it under hwmon, a TX2's under iio; both call the sensor's chip INA3221, and
  // its three lines as the board does. Other machines' sensors are the instrument `power`'s.
  void scan() {
    scanned_ = true;
    if (list_folder(jetson_).empty()) return;
    const std::string hwmon = sys_ + "/class/hwmon";
    for (const std::string& entry : list_folder(hwmon)) {
      const std::string chip = fmt::format("{}/{}", hwmon, entry);
      if (text_of_file(chip + "/name") != "ina3221") continue;
      for (const char* number : {"1", "2", "3"})
        add(text_of_file(fmt::format("{}/in{}_label", chip, number)),
            {fmt::format("{}/in{}_input", chip, number),
             fmt::format("{}/curr{}_input", chip, number)});
    }
    const std::string driver = sys_ + "/bus/i2c/drivers/ina3221x";
    for (const std::string& address : list_folder(driver)) {
      const std::string device = fmt::format("{}/{}", driver, address);
      for (const std::string& entry : list_folder(device)) {
        const std::string chip = fmt::format("{}/{}", device, entry);
        if (!entry.starts_with("iio:device")) continue;
        for (const char* number : {"0", "1", "2"})
          add(text_of_file(fmt::format("{}/rail_name_{}", chip, number)),
              {fmt::format("{}/in_power{}_input", chip, number)});
      }
    }
  }
  void add(const std::string& name, const std::vector<std::string>& files) {
    if (name.empty()) return;
    Rail rail;
    rail.name = one_word(name);
    for (const std::string& file : files) rail.factors.emplace_back(file);
    rails_.push_back(std::move(rail));
  }

  const std::string jetson_;
  const std::string sys_;
  std::vector<Rail> rails_;
  bool scanned_ = false;
};

class GpuMemory final : public Gpu {
  using Gpu::Gpu;
  bool read_device(Readings& readings, const Nvml& nvml, std::size_t device,
                   const std::string& number) override {
    return put(readings, "gpu_memory", number, nvml.memory_used(device));
  }
};

class GpuTemperature final : public Gpu {
  using Gpu::Gpu;
  bool read_device(Readings& readings, const Nvml& nvml, std::size_t device,
                   const std::string& number) override {
    return put(readings, "gpu_temperature", number, nvml.temperature(device));
  }
};

}  // namespace

std::unique_ptr<Instrument> make_gpu_freq(const Machine& machine) {
  return std::make_unique<GpuFreq>(machine);
}
std::unique_ptr<Instrument> make_gpu_util(const Machine& machine) {
  return std::make_unique<GpuUtil>(machine);
}
std::unique_ptr<Instrument> make_gpu_power(const Machine& machine) {
  return std::make_unique<GpuPower>(machine);
}
std::unique_ptr<Instrument> make_gpu_memory(const Machine& machine) {
  return std::make_unique<GpuMemory>(machine);
}
std::unique_ptr<Instrument> make_gpu_temperature(const Machine& machine) {
  return std::make_unique<GpuTemperature>(machine);
}

}  // namespace galileo::telemetry
