// What keeps a process from the CPU, of files as kernels write them.
#include "telemetry/hindrances.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace galileo;
using namespace galileo::telemetry;

namespace {

struct Files {
  Files() {
    root = std::filesystem::temp_directory_path() / ("hindrances-" + std::to_string(getpid()));
    std::filesystem::remove_all(root);
    machine.proc = root / "proc";
    machine.sys = root / "sys";
    write("proc/stat", "cpu  100 0 100 700 0 0 0 100 0 0\ncpu0 1 1 1 1\n");
  }
  ~Files() { std::filesystem::remove_all(root); }
  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((root / path).parent_path());
    std::ofstream(root / path) << text;
  }
  std::filesystem::path root;
  telemetry::Machine machine;
};

}  // namespace

TEST_CASE("a quota is found in the group or in one around it, whatever the version") {
  Files files;
  CHECK(read_hindrances(files.machine).throttled_periods == 0);
  files.write("proc/self/cgroup", "0::/outer/inner\n");
  files.write("sys/fs/cgroup/outer/cpu.stat",
              "usage_usec 5\nnr_periods 9\nnr_throttled 7\nthrottled_usec 250000\n");
  files.write("sys/fs/cgroup/outer/inner/cpu.stat", "usage_usec 5\n");
  Hindrances found = read_hindrances(files.machine);
  CHECK(found.throttled_periods == 7);
  CHECK(found.throttled == std::chrono::milliseconds{250});
  files.write("sys/fs/cgroup/cpu.stat", "nr_periods 9\nnr_throttled 8\nthrottled_usec 300000\n");
  files.write("proc/self/cgroup", "0::/\n");
  CHECK(read_hindrances(files.machine).throttled_periods == 8);
  files.write("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/a\n0::/b\n");
  files.write("sys/fs/cgroup/cpu,cpuacct/a/cpu.stat",
              "nr_periods 3\nnr_throttled 2\nthrottled_time 1000000\n");
  found = read_hindrances(files.machine);
  CHECK(found.throttled_periods == 2);
  CHECK(found.throttled == std::chrono::milliseconds{1});
}

TEST_CASE("what a hypervisor took is a share of the machine's time between two readings") {
  Files files;
  const Hindrances before = read_hindrances(files.machine);
  files.write("proc/stat", "cpu  110 0 110 760 0 0 0 120 0 0\n");
  const Hindrances found = read_hindrances(files.machine).since(before);
  CHECK(found.steal_share() == doctest::Approx(0.2));
  CHECK(Hindrances{}.steal_share() == 0);
  files.write("proc/stat", "cpu  1 2 3 4\n");
  CHECK(read_hindrances(files.machine).since(before).steal_share() == 0);
}
