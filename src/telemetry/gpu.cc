// Graphics processors: of NVIDIA through its management library, which is loaded where it is there
// and else isn't missed; of a Jetson from the kernel's files. One number a device, from 0.
//   gpu_util         % of the time that it was busy
//   gpu_memory       bytes in use                (not of a Jetson, which has no memory of its own)
//   gpu_power        watts                       (not of a Jetson)
//   gpu_temperature  degrees Celsius             (not of a Jetson)
//   gpu_freq         MHz
#include <dlfcn.h>

#include <memory>
#include <string>
#include <vector>

#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

// The library's interface, as its documentation has it: functions return 0 for done.
struct NvmlUtilization {
  unsigned gpu = 0;
  unsigned memory = 0;
};
struct NvmlMemory {
  unsigned long long total = 0;
  unsigned long long free = 0;
  unsigned long long used = 0;
};
using NvmlDevice = void*;
constexpr int kNvmlDone = 0;
constexpr int kNvmlTemperatureGpu = 0;
constexpr int kNvmlClockGraphics = 0;

class Nvml {
 public:
  // Null where there is no such library, or no device that it can speak to.
  static std::unique_ptr<Nvml> load(const std::string& library) {
    std::unique_ptr<Nvml> nvml(new Nvml(dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL)));
    return nvml->begin() ? std::move(nvml) : nullptr;
  }
  ~Nvml() {
    if (begun_ && shutdown_) shutdown_();
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  bool read(Readings& readings) {
    bool any = false;
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      const std::string number = std::to_string(i);
      // The value is asked for after the library has filled it in.
      const auto put = [&](const char* metric, int status, const auto& value_of) {
        if (status != kNvmlDone) return;
        readings.put(metric, number, value_of());
        any = true;
      };
      const NvmlDevice device = devices_[i];
      readings.stamp();
      NvmlUtilization utilization;
      if (utilization_)
        put("gpu_util", utilization_(device, &utilization), [&] { return utilization.gpu; });
      NvmlMemory memory;
      if (memory_)
        put("gpu_memory", memory_(device, &memory),
            [&] { return static_cast<double>(memory.used); });
      unsigned value = 0;
      if (power_) put("gpu_power", power_(device, &value), [&] { return value / 1000.0; });
      if (temperature_)
        put("gpu_temperature", temperature_(device, kNvmlTemperatureGpu, &value),
            [&] { return value; });
      if (clock_)
        put("gpu_freq", clock_(device, kNvmlClockGraphics, &value), [&] { return value; });
    }
    return any;
  }

 private:
  explicit Nvml(void* library) : library_(library, &dlclose) {}

  template <class Function>
  void find(Function*& function, const char* name) {
    function = reinterpret_cast<Function*>(dlsym(library_.get(), name));
  }

  bool begin() {
    if (!library_) return false;
    int (*init)() = nullptr;
    int (*count)(unsigned*) = nullptr;
    int (*handle)(unsigned, NvmlDevice*) = nullptr;
    find(init, "nvmlInit_v2");
    find(count, "nvmlDeviceGetCount_v2");
    find(handle, "nvmlDeviceGetHandleByIndex_v2");
    find(shutdown_, "nvmlShutdown");
    find(utilization_, "nvmlDeviceGetUtilizationRates");
    find(memory_, "nvmlDeviceGetMemoryInfo");
    find(power_, "nvmlDeviceGetPowerUsage");
    find(temperature_, "nvmlDeviceGetTemperature");
    find(clock_, "nvmlDeviceGetClockInfo");
    unsigned devices = 0;
    if (!init || !count || !handle || init() != kNvmlDone) return false;
    begun_ = true;
    if (count(&devices) != kNvmlDone) return false;
    for (unsigned i = 0; i < devices; ++i) {
      NvmlDevice device = nullptr;
      if (handle(i, &device) != kNvmlDone) device = nullptr;
      devices_.push_back(device);
    }
    return !devices_.empty();
  }

  std::unique_ptr<void, int (*)(void*)> library_;
  bool begun_ = false;
  std::vector<NvmlDevice> devices_;
  int (*shutdown_)() = nullptr;
  int (*utilization_)(NvmlDevice, NvmlUtilization*) = nullptr;
  int (*memory_)(NvmlDevice, NvmlMemory*) = nullptr;
  int (*power_)(NvmlDevice, unsigned*) = nullptr;
  int (*temperature_)(NvmlDevice, int, unsigned*) = nullptr;
  int (*clock_)(NvmlDevice, int, unsigned*) = nullptr;
};

class Gpu final : public Instrument {
 public:
  explicit Gpu(const Machine& machine)
      : library_(machine.nvml),
        load_(machine.sys + "/devices/gpu.0/load"),
        frequencies_(machine.sys + "/devices/gpu.0/devfreq") {}

  bool may_block() const override { return true; }

  ReadOutcome read(Readings& readings) override {
    // Loaded at the first reading: a machine without it doesn't pay for it again.
    if (!looked_) {
      looked_ = true;
      nvml_ = Nvml::load(library_);
    }
    if (nvml_ && nvml_->read(readings)) return ReadOutcome::kRead;
    return read_jetson(readings);
  }

 private:
  ReadOutcome read_jetson(Readings& readings) {
    const auto text = load_.read();
    if (!text) return ReadOutcome::kNoData;
    std::string_view rest = *text;
    const auto tenths = to_number(take_word(rest));
    if (!tenths) return ReadOutcome::kFailed;
    readings.put("gpu_util", "0", *tenths / 10);
    if (!frequency_) {
      const auto chips = list_folder(frequencies_);
      if (chips.empty()) return ReadOutcome::kRead;
      frequency_ = std::make_unique<KeptFile>(frequencies_ + "/" + chips.front() + "/cur_freq");
    }
    std::string_view hertz_text = frequency_->read().value_or("");
    if (const auto hertz = to_number(take_word(hertz_text)))
      readings.put("gpu_freq", "0", *hertz / 1e6);
    return ReadOutcome::kRead;
  }

  const std::string library_;
  std::unique_ptr<Nvml> nvml_;
  bool looked_ = false;
  KeptFile load_;
  const std::string frequencies_;
  std::unique_ptr<KeptFile> frequency_;
};

}  // namespace

std::unique_ptr<Instrument> make_gpu(const Machine& machine) {
  return std::make_unique<Gpu>(machine);
}

}  // namespace galileo::telemetry
