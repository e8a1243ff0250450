// Any text as the kernel's files: the first byte chooses an instrument, the rest is what each of
// its files holds, at the second reading up to the first NUL only. No crash, and every value is a
// finite number.
#include <fcntl.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/check.h"
#include "telemetry/containers.h"
#include "telemetry/instrument.h"

using namespace galileo;
using namespace galileo::telemetry;

namespace {

const std::string kId = std::string(64, 'a');

// Every file that an instrument reads, below the root.
const char* const kFiles[] = {
    "proc/stat",
    "proc/cpuinfo",
    "proc/loadavg",
    "proc/meminfo",
    "proc/pressure/cpu",
    "proc/pressure/memory",
    "proc/pressure/io",
    "proc/7/stat",
    "proc/7/statm",
    "proc/7/io",
    "proc/7/task/7/children",
    "proc/7/net/dev",
    "sys/class/net/eth0/statistics/tx_bytes",
    "sys/class/net/eth0/statistics/rx_bytes",
    "sys/block/vda/stat",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
    "sys/fs/cgroup/cpuacct/docker/ID/cpuacct.usage",
    "sys/fs/cgroup/blkio/docker/ID/blkio.throttle.io_service_bytes",
    "sys/fs/cgroup/memory/docker/ID/memory.usage_in_bytes",
    "sys/fs/cgroup/cpuacct/kubepods/pod1/ID/cpuacct.usage",
};

class Tree {
 public:
  Tree() {
    char name[] = "/dev/shm/galileo-fuzz-XXXXXX";
    ENSURE(mkdtemp(name) != nullptr);
    root = name;
    for (const char* file : kFiles) {
      std::string path = root + "/" + file;
      if (const std::size_t id = path.find("/ID/"); id != std::string::npos)
        path.replace(id + 1, 2, kId);
      std::filesystem::create_directories(std::filesystem::path(path).parent_path());
      // One file with many names: it is written once a reading.
      if (files_ < 0) {
        first_ = path;
        files_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        ENSURE(files_ >= 0, path);
      } else {
        ENSURE(link(first_.c_str(), path.c_str()) == 0, path);
      }
    }
  }
  ~Tree() {
    close(files_);
    std::filesystem::remove_all(root);
  }
  void write_all(std::string_view text) const {
    ENSURE(ftruncate(files_, 0) == 0);
    ENSURE(pwrite(files_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }
  std::string root;

 private:
  std::string first_;
  int files_ = -1;
};

struct Finite final : Sink<wire::Sample> {
  void put(const wire::Sample& sample) override {
    ENSURE(std::isfinite(sample.value), sample.metric);
    ENSURE(!sample.metric.empty());
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Tree tree;
  if (size == 0) return 0;
  const auto& rows = instrument_rows();
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Machine machine;
  machine.node = "n";
  machine.proc = tree.root + "/proc";
  machine.sys = tree.root + "/sys";
  machine.processes = {{"app", 7}};
  // Kept for all inputs: to make one anew takes longer than all the rest.
  static ContainerFinder containers(machine);
  machine.containers = &containers;
  const auto instrument = rows[data[0] % rows.size()].make(machine);
  Finite sink;
  Readings readings(sink, "n");
  for (int i = 0; i < 2; ++i) {
    tree.write_all(i == 0 ? text : text.substr(0, text.find('\0')));
    readings.set_moment({Wall{std::chrono::seconds{i}}, Time{std::chrono::seconds{i}}});
    instrument->read(readings);
  }
  return 0;
}
