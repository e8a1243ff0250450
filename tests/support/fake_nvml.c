// Stands for NVIDIA's management library where there is no such device: two devices, of which the
// second knows no power.
typedef void* Device;
struct Utilization {
  unsigned gpu, memory;
};
struct Memory {
  unsigned long long total, free, used;
};

// What handles point to; nobody looks there.
static char devices[2];

int nvmlInit_v2(void) {
  return 0;
}
int nvmlShutdown(void) {
  return 0;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device* device) {
  *device = devices + index;
  return 0;
}
int nvmlDeviceGetName(Device device, char* name, unsigned size) {
  const char* const text = device == devices ? "Tesla T4" : "H200";
  unsigned i = 0;
  for (; text[i] && i + 1 < size; ++i) name[i] = text[i];
  name[i] = 0;
  return 0;
}
int nvmlDeviceGetUtilizationRates(Device device, struct Utilization* to) {
  to->gpu = device == devices ? 37 : 0;
  to->memory = 12;
  return 0;
}
int nvmlDeviceGetMemoryInfo(Device device, struct Memory* to) {
  (void)device;
  to->total = 80ull << 30;
  to->used = 3ull << 30;
  to->free = to->total - to->used;
  return 0;
}
int nvmlDeviceGetPowerUsage(Device device, unsigned* milliwatts) {
  *milliwatts = 71500;
  return device == devices ? 0 : 3;
}
int nvmlDeviceGetTemperature(Device device, int sensor, unsigned* to) {
  (void)device;
  *to = sensor == 0 ? 41 : 0;
  return 0;
}
int nvmlDeviceGetClockInfo(Device device, int type, unsigned* mhz) {
  (void)device;
  *mhz = type == 0 ? 1980 : 1;
  return 0;
}
