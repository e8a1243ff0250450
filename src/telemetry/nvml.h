// NVIDIA's management library, loaded where it is there: what it says of each graphics processor.
// One number a device, from 0. What a device doesn't know is nothing. Lives on one thread; several
// may be there at once.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace galileo::telemetry {

class Nvml {
 public:
  // Null where there is no such library, or no device that it can speak to.
  static std::unique_ptr<Nvml> load(const std::string& library);
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  // Shares of the time, %: in which it worked, and in which its memory was read or written.
  struct Utilization {
    double gpu = 0;
    double memory = 0;
  };

  std::size_t devices() const { return devices_.size(); }
  std::optional<std::string> name(std::size_t device) const;
  std::optional<Utilization> utilization(std::size_t device) const;
  std::optional<double> memory_used(std::size_t device) const;  // bytes
  std::optional<double> power(std::size_t device) const;        // milliwatts
  std::optional<double> temperature(std::size_t device) const;  // degrees Celsius
  std::optional<double> clock_rate(std::size_t device) const;   // MHz

 private:
  struct Functions;
  explicit Nvml(void* library);
  bool begin();

  std::unique_ptr<void, int (*)(void*)> library_;
  std::unique_ptr<Functions> functions_;
  bool begun_ = false;
  std::vector<void*> devices_;
};

}  // namespace galileo::telemetry
