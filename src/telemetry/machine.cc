#include "telemetry/machine.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "telemetry/containers.h"
#include "telemetry/devices.h"
#include "telemetry/files.h"
#include "telemetry/nvml.h"

namespace galileo::telemetry {
namespace {

// Go's names, as the old daemon wrote them.
std::string go_arch(std::string_view machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  if (machine.substr(0, 3) == "arm") return "arm";
  return std::string(machine);
}

std::string text_after(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.substr(0, key.size()) != key) continue;
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) return std::string(trim(line.substr(colon + 1)));
  }
  return {};
}

std::string joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, " "));
}

std::vector<std::string> wanted(const std::string& folder, const std::vector<std::string>& listed,
                                const std::vector<std::string>& left_out) {
  std::vector<std::string> names;
  for (const std::string& name : list_folder(folder)) {
    if (is_wanted(name, listed, left_out)) names.push_back(name);
  }
  return names;
}

// The device of the default route: the line of /proc/net/route whose destination is all zeros. In a
// container that is read of the host's first process, where its /proc is mounted.
std::string active_device(const std::string& proc) {
  for (const char* const of : {"/1", ""}) {
    KeptFile file(proc + of + "/net/route");
    std::string_view rest = file.read().value_or("");
    while (!rest.empty()) {
      std::string_view line = take_line(rest);
      const std::string_view device = take_word(line);
      if (take_word(line) == "00000000") return std::string(device);
    }
  }
  return {};
}

double netspeed(const Machine& machine) {
  const std::string device = active_device(machine.proc);
  if (device.empty()) return 0;
  KeptFile file(machine.sys + "/class/net/" + device + "/speed");
  std::string_view text = file.read().value_or("");
  return std::max(0.0, to_number(take_word(text)).value_or(0));
}

// "<n>-<name>" of each graphics processor.
std::vector<std::string> gpus(const Machine& machine) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& number, const std::string& name) {
    if (is_wanted(number, machine.gpu_devices, {})) names.push_back(number + "-" + name);
  };
  if (const auto nvml = Nvml::load(machine.nvml)) {
    for (std::size_t i = 0; i < nvml->devices(); ++i)
      add(std::to_string(i), nvml->name(i).value_or("NVIDIA"));
  } else if (!list_folder(machine.sys + "/devices/gpu.0").empty()) {
    // The device tree's texts end with a zero byte.
    const std::string model = text_of_file(machine.proc + "/device-tree/model");
    const std::string name(model.c_str());
    add("0", name.empty() ? "Jetson" : name);
  }
  return names;
}

// The control groups' controllers that are on: v2 lists them at its root, of v1 /proc/cgroups has a
// line each, whose last column says it.
std::vector<std::string> controllers(const Machine& machine, bool v2) {
  std::vector<std::string> names;
  const std::string text = v2 ? text_of_file(machine.sys + "/fs/cgroup/cgroup.controllers")
                              : text_of_file(machine.proc + "/cgroups");
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string_view line = take_line(rest);
    if (v2) {
      while (!line.empty()) {
        if (const std::string_view name = take_word(line); !name.empty()) names.emplace_back(name);
      }
      continue;
    }
    const std::string_view name = take_word(line);
    std::string_view last;
    while (!line.empty()) last = take_word(line);
    if (!name.starts_with('#') && last == "1") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// "v1", "v2"; empty: none can be read.
std::string cgroup_version(const Hierarchies& found) {
  if (found.v2) return "v2";
  return found.cpu.empty() && found.memory.empty() && found.blkio.empty() ? "" : "v1";
}

}  // namespace

double ticks_a_second() {
  return static_cast<double>(sysconf(_SC_CLK_TCK));
}
double page_bytes() {
  return static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::string hostname() {
  utsname name{};
  return uname(&name) == 0 ? name.nodename : "localhost";
}

std::vector<wire::NodeInfo> node_info(const Machine& machine) {
  utsname name{};
  uname(&name);
  KeptFile meminfo(machine.proc + "/meminfo");
  KeptFile stat(machine.proc + "/stat");
  KeptFile cpuinfo(machine.proc + "/cpuinfo");
  std::vector<wire::NodeInfo> info;
  const auto add = [&](const char* key, std::string value) {
    info.push_back({machine.node, key, std::move(value)});
  };
  const auto whole = [](double value) { return fmt::format("{:.0f}", value); };
  add("arch", go_arch(name.machine));
  add("cpus", whole(static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN))));
  add("ram", whole(find_number(meminfo.read().value_or(""), "MemTotal:").value_or(0)));
  add("boot", whole(find_number(stat.read().value_or(""), "btime").value_or(0)));
  add("disk", joined(wanted(machine.sys + "/block", machine.disk_devices, {"loop"})));
  std::vector<std::string> devices = wanted(machine.sys + "/class/net", machine.net_devices, {});
  if (machine.net_devices.empty()) std::erase(devices, "lo");
  add("net", joined(devices));
  add("hostname", name.nodename);
  add("netspeed", whole(netspeed(machine)));
  add("gpu", joined(gpus(machine)));
  add("kernel", name.release);
  add("cpu_model", text_after(cpuinfo.read().value_or(""), "model name"));
  add("page_size", whole(page_bytes()));
  const std::string cgroup = cgroup_version(find_hierarchies(machine.sys));
  add("cgroup", cgroup);
  add("cgroup_controllers", joined(controllers(machine, cgroup == "v2")));
  add("cgroup_root", machine.cgroup_root);
  return info;
}

}  // namespace galileo::telemetry
