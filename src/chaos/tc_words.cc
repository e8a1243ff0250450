#include "chaos/tc_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/utf8.h"
#include "wire/json.h"

namespace galileo::chaos {
namespace {

constexpr std::size_t kWordsMax = 64;
constexpr std::size_t kWordMax = 200;
constexpr std::size_t kDeviceMax = 15;  // as the kernel has it

constexpr std::array<std::string_view, 17> kDisciplines{
    "netem", "tbf",  "htb", "prio", "pfifo", "bfifo",   "sfq",    "fq",       "fq_codel",
    "codel", "cake", "red", "drr",  "hfsc",  "ingress", "clsact", "blackhole"};
constexpr std::array<std::string_view, 6> kFilters{"bpf",    "u32", "matchall",
                                                   "flower", "fw",  "basic"};
// What would read a file or load a library, wherever it stands.
constexpr std::array<std::string_view, 10> kFiles{
    "exec", "ipt", "xt", "export", "pinned", "bytecode-file", "bcf", "obj", "pin", "ematch"};

template <std::size_t N>
bool is_in(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Error refused(std::string why, std::string hint = {}) {
  return Error{ErrorCode::kUsage, "tc isn't run", {}, std::move(why), std::move(hint)};
}

bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// No option, no path, nothing that a terminal or a log would stumble over.
bool is_plain(std::string_view word) {
  if (word.empty() || word.size() > kWordMax || !is_alnum(word.front())) return false;
  if (word.find("..") != std::string_view::npos) return false;
  const bool is_amount = word.front() >= '0' && word.front() <= '9';
  return std::all_of(word.begin(), word.end(), [&](char c) {
    // A slash is an address's: 10.0.0.0/8.
    return is_alnum(c) || std::string_view(".:%_-").find(c) != std::string_view::npos ||
           (is_amount && c == '/');
  });
}

// "4,32 0 0 4294963256,..." of the classic filter machine.
bool is_bytecode(std::string_view word) {
  return !word.empty() && word.size() <= kWordMax &&
         word.find_first_not_of("0123456789, ") == std::string_view::npos;
}

// What stands before a discipline's or a filter's own words.
struct Head {
  std::string device;
  std::string place;   // "root", "ingress", "egress", "clsact"
  std::string parent;  // "1:1"
  std::string classid;
  std::string pref;
  std::size_t end = 0;  // the first word of its own
};

Result<Head> read_head(const std::vector<std::string>& words, std::string_view object) {
  Head head;
  std::size_t i = 2;
  for (; i < words.size(); ++i) {
    const std::string_view word = words[i];
    std::string unused;
    std::string* to = nullptr;
    if (word == "dev") to = &head.device;
    if (word == "parent") to = &head.parent;
    if (word == "classid" && object == "class") to = &head.classid;
    if (object == "filter" && (word == "pref" || word == "prio")) to = &head.pref;
    if (word == "handle" || (object == "filter" && word == "protocol")) to = &unused;
    if (to) {
      if (++i == words.size()) return refused(fmt::format("nothing stands behind '{}'", word));
      *to = words[i];
      continue;
    }
    if (word != "root" && word != "ingress" && word != "egress" && word != "clsact") break;
    head.place = word;
  }
  head.end = i;
  // These two are a place and what is put there.
  if (object == "qdisc" && (head.place == "ingress" || head.place == "clsact")) {
    const bool said_twice = i < words.size() && words[i] == head.place;
    head.end = said_twice ? i : std::min(i, words.size());
  }
  return head;
}

bool is_device(std::string_view name) {
  return name.size() <= kDeviceMax && is_plain(name) && name.find(':') == std::string_view::npos &&
         name.find('%') == std::string_view::npos;
}

Result<std::vector<std::string>> undo_of(std::string_view object, const Head& head) {
  std::vector<std::string> undo{std::string(object), "del", "dev", head.device};
  if (object == "class") {
    if (head.classid.empty()) return refused("the class has no classid", "say classid 1:1");
    undo.insert(undo.end(), {"classid", head.classid});
    return undo;
  }
  if (!head.parent.empty())
    undo.insert(undo.end(), {"parent", head.parent});
  else if (!head.place.empty())
    undo.push_back(head.place);
  else
    return refused("it doesn't say where on the device", "say root, clsact or parent X");
  if (object != "filter") return undo;
  if (head.pref.empty())
    return refused("the filter has no number to take it away by", "say pref 1");
  undo.insert(undo.end(), {"pref", head.pref});
  return undo;
}

Result<void> check_words(const std::vector<std::string>& words) {
  if (words.size() < 4) return refused("it is too short", "qdisc add dev eth0 root netem ...");
  if (words.size() > kWordsMax) return refused(fmt::format("more than {} words", kWordsMax));
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool is_code = i > 0 && words[i - 1] == "bytecode";
    if (is_code ? !is_bytecode(words[i]) : !is_plain(words[i]))
      return refused(fmt::format("'{}' can't be a word of it", shortened(one_line(words[i]), 40)));
    if (is_in(kFiles, words[i]) || words[i].starts_with("object"))
      return refused(fmt::format("'{}' reads files", words[i]));
  }
  return {};
}

// "bpf" in this one form, where no file is read.
Result<void> check_bpf(const std::vector<std::string>& words) {
  const auto found = std::find(words.begin(), words.end(), "bpf");
  if (found == words.end()) return {};
  const std::vector<std::string> rest(found, words.end());
  if (words.front() == "filter" && rest.size() == 4 && rest[1] == "da" && rest[2] == "bytecode")
    return {};
  return refused("bpf comes as filter ... bpf da bytecode X alone");
}

}  // namespace

Result<TcCommand> check_tc(const std::vector<std::string>& words) {
  TRY(check_words(words));
  const std::string& object = words[0];
  const std::string& verb = words[1];
  if (object != "qdisc" && object != "class" && object != "filter")
    return refused(fmt::format("'{}' isn't what faults are made of", object),
                   "qdisc, class or filter");
  const bool takes_away = verb == "del" || verb == "delete";
  if (!takes_away && verb != "add")
    return refused(fmt::format("what was there before '{}' couldn't be put back", verb),
                   "add, or del of what was added");
  const Head head = TRY(read_head(words, object));
  if (head.device.empty()) return refused("it names no device", "say dev eth0");
  if (!is_device(head.device)) return refused(fmt::format("'{}' is no device", head.device));
  TRY(check_bpf(words));
  TcCommand command{words, takes_away, {}, TRY(undo_of(object, head))};
  if (takes_away) return command;
  const bool is_place = object == "qdisc" && (head.place == "ingress" || head.place == "clsact");
  if (head.end >= words.size() && !is_place) return refused("it doesn't say what is added");
  command.kind = is_place ? head.place : words[head.end];
  const bool is_known =
      object == "filter" ? is_in(kFilters, command.kind) : is_in(kDisciplines, command.kind);
  if (!is_known) return refused(fmt::format("'{}' isn't known to be harmless", command.kind));
  return command;
}

std::string device_of(const TcCommand& command) {
  return command.undo[3];
}

TcCommand on_device(TcCommand command, const std::string& device) {
  command.undo[3] = device;
  const auto dev = std::find(command.words.begin(), command.words.end(), "dev");
  if (dev != command.words.end()) *(dev + 1) = device;
  return command;
}

std::optional<TcCounts> parse_tc_counts(std::string_view json, std::string_view kind) {
  const auto list = wire::parse_json(json);
  if (!list.ok()) return std::nullopt;
  for (const wire::Json& one : list->items) {
    const wire::Json* const is = wire::find(one, "kind");
    if (!is || is->text != kind) continue;
    const auto number = [&](std::string_view key) {
      const wire::Json* const value = wire::find(one, key);
      return value ? parse_number(value->text).value_or(0) : 0;
    };
    return TcCounts{number("packets"), number("drops"), number("overlimits")};
  }
  return std::nullopt;
}

}  // namespace galileo::chaos
