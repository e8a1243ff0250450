#include "chaos/stress_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/utf8.h"

namespace galileo::chaos {
namespace {

constexpr std::uint32_t kWorkersMax = 1024;
constexpr std::uint64_t kVmBytes = std::uint64_t{256} << 20;  // as stress-ng has it
constexpr std::size_t kValueMax = 32;

// Those that burn what the machine has: CPU, memory, caches, switches, and the disk below the
// agent's own folder. None that opens a file by name, sends signals, or ends a machine.
constexpr std::array<std::string_view, 30> kKnown{
    "cpu",         "cpu-load",   "cpu-load-slice", "cpu-method", "cpu-ops", "vm",        "vm-bytes",
    "vm-keep",     "vm-method",  "vm-ops",         "vm-hang",    "cache",   "cache-ops", "matrix",
    "matrix-size", "matrix-ops", "switch",         "switch-ops", "io",      "io-ops",    "hdd",
    "hdd-bytes",   "hdd-ops",    "timer",          "timer-freq", "timeout", "backoff",   "stream",
    "stream-ops",  "memcpy"};

Error refused(std::string why, std::string hint = {}) {
  return Error{ErrorCode::kUsage, "stress-ng isn't run", {}, std::move(why), std::move(hint)};
}

bool is_plain(std::string_view value) {
  return value.size() <= kValueMax &&
         std::all_of(value.begin(), value.end(),
                     [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                              (c >= 'A' && c <= 'Z') || c == '.' || c == '%' || c == '-' ||
                              c == '_';
                     }) &&
         (value.empty() || value.front() != '-');
}

Result<std::uint32_t> workers(const std::string& key, const std::string& value,
                              std::uint32_t most) {
  const auto number = parse_integer(value);
  if (!number || *number < 0 || *number > most)
    return refused(fmt::format("'{}' is no number from 0 to {} for {}", value, most, key));
  return static_cast<std::uint32_t>(*number);
}

// stress-ng's "256M" and "1g" are powers of two.
Result<std::uint64_t> memory_of(const std::string& value) {
  std::string text = value;
  if (!text.empty() && std::string_view("kKmMgG").find(text.back()) != std::string_view::npos)
    text = text.substr(0, text.size() - 1) + static_cast<char>(text.back() & ~0x20) + "iB";
  const auto bytes = parse_bytes(text);
  if (!bytes.ok() || *bytes == 0)
    return refused(fmt::format("'{}' is no size for vm-bytes", value), "as 256M");
  return *bytes;
}

Result<void> take(const std::string& key, const std::string& value, StressCommand& stress,
                  std::uint64_t& vm_bytes) {
  if (key == "cpu") {
    stress.cpus = TRY(workers(key, value, kWorkersMax));
  } else if (key == "cpu-load") {
    stress.load_pct = TRY(workers(key, value, 100));
  } else if (key == "vm") {
    stress.memories = TRY(workers(key, value, kWorkersMax));
  } else if (key == "vm-bytes") {
    vm_bytes = TRY(memory_of(value));
  } else if (key == "timeout") {
    auto timeout = parse_duration(value);
    if (!timeout.ok()) return refused(fmt::format("'{}' is no time for timeout", value));
    stress.timeout = *timeout;
  } else if (key != "vm-keep") {
    stress.beyond.push_back(key);
  }
  return {};
}

}  // namespace

Result<StressCommand> check_stress(
    const std::vector<std::pair<std::string, std::string>>& options) {
  StressCommand stress;
  std::uint64_t vm_bytes = kVmBytes;
  for (const auto& [key, value] : options) {
    if (std::find(kKnown.begin(), kKnown.end(), key) == kKnown.end())
      return refused(fmt::format("'{}' isn't known to be harmless", shortened(one_line(key), 40)));
    if (!is_plain(value))
      return refused(
          fmt::format("'{}' can't be a value of {}", shortened(one_line(value), 40), key));
    TRY(take(key, value, stress, vm_bytes));
    stress.words.push_back("--" + key);
    if (!value.empty()) stress.words.push_back(value);
  }
  if (options.empty()) return refused("it has no parameter", "as {\"cpu\": 2}");
  stress.memory = stress.memories > 0 ? vm_bytes : 0;  // --vm-bytes is of all of them
  return stress;
}

}  // namespace galileo::chaos
