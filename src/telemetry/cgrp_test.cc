// The containers' instruments on recorded trees: docker, containerd (k3s), cri-o and docker under
// Kubernetes, cgroup v1 and v2, drivers cgroupfs and systemd, all classes of service; and
// containers that come and go.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "base/test_fixture.h"
#include "telemetry/containers.h"
#include "telemetry/instrument.h"

using namespace galileo;
using namespace galileo::telemetry;

namespace {

const std::string kDocker = "5d5fa1a8d0f34b5a1d1cbcb6a2a8ee4b8b7c4a0f7f0c6a7f6f6b9de8c7f3d9a1";
const std::string kBurstable = "0defd704ede87651b4ffebe39823df94abcc7d4d6a7390ffc57f06581ccc07e3";
const std::string kBestEffort = "1ad98dcb3d6f4a18e13b657c119b4f50f055090adf0d590a8d6f77b65f415cc0";
const std::string kGuaranteed = "9c1b7e2f4a6d8c0e3f5a7b9d1c2e4f6a8b0d2c4e6f8a1b3d5c7e9f0a2b4d6c8e";

struct Samples final : Sink<wire::Sample> {
  void put(const wire::Sample& sample) override {
    all[sample.metric + "/" + sample.subsystem] = sample.value;
  }
  std::map<std::string, double> all;
};

// All of the containers' instruments of one machine, read at times that the test says.
struct Reader {
  // What is on the old wire, or all that there is.
  explicit Reader(const std::string& root, bool all = false) {
    machine.node = "n";
    machine.proc = root + "/proc";
    machine.sys = root + "/sys";
    containers = std::make_unique<ContainerFinder>(machine);
    machine.containers = containers.get();
    for (const InstrumentRow& row : instrument_rows()) {
      if (row.name.find("_cgrp_") != std::string_view::npos && (all || row.by_default))
        instruments.push_back(row.make(machine));
    }
  }
  std::map<std::string, double> read() {
    at += std::chrono::seconds{1};
    Samples samples;
    Readings readings(samples, "n");
    readings.set_moment({Wall{at - Time{}}, at});
    for (const auto& instrument : instruments)
      CHECK(instrument->read(readings) != ReadOutcome::kFailed);
    return samples.all;
  }
  Machine machine;
  std::unique_ptr<ContainerFinder> containers;
  std::vector<std::unique_ptr<Instrument>> instruments;
  Time at{std::chrono::seconds{1000}};
};

std::map<std::string, double> read(const std::string& name) {
  return Reader(std::string(GALILEO_SOURCE_DIR) + "/tests/golden/" + name).read();
}

using Values = std::map<std::string, double>;

void add_net(Values& to, const std::string& topic, double rx, double tx, double lo = 0) {
  to[topic] = rx + tx + 2 * lo;
  to[topic + "/eth0"] = rx + tx;
  to[topic + "/eth0/rx"] = rx;
  to[topic + "/eth0/tx"] = tx;
  to[topic + "/lo"] = 2 * lo;
  to[topic + "/lo/rx"] = to[topic + "/lo/tx"] = lo;
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("Docker's containers, cgroup v1 by cgroupfs") {
  const std::string shown = kDocker.substr(0, 12);
  Values wanted{{"docker_cgrp_cpu/" + shown, 19622994},
                {"docker_cgrp_blkio/" + shown, 1052672},
                {"docker_cgrp_memory/" + kDocker, 200704}};
  add_net(wanted, "docker_cgrp_net/" + shown, 1233, 1770);
  CHECK(read("docker-v1") == wanted);
}

TEST_CASE("Docker's containers, cgroup v2 by systemd") {
  const std::string shown = kDocker.substr(0, 12);
  Values wanted{{"docker_cgrp_cpu/" + shown, 19622000},
                {"docker_cgrp_blkio/" + shown, 1052672 + 3},
                {"docker_cgrp_memory/" + shown, 200704}};
  add_net(wanted, "docker_cgrp_net/" + shown, 1233, 1770);
  CHECK(read("docker-v2") == wanted);
}

TEST_CASE("k3s' pods of each class of service, cgroup v1 by cgroupfs") {
  Values wanted{{"kubernetes_cgrp_cpu/" + kBurstable, 19622994},
                {"kubernetes_cgrp_cpu/" + kBestEffort, 13999839},
                {"kubernetes_cgrp_cpu/" + kGuaranteed, 5},
                {"kubernetes_cgrp_blkio/" + kBurstable, 0},
                {"kubernetes_cgrp_blkio/" + kBestEffort, 8192},
                {"kubernetes_cgrp_blkio/" + kGuaranteed, 0},
                {"kubernetes_cgrp_memory/" + kBurstable, 200704},
                {"kubernetes_cgrp_memory/" + kBestEffort, 217088},
                {"kubernetes_cgrp_memory/" + kGuaranteed, 4096}};
  add_net(wanted, "kubernetes_cgrp_net/" + kBurstable, 1233, 1770);
  add_net(wanted, "kubernetes_cgrp_net/" + kBestEffort, 10, 20, 5);
  add_net(wanted, "kubernetes_cgrp_net/" + kGuaranteed, 0, 0);
  CHECK(read("k3s-v1") == wanted);
}

TEST_CASE("k3s' pods of each class of service, cgroup v2 by systemd") {
  Values wanted{{"kubernetes_cgrp_cpu/" + kBurstable, 19622000},
                {"kubernetes_cgrp_cpu/" + kBestEffort, 13999000},
                {"kubernetes_cgrp_cpu/" + kGuaranteed, 5000000},
                {"kubernetes_cgrp_blkio/" + kBurstable, 4096 + 3},
                {"kubernetes_cgrp_blkio/" + kBestEffort, 0},
                {"kubernetes_cgrp_blkio/" + kGuaranteed, 0},
                {"kubernetes_cgrp_memory/" + kBurstable, 200704},
                {"kubernetes_cgrp_memory/" + kBestEffort, 217088},
                {"kubernetes_cgrp_memory/" + kGuaranteed, 4096},
                // The one that has a CPU limit.
                {"kubernetes_cgrp_nr_periods/" + kBurstable, 9},
                {"kubernetes_cgrp_nr_throttled/" + kBurstable, 2}};
  add_net(wanted, "kubernetes_cgrp_net/" + kBurstable, 1233, 1770);
  // Its processes are in a group below, as systemd in a container does it.
  add_net(wanted, "kubernetes_cgrp_net/" + kBestEffort, 10, 20, 5);
  add_net(wanted, "kubernetes_cgrp_net/" + kGuaranteed, 0, 0);
  CHECK(read("k3s-v2") == wanted);
}

TEST_CASE("what a container was held back by, where that is asked for") {
  const std::string golden = std::string(GALILEO_SOURCE_DIR) + "/tests/golden/";
  const Values v1 = Reader(golden + "docker-v1", true).read();
  const std::string docker = "/" + kDocker.substr(0, 12);
  CHECK(v1.at("docker_cgrp_nr_periods" + docker) == 12);
  CHECK(v1.at("docker_cgrp_nr_throttled" + docker) == 3);
  CHECK(v1.at("docker_cgrp_throttled" + docker) == 45e6);
  CHECK(v1.at("docker_cgrp_faults" + docker) == 823);
  CHECK(v1.at("docker_cgrp_major_faults" + docker) == 7);
  CHECK_FALSE(v1.contains("docker_cgrp_psi_cpu" + docker));
  const Values v2 = Reader(golden + "k3s-v2", true).read();
  CHECK(v2.at("kubernetes_cgrp_throttled/" + kBurstable) == 31e6);
  CHECK(v2.at("kubernetes_cgrp_faults/" + kBurstable) == 901);
  CHECK(v2.at("kubernetes_cgrp_major_faults/" + kBurstable) == 4);
  CHECK(v2.at("kubernetes_cgrp_psi_cpu/" + kBurstable) == 1500);
  CHECK(v2.at("kubernetes_cgrp_psi_memory/" + kBurstable) == 20);
  CHECK(v2.at("kubernetes_cgrp_psi_io/" + kBurstable) == 340);
  CHECK_FALSE(v2.contains("kubernetes_cgrp_psi_io/" + kGuaranteed));
}

TEST_CASE("cri-o's containers, but not their monitors") {
  const Values values = read("crio-v2");
  CHECK(values.at("kubernetes_cgrp_cpu/" + kBurstable) == 19622000);
  CHECK(values.size() == 3 + 7);
}

TEST_CASE("Docker under Kubernetes, and beside it") {
  const Values values = read("docker-kubernetes-v2");
  CHECK(values.at("kubernetes_cgrp_cpu/" + kBestEffort) == 13999000);
  CHECK(values.at("docker_cgrp_cpu/" + kDocker.substr(0, 12)) == 19622000);
  CHECK(values.size() == 2 * (3 + 7));
}

TEST_CASE("a machine without containers, or without control groups, has no values and no fault") {
  CHECK(read("raspberry-pi-4").empty());
  CHECK(read("no-such-machine").empty());
}

TEST_CASE("what is a container's name, and what only looks like one") {
  const std::string id = kDocker;
  for (const std::string& name :
       {id, "docker-" + id + ".scope", "cri-containerd-" + id + ".scope", "crio-" + id + ".scope",
        "kubepods-besteffort-pod1.slice:cri-containerd:" + id, "libpod-" + id + ".scope",
        "libpod-" + id, "nerdctl-" + id + ".scope"})
    CHECK(container_id(name) == id);
  for (const std::string& name :
       {std::string(), id + "0", id.substr(1), "crio-conmon-" + id + ".scope", id + ".scope",
        "docker-" + id, "docker-" + id.substr(1) + ".scope", "x" + id.substr(1),
        std::string("ssh.service"), ":" + id.substr(2), "libpod-conmon-" + id + ".scope"})
    CHECK(container_id(name).empty());
}

TEST_CASE("a container that appears is read the next time, one that goes isn't any more") {
  const TestFolder folder;
  const auto group = std::filesystem::path(folder.path()) / "sys/fs/cgroup";
  write_file(group / "cgroup.controllers", "cpu memory io\n");
  const auto pods = group / "kubepods.slice/kubepods-burstable.slice";
  std::filesystem::create_directories(pods);
  Reader reader(folder.path());
  CHECK(reader.read().empty());
  const auto pod = pods / "kubepods-burstable-pod1_2.slice";
  const auto container = pod / ("cri-containerd-" + kBurstable + ".scope");
  write_file(container / "cpu.stat", "usage_usec 7\n");
  CHECK(reader.read() == Values{{"kubernetes_cgrp_cpu/" + kBurstable, 7000}});
  // The pod's folder is watched from then on: a second container is seen too.
  const auto second = pod / ("cri-containerd-" + kGuaranteed + ".scope");
  write_file(second / "memory.current", "9\n");
  CHECK(reader.read() == Values{{"kubernetes_cgrp_cpu/" + kBurstable, 7000},
                                {"kubernetes_cgrp_memory/" + kGuaranteed, 9}});
  // A value that changes is read anew; a container that was removed and made again, too.
  write_file(second / "memory.current", "10\n");
  std::filesystem::remove_all(container);
  CHECK(reader.read() == Values{{"kubernetes_cgrp_memory/" + kGuaranteed, 10}});
  write_file(container / "cpu.stat", "usage_usec 1\n");
  CHECK(reader.read().at("kubernetes_cgrp_cpu/" + kBurstable) == 1000);
  std::filesystem::remove_all(group / "kubepods.slice");
  CHECK(reader.read().empty());
}

TEST_CASE("containers are found wherever their runtime has put them") {
  const std::string user = "user.slice/user-1000.slice/user@1000.service/";
  const std::vector<std::pair<std::string, bool>> places{
      // Docker: a parent of its own, in systemd's words and in cgroupfs's; and without root.
      {"jobs.slice/jobs-night.slice/docker-" + kDocker + ".scope", false},
      {"my/parent/" + kDocker, false},
      {user + "user.slice/docker-" + kDocker + ".scope", false},
      {user + "app.slice/docker.service/" + kDocker, false},
      // Podman: with and without root, in a pod, and under cgroupfs.
      {"machine.slice/libpod-" + kDocker + ".scope", false},
      {user + "user.slice/libpod-" + kDocker + ".scope", false},
      {user + "user.slice/user-libpod_pod_1f.slice/libpod-" + kDocker + ".scope", false},
      {"libpod_parent/libpod-" + kDocker, false},
      // containerd: nerdctl's, and pods under a runtime's own service or scope of systemd's.
      {"system.slice/nerdctl-" + kDocker + ".scope", false},
      {"system.slice/containerd.service/kubepods-burstable-pod1.slice:cri-containerd:" + kDocker,
       true},
      {"system.slice/cri-containerd-" + kDocker + ".scope", true},
      {"system.slice/k3s.service/kubepods/burstable/pod1/" + kDocker, true},
      {"runtime.slice/runtime-kubelet.slice/kubepods.slice/kubepods-pod1.slice/crio-" + kDocker +
           ".scope",
       true}};
  for (const auto& [place, of_kubernetes] : places) {
    CAPTURE(place);
    const TestFolder folder;
    const auto group = std::filesystem::path(folder.path()) / "sys/fs/cgroup";
    write_file(group / "cgroup.controllers", "cpu memory io\n");
    write_file(group / place / "cpu.stat", "usage_usec 7\n");
    write_file(group / "system.slice/ssh.service/cpu.stat", "usage_usec 8\n");
    CHECK(Reader(folder.path()).read() ==
          (of_kubernetes ? Values{{"kubernetes_cgrp_cpu/" + kDocker, 7000}}
                         : Values{{"docker_cgrp_cpu/" + kDocker.substr(0, 12), 7000}}));
  }
}

TEST_CASE("a container that is started again is read anew: its network is another one") {
  const TestFolder folder;
  const auto group = std::filesystem::path(folder.path()) / "sys/fs/cgroup";
  const auto container = group / "system.slice" / ("docker-" + kDocker + ".scope");
  const auto devices = [&](const char* pid, const char* rx) {
    write_file(std::filesystem::path(folder.path()) / "proc" / pid / "net/dev",
               std::string("a\nb\n eth0: ") + rx + " 0 0 0 0 0 0 0 5 0 0 0 0 0 0 0\n");
  };
  write_file(group / "cgroup.controllers", "cpu memory io\n");
  write_file(container / "cgroup.procs", "70\n");
  devices("70", "1000");
  Reader reader(folder.path());
  const auto rx = [&] {
    const Values values = reader.read();
    const auto found = values.find("docker_cgrp_net/" + kDocker.substr(0, 12) + "/eth0/rx");
    return found == values.end() ? -1 : found->second;
  };
  for (int i = 0; i < 3; ++i) rx();
  CHECK(rx() == 1000);
  // Between two readings it ends and is there again; what was open is the old one's.
  std::filesystem::rename(container, std::filesystem::path(folder.path()) / "gone");
  write_file(container / "cgroup.procs", "80\n");
  devices("80", "7");
  for (int i = 0; i < 3; ++i) rx();
  CHECK(rx() == 7);
}

TEST_CASE("pods of a kubelet with a root of its own are found below it, and only those") {
  const TestFolder folder;
  const auto group = std::filesystem::path(folder.path()) / "sys/fs/cgroup/cpuacct";
  write_file(group / "node-1/kubepods/burstable/pod1" / kBurstable / "cpuacct.usage", "7\n");
  write_file(group / "node-2/kubepods/pod2" / kGuaranteed / "cpuacct.usage", "8\n");
  write_file(group / "kubepods/pod3" / kBestEffort / "cpuacct.usage", "9\n");
  Machine machine;
  machine.sys = folder.file("sys");
  machine.cgroup_root = "/node-1/";
  Samples samples;
  Readings readings(samples, "n");
  CHECK(make_kubernetes_cgrp_cpu(machine)->read(readings) == ReadOutcome::kRead);
  CHECK(samples.all == Values{{"kubernetes_cgrp_cpu/" + kBurstable, 7}});
}

TEST_CASE("files of a container that hold other than they should are a fault of that one") {
  const TestFolder folder;
  const auto group = std::filesystem::path(folder.path()) / "sys/fs/cgroup";
  write_file(group / "cgroup.controllers", "cpu memory io\n");
  const auto pods = group / "kubepods";
  write_file(pods / "pod1" / kBurstable / "cpu.stat", "usage_usec 7\n");
  for (const char* text :
       {"", "usage_usec\n", "usage_usec x\n", "usage_usec 99999999999999999999x"}) {
    CAPTURE(text);
    write_file(pods / "pod2" / kGuaranteed / "cpu.stat", text);
    Machine machine;
    machine.sys = folder.file("sys");
    machine.proc = folder.file("proc");
    Samples samples;
    Readings readings(samples, "n");
    readings.set_moment({Wall{}, Time{}});
    CHECK(make_kubernetes_cgrp_cpu(machine)->read(readings) == ReadOutcome::kFailed);
    CHECK(samples.all == Values{{"kubernetes_cgrp_cpu/" + kBurstable, 7000}});
  }
}

TEST_CASE("more containers than there may be are left out, and counted") {
  const TestFolder folder;
  const auto pod = std::filesystem::path(folder.path()) / "sys/fs/cgroup/kubepods/pod1";
  write_file(std::filesystem::path(folder.path()) / "sys/fs/cgroup/cgroup.controllers", "");
  std::filesystem::create_directories(pod);
  for (int i = 0; i < 30; ++i) {
    std::string id = std::to_string(i);
    id.insert(0, 64 - id.size(), '0');
    std::filesystem::create_directory(pod / id);
  }
  Machine machine;
  machine.sys = folder.file("sys");
  machine.containers_max = 20;
  ContainerFinder finder(machine);
  finder.update(Time{std::chrono::seconds{1}});
  CHECK(finder.containers().size() == 20);
  CHECK(finder.left_out() == 10);
}
