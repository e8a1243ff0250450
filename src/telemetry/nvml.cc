#include "telemetry/nvml.h"

#include <dlfcn.h>

#include <array>

namespace galileo::telemetry {
namespace {

// The library's interface, as its documentation has it: functions return 0 for done.
struct Rates {
  unsigned gpu = 0;
  unsigned memory = 0;
};
struct Memory {
  unsigned long long total = 0;
  unsigned long long free = 0;
  unsigned long long used = 0;
};
using Device = void*;
constexpr int kDone = 0;
constexpr int kTemperatureGpu = 0;
constexpr int kClockGraphics = 0;

template <class Function>
void find(void* library, Function*& function, const char* name) {
  function = reinterpret_cast<Function*>(dlsym(library, name));
}

}  // namespace

// What an older library doesn't have is null.
struct Nvml::Functions {
  int (*shutdown)() = nullptr;
  int (*name)(Device, char*, unsigned) = nullptr;
  int (*utilization)(Device, Rates*) = nullptr;
  int (*memory)(Device, Memory*) = nullptr;
  int (*power)(Device, unsigned*) = nullptr;
  int (*temperature)(Device, int, unsigned*) = nullptr;
  int (*clock)(Device, int, unsigned*) = nullptr;
};

Nvml::Nvml(void* library)
    : library_(library, &dlclose), functions_(std::make_unique<Functions>()) {}

Nvml::~Nvml() {
  if (begun_ && functions_->shutdown) functions_->shutdown();
}

std::unique_ptr<Nvml> Nvml::load(const std::string& library) {
  std::unique_ptr<Nvml> nvml(new Nvml(dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL)));
  return nvml->begin() ? std::move(nvml) : nullptr;
}

bool Nvml::begin() {
  void* const library = library_.get();
  if (!library) return false;
  int (*init)() = nullptr;
  int (*count)(unsigned*) = nullptr;
  int (*handle)(unsigned, Device*) = nullptr;
  find(library, init, "nvmlInit_v2");
  find(library, count, "nvmlDeviceGetCount_v2");
  find(library, handle, "nvmlDeviceGetHandleByIndex_v2");
  find(library, functions_->shutdown, "nvmlShutdown");
  find(library, functions_->name, "nvmlDeviceGetName");
  find(library, functions_->utilization, "nvmlDeviceGetUtilizationRates");
  find(library, functions_->memory, "nvmlDeviceGetMemoryInfo");
  find(library, functions_->power, "nvmlDeviceGetPowerUsage");
  find(library, functions_->temperature, "nvmlDeviceGetTemperature");
  find(library, functions_->clock, "nvmlDeviceGetClockInfo");
  unsigned devices = 0;
  if (!init || !count || !handle || init() != kDone) return false;
  begun_ = true;
  if (count(&devices) != kDone) return false;
  for (unsigned i = 0; i < devices; ++i) {
    Device device = nullptr;
    if (handle(i, &device) != kDone) device = nullptr;
    devices_.push_back(device);
  }
  return !devices_.empty();
}

std::optional<std::string> Nvml::name(std::size_t device) const {
  std::array<char, 96> text{};
  if (!functions_->name ||
      functions_->name(devices_[device], text.data(), text.size() - 1) != kDone)
    return std::nullopt;
  return std::string(text.data());
}

std::optional<Nvml::Utilization> Nvml::utilization(std::size_t device) const {
  Rates rates;
  if (!functions_->utilization || functions_->utilization(devices_[device], &rates) != kDone)
    return std::nullopt;
  return Utilization{static_cast<double>(rates.gpu), static_cast<double>(rates.memory)};
}

std::optional<double> Nvml::memory_used(std::size_t device) const {
  Memory memory;
  if (!functions_->memory || functions_->memory(devices_[device], &memory) != kDone)
    return std::nullopt;
  return static_cast<double>(memory.used);
}

std::optional<double> Nvml::power(std::size_t device) const {
  unsigned value = 0;
  if (!functions_->power || functions_->power(devices_[device], &value) != kDone)
    return std::nullopt;
  return value;
}

std::optional<double> Nvml::temperature(std::size_t device) const {
  unsigned value = 0;
  if (!functions_->temperature ||
      functions_->temperature(devices_[device], kTemperatureGpu, &value) != kDone)
    return std::nullopt;
  return value;
}

std::optional<double> Nvml::clock_rate(std::size_t device) const {
  unsigned value = 0;
  if (!functions_->clock || functions_->clock(devices_[device], kClockGraphics, &value) != kDone)
    return std::nullopt;
  return value;
}

}  // namespace galileo::telemetry
