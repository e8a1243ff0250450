#include "telemetry/daemon_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "telemetry/files.h"
#include "telemetry/instrument.h"
#include "wire/csv.h"
#include "wire/uri.h"

namespace galileo::telemetry {
namespace {

constexpr Duration kPeriodLeast = std::chrono::milliseconds{10};
constexpr std::string_view kPeriod = "telemd_period_";
constexpr std::size_t kUnknownMax = 10;  // are told one by one
constexpr std::string_view kCommand = "telemd_command_";

// What may be said, periods apart.
constexpr std::string_view kNames[] = {
    "telemd_nodename",
    "telemd_redis_host",
    "telemd_redis_port",
    "telemd_redis_url",
    "telemd_redis_password",
    "telemd_redis_retry_backoff",
    "telemd_net_devices",
    "telemd_disk_devices",
    "telemd_gpu_devices",
    "telemd_instruments_enable",
    "telemd_instruments_disable",
    "telemd_proc_mount",
    "telemd_cpu_max",
    "telemd_cgroup_root",
    "telemd_processes",
    "telemd_files",
    "telemd_scrape",
    "telemd_scrape_metrics",
    "telemd_commands",
    "telemd_sys_mount",
};

Error wrong(std::string what, const std::string& where, std::string why, std::string hint = {}) {
  return Error{ErrorCode::kUsage, std::move(what), where, std::move(why), std::move(hint)};
}

// A value and where it was said.
struct Setting {
  std::string value;
  std::string where;
};

class Settings {
 public:
  Settings(const IniFile& file, const GetVariable& get) : file_(file), get_(get) {}

  // An empty value is one not set.
  std::optional<Setting> find(std::string_view name) const {
    if (const auto value = get_(name); value && !value->empty())
      return Setting{*value, std::string(name)};
    for (const std::string& section : {node, std::string()}) {
      if (auto setting = in_section(section, name)) return setting;
    }
    return std::nullopt;
  }
  std::string text(std::string_view name, const std::string& otherwise = {}) const {
    const auto setting = find(name);
    return setting ? setting->value : otherwise;
  }

  std::string node;  // names the section

 private:
  std::optional<Setting> in_section(const std::string& section, std::string_view name) const {
    const auto found = file_.sections.find(section);
    if (found == file_.sections.end()) return std::nullopt;
    // The last one counts, as when a file is read from top to bottom.
    for (auto entry = found->second.rbegin(); entry != found->second.rend(); ++entry) {
      if (entry->name == name && !entry->value.empty())
        return Setting{entry->value, fmt::format("{}:{}", file_.path, entry->line)};
    }
    return std::nullopt;
  }

  const IniFile& file_;
  const GetVariable& get_;
};

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> list;
  for (std::string_view word = take_word(text); !word.empty(); word = take_word(text))
    list.emplace_back(word);
  return list;
}

Result<Duration> duration_of(const Setting& setting, std::string_view what) {
  auto duration = parse_duration(setting.value);
  if (!duration.ok())
    return wrong(fmt::format("{} can't be '{}'", what, setting.value), setting.where,
                 duration.error().why, duration.error().hint);
  return duration;
}

Result<std::set<std::string>> instruments_of(const Settings& settings, std::string_view name) {
  std::set<std::string> chosen;
  const auto setting = settings.find(name);
  if (!setting) return chosen;
  for (const std::string& word : words(setting->value)) {
    const std::vector<std::string> known = instrument_names();
    if (std::find(known.begin(), known.end(), word) == known.end())
      return wrong(fmt::format("there is no instrument '{}'", word), setting->where, {},
                   hint_for_unknown(word, known));
    chosen.insert(word);
  }
  return chosen;
}

// Numbers of graphics processors.
Result<std::vector<std::string>> gpus_of(const Settings& settings) {
  constexpr std::string_view kName = "telemd_gpu_devices";
  const auto setting = settings.find(kName);
  if (!setting) return std::vector<std::string>();
  std::vector<std::string> numbers = words(setting->value);
  for (std::string& word : numbers) {
    const auto number = parse_integer(word);
    if (!number || *number < 0)
      return wrong(fmt::format("{} can't hold '{}'", kName, word), setting->where,
                   "that is no graphics processor's number",
                   "write their numbers, blanks between: 0 1");
    word = fmt::format("{}", *number);
  }
  return numbers;
}

using NamedWords = std::vector<std::pair<std::string, std::string>>;

// Words "name:something".
Result<NamedWords> named_words(const Settings& settings, std::string_view variable,
                               std::string_view what, std::string_view form) {
  NamedWords named;
  const auto setting = settings.find(variable);
  if (!setting) return named;
  for (const std::string& word : words(setting->value)) {
    const std::size_t colon = word.find(':');
    if (colon == 0 || colon == std::string::npos || colon + 1 == word.size() ||
        word.find('/') < colon)
      return wrong(fmt::format("{} can't hold '{}'", variable, word), setting->where,
                   fmt::format("{} needs a name for its topic", what),
                   fmt::format("write {}", form));
    named.emplace_back(word.substr(0, colon), word.substr(colon + 1));
  }
  return named;
}

Result<void> read_pages(const Settings& settings, DaemonConfig& config) {
  for (auto& [name, url] :
       TRY(named_words(settings, "telemd_scrape", "a page", "name:http://host:port/metrics"))) {
    if (const auto uri = wire::parse_plain_uri(url); !url.starts_with("http") || !uri.ok())
      return wrong(
          // A URL may hold a password.
          fmt::format("telemd_scrape can't hold the URL of '{}'", name),
          settings.find("telemd_scrape")->where, uri.ok() ? "that isn't a URL" : uri.error().why,
          "write name:http://host:port/metrics");
    config.pages.push_back({name, url});
  }
  config.page_metrics = words(settings.text("telemd_scrape_metrics"));
  return {};
}

Result<void> read_commands(const Settings& settings, DaemonConfig& config) {
  const auto names = settings.find("telemd_commands");
  if (!names) return {};
  for (const std::string& name : words(names->value)) {
    const std::string variable = std::string(kCommand) + name;
    const auto command = settings.find(variable);
    if (name.find('/') != std::string::npos || !command)
      return wrong(fmt::format("telemd_commands can't hold '{}'", name), names->where,
                   command ? "a topic's name has no slash" : variable + " isn't set",
                   fmt::format("say what it runs: {} = ...", variable));
    config.commands.push_back({name, command->value});
  }
  return {};
}

bool is_known(std::string_view name) {
  if (std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames)) return true;
  if (name.starts_with(kCommand) && name.size() > kCommand.size()) return true;
  if (!name.starts_with(kPeriod)) return false;
  const std::vector<std::string> known = instrument_names();
  return std::find(known.begin(), known.end(), name.substr(kPeriod.size())) != known.end();
}

void warn_of_unknown(const IniFile& file, std::vector<std::string>& warnings) {
  std::vector<std::string> known(std::begin(kNames), std::end(kNames));
  for (const std::string& name : instrument_names()) known.push_back(std::string(kPeriod) + name);
  std::size_t unknown = 0;
  for (const auto& [section, entries] : file.sections) {
    for (const IniFile::Entry& entry : entries) {
      if (is_known(entry.name)) continue;
      if (++unknown > kUnknownMax) continue;
      const auto meant = did_you_mean(entry.name, known);
      warnings.push_back(fmt::format("{}:{}: '{}' means nothing here{}", file.path, entry.line,
                                     entry.name,
                                     meant ? fmt::format("; did you mean '{}'?", *meant) : ""));
    }
  }
  if (unknown > kUnknownMax)
    warnings.push_back(fmt::format("{}: {} more names mean nothing here; is it the right file?",
                                   file.path, unknown - kUnknownMax));
}

}  // namespace

Result<IniFile> parse_ini(std::string_view text, const std::string& path) {
  IniFile file;
  file.path = path;
  std::string section;
  text = wire::after_byte_order_mark(text);
  for (int line = 1; !text.empty(); ++line) {
    const std::string_view content = trim(take_line(text));
    const auto where = [&] { return fmt::format("{}:{}", path, line); };
    if (content.empty() || content.front() == '#' || content.front() == ';') continue;
    if (content.front() == '[') {
      if (content.back() != ']')
        return wrong("can't read the configuration", where(), "a section's name has no end",
                     "write it as [node]");
      section = trim(content.substr(1, content.size() - 2));
      continue;
    }
    const std::size_t equals = content.find('=');
    if (equals == std::string_view::npos || trim(content.substr(0, equals)).empty())
      return wrong("can't read the configuration", where(),
                   fmt::format("'{}' is neither a value nor a section", content.substr(0, 60)),
                   "write name = value");
    std::string_view value = trim(content.substr(equals + 1));
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
        value.back() == value.front())
      value = value.substr(1, value.size() - 2);
    file.sections[section].push_back(
        {std::string(trim(content.substr(0, equals))), std::string(value), line});
  }
  return file;
}

Result<DaemonConfig> daemon_config(const IniFile& file, const GetVariable& get,
                                   const std::string& hostname,
                                   std::vector<std::string>& warnings) {
  Settings settings(file, get);
  DaemonConfig config;
  config.node = settings.text("telemd_nodename", hostname);
  settings.node = config.node;
  if (config.node.find_first_of("/ \t") != std::string::npos)
    return wrong(fmt::format("a node can't be called '{}'", config.node),
                 settings.find("telemd_nodename").value_or(Setting{{}, "hostname"}).where,
                 "topics are telem/<node>/<metric>", "leave out blanks and slashes");
  config.redis_host = settings.text("telemd_redis_host");
  config.redis_port = settings.text("telemd_redis_port");
  config.redis_url = settings.text("telemd_redis_url");
  config.redis_password = settings.text("telemd_redis_password");
  config.proc_mount = settings.text("telemd_proc_mount", config.proc_mount);
  config.sys_mount = settings.text("telemd_sys_mount", config.sys_mount);
  config.cgroup_root = settings.text("telemd_cgroup_root");
  config.net_devices = words(settings.text("telemd_net_devices"));
  config.disk_devices = words(settings.text("telemd_disk_devices"));
  config.gpu_devices = TRY(gpus_of(settings));
  if (const auto backoff = settings.find("telemd_redis_retry_backoff"))
    config.redis_retry_backoff = TRY(duration_of(*backoff, "telemd_redis_retry_backoff"));
  for (const std::string& name : words(settings.text("telemd_processes")))
    config.processes.push_back({name, 0});
  for (auto& [name, path] : TRY(named_words(settings, "telemd_files", "a file", "name:/path")))
    config.files.push_back({name, path});
  TRY(read_pages(settings, config));
  TRY(read_commands(settings, config));
  if (const auto most = settings.find("telemd_cpu_max")) {
    std::string_view number = most->value;
    if (number.ends_with('%')) number.remove_suffix(1);
    const auto percent = parse_number(trim(number));
    if (!percent || *percent <= 0)
      return wrong(fmt::format("telemd_cpu_max can't be '{}'", most->value), most->where,
                   "it is a share of one core", "give percents, as 10%");
    config.cpu_max = *percent / 100;
  }
  const auto enabled = TRY(instruments_of(settings, "telemd_instruments_enable"));
  const auto disabled = TRY(instruments_of(settings, "telemd_instruments_disable"));
  for (const InstrumentRow& row : instrument_rows()) {
    const std::string name(row.name);
    const bool is_on = enabled.empty() ? row.by_default : enabled.contains(name);
    if (is_on && !disabled.contains(name)) config.instruments.push_back(name);
    const auto period = settings.find(std::string(kPeriod) + name);
    if (!period) continue;
    config.periods[name] = TRY(duration_of(*period, "the period of " + name));
    if (config.periods[name] < kPeriodLeast)
      return wrong(fmt::format("the period of {} can't be '{}'", name, period->value),
                   period->where, "that is shorter than can be kept", "give 10ms or more");
  }
  warn_of_unknown(file, warnings);
  return config;
}

}  // namespace galileo::telemetry
