// What the telemetry daemon is told, from its file and its environment (docs/how-to/telemetry.md,
// Configuration): values before any section of the file hold for all nodes, over them those of the
// section named as the node, over both the environment. Pure functions; any thread.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {

// Names and values of the file's sections; "" holds what stands before the first.
struct IniFile {
  struct Entry {
    std::string name;
    std::string value;
    int line = 0;
  };
  std::string path;  // for messages
  std::map<std::string, std::vector<Entry>> sections;
};

// "name = value" lines, "[section]" lines, comments after # or ;. An Error of kUsage says the line.
Result<IniFile> parse_ini(std::string_view text, const std::string& path);

struct DaemonConfig {
  std::string node;
  // Empty: not said.
  std::string redis_host;
  std::string redis_port;
  std::string redis_url;  // over host and port
  std::string redis_password;
  Duration redis_retry_backoff = std::chrono::seconds{5};
  double cpu_max = 0.1;  // share of one core that the daemon may take
  std::string proc_mount = "/proc";
  std::string sys_mount = "/sys";
  std::string cgroup_root;
  std::vector<std::string> net_devices;   // empty: all but lo
  std::vector<std::string> disk_devices;  // empty: all but loop*
  std::vector<std::string> gpu_devices;   // numbers; empty: all
  std::vector<Watched> processes;         // by name
  std::vector<WatchedFile> files;
  std::vector<WatchedPage> pages;
  std::vector<std::string> page_metrics;  // patterns; empty: all
  std::vector<WatchedCommand> commands;
  std::vector<std::string> instruments;  // what is enabled and not disabled, in the table's order
  std::map<std::string, Duration> periods;  // of those that don't have their own
};

// The value of a variable of the environment; nothing where it isn't set.
using GetVariable = std::function<std::optional<std::string>(std::string_view name)>;

// An Error of kUsage names the variable, or file and line. `warnings`: names in the file that mean
// nothing, one line each.
Result<DaemonConfig> daemon_config(const IniFile& file, const GetVariable& get,
                                   const std::string& hostname, std::vector<std::string>& warnings);

}  // namespace galileo::telemetry
