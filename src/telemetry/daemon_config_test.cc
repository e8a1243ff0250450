#include "telemetry/daemon_config.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "telemetry/instrument.h"

using namespace galileo;
using namespace galileo::telemetry;

namespace {

using Variables = std::map<std::string, std::string>;

Result<DaemonConfig> config_of(std::string_view ini, const Variables& variables,
                               std::vector<std::string>* warnings = nullptr) {
  const IniFile file = TRY(parse_ini(ini, "c.ini"));
  std::vector<std::string> said;
  auto config = daemon_config(
      file,
      [&](std::string_view name) -> std::optional<std::string> {
        const auto found = variables.find(std::string(name));
        return found == variables.end() ? std::nullopt : std::optional(found->second);
      },
      "host", said);
  if (warnings) *warnings = said;
  return config;
}

bool reads(const DaemonConfig& config, const std::string& instrument) {
  return std::find(config.instruments.begin(), config.instruments.end(), instrument) !=
         config.instruments.end();
}

}  // namespace

TEST_CASE("without a word it is the host, all instruments, the kernel's own files") {
  const auto config = config_of("", {});
  REQUIRE(config.ok());
  CHECK(config->node == "host");
  for (const InstrumentRow& row : instrument_rows())
    CHECK(reads(*config, std::string(row.name)) == row.by_default);
  CHECK(config->periods.empty());
  CHECK(config->proc_mount == "/proc");
  CHECK(config->sys_mount == "/sys");
  CHECK(config->redis_retry_backoff == std::chrono::seconds{5});
  CHECK(config->redis_host.empty());
  CHECK(config->cpu_max == 0.1);
  CHECK(config_of("telemd_cpu_max = 2.5 %", {})->cpu_max == 0.025);
}

TEST_CASE("the section goes over what is for all, the environment over both") {
  const char* ini =
      "telemd_redis_host = a\n telemd_net_devices = eth0   wlan0\ntelemd_period_cpu = 1s\n"
      "; a comment\n# another\n\n[pi-1]\ntelemd_redis_host = b\ntelemd_period_ram=250ms\n"
      "[pi-2]\ntelemd_redis_host = c\n[pi-1]\ntelemd_redis_port = '7000'\n";
  const auto one = config_of(ini, {{"telemd_nodename", "pi-1"}});
  REQUIRE(one.ok());
  CHECK(one->redis_host == "b");
  CHECK(one->redis_port == "7000");
  CHECK(one->net_devices == std::vector<std::string>{"eth0", "wlan0"});
  CHECK(one->periods == std::map<std::string, Duration>{{"cpu", std::chrono::seconds{1}},
                                                        {"ram", std::chrono::milliseconds{250}}});
  CHECK(config_of(ini, {{"telemd_nodename", "pi-3"}})->redis_host == "a");
  CHECK(config_of(ini, {{"telemd_nodename", "pi-2"}, {"telemd_redis_host", "d"}})->redis_host ==
        "d");
  // An empty variable is one not set; the name may stand in the file.
  CHECK(config_of(ini, {{"telemd_nodename", ""}, {"telemd_redis_host", ""}})->redis_host == "a");
  CHECK(config_of("telemd_nodename = x\n[x]\ntelemd_redis_host = y", {})->redis_host == "y");
}

TEST_CASE("processes and files to watch have names") {
  const auto config =
      config_of("telemd_processes = nginx redis-server\ntelemd_files = room:/run/a lab:/b:c", {});
  REQUIRE(config.ok());
  REQUIRE(config->processes.size() == 2);
  CHECK(config->processes[1].name == "redis-server");
  CHECK(config->processes[1].pid == 0);
  REQUIRE(config->files.size() == 2);
  CHECK(config->files[0].name == "room");
  CHECK(config->files[1].path == "/b:c");
}

TEST_CASE("pages and commands to watch have names") {
  const auto config = config_of(
      "telemd_scrape = app:http://127.0.0.1:9090/metrics db:http://db/m\n"
      "telemd_scrape_metrics = http_* up\n"
      "telemd_commands = room\ntelemd_command_room = cat /run/a | head -n 1",
      {});
  REQUIRE(config.ok());
  REQUIRE(config->pages.size() == 2);
  CHECK(config->pages[0].name == "app");
  CHECK(config->pages[1].url == "http://db/m");
  CHECK(config->page_metrics == std::vector<std::string>{"http_*", "up"});
  REQUIRE(config->commands.size() == 1);
  CHECK(config->commands[0].name == "room");
  CHECK(config->commands[0].command == "cat /run/a | head -n 1");
}

TEST_CASE("graphics processors are chosen by their numbers") {
  CHECK(config_of("", {})->gpu_devices.empty());
  CHECK(config_of("telemd_gpu_devices = 0  2\n", {})->gpu_devices ==
        std::vector<std::string>{"0", "2"});
  CHECK(config_of("telemd_gpu_devices = 0\n", {{"telemd_gpu_devices", "01"}})->gpu_devices ==
        std::vector<std::string>{"1"});
}

TEST_CASE("instruments are enabled and disabled, and disabling wins") {
  const auto config = config_of("telemd_instruments_enable = cpu ram net",
                                {{"telemd_instruments_disable", "net disk"}});
  REQUIRE(config.ok());
  CHECK(config->instruments == std::vector<std::string>{"cpu", "ram"});
  CHECK(reads(*config_of("telemd_instruments_enable = thermal", {}), "thermal"));
  const auto without = config_of("", {{"telemd_instruments_disable", "docker_cgrp_net"}});
  CHECK(reads(*without, "docker_cgrp_cpu"));
  CHECK_FALSE(reads(*without, "docker_cgrp_net"));
}

TEST_CASE("names that mean nothing are told, with what may have been meant") {
  std::vector<std::string> warnings;
  REQUIRE(config_of("telemd_nodname = x\n[a]\nsomething = 1\n", {}, &warnings).ok());
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0] ==
        "c.ini:1: 'telemd_nodname' means nothing here; did you mean 'telemd_nodename'?");
  CHECK(warnings[1].starts_with("c.ini:3: 'something' means nothing here"));
}

TEST_CASE("a file of something else is told of in few words") {
  std::string ini;
  for (int i = 0; i < 500; ++i) ini += "name" + std::to_string(i) + " = 1\n";
  std::vector<std::string> warnings;
  REQUIRE(config_of(ini, {}, &warnings).ok());
  REQUIRE(warnings.size() == 11);
  CHECK(warnings.back() == "c.ini: 490 more names mean nothing here; is it the right file?");
}

TEST_CASE("what can't be is an error that says where") {
  struct Case {
    const char* ini;
    Variables variables;
    const char* said;
  };
  const Case cases[] = {
      {"x\n", {}, "can't read the configuration, c.ini:1: 'x' is neither a value nor a section"},
      {"\n\n= 1", {}, "c.ini:3"},
      {"[a", {}, "a section's name has no end"},
      {"telemd_period_cpu = soon", {}, "the period of cpu can't be 'soon', c.ini:1"},
      {"telemd_period_cpu = 9ms", {}, "give 10ms or more"},
      {"", {{"telemd_period_psi_io", "1"}, {"telemd_period_cpu", "x"}}, "telemd_period_cpu"},
      {"", {{"telemd_instruments_enable", "cpu disc"}}, "did you mean 'disk'?"},
      {"telemd_files = room", {}, "write name:/path"},
      {"telemd_scrape = http://127.0.0.1/",
       {},
       "telemd_scrape can't hold the URL of 'http', c.ini:1"},
      {"telemd_scrape = a:ftp://x/", {}, "write name:http://host:port/metrics"},
      {"telemd_scrape = a:https://x/", {}, "telemd_scrape can't hold the URL of 'a'"},
      {"telemd_commands = room", {}, "telemd_command_room isn't set"},
      {"telemd_gpu_devices = 0 gpu1", {}, "telemd_gpu_devices can't hold 'gpu1', c.ini:1"},
      {"", {{"telemd_gpu_devices", "0,1"}}, "write their numbers, blanks between: 0 1"},
      {"", {{"telemd_cpu_max", "little"}}, "give percents, as 10%"},
      {"telemd_cpu_max = 0%", {}, "telemd_cpu_max can't be '0%', c.ini:1"},
      {"", {{"telemd_nodename", "a/b"}}, "a node can't be called 'a/b', telemd_nodename"},
  };
  for (const Case& one : cases) {
    const auto config = config_of(one.ini, one.variables);
    REQUIRE_FALSE(config.ok());
    CAPTURE(config.error().to_text());
    CHECK(config.error().code == ErrorCode::kUsage);
    CHECK(config.error().to_text().find(one.said) != std::string::npos);
  }
}
