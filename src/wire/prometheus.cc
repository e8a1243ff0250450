#include "wire/prometheus.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>
#include <optional>

#include "base/utf8.h"

namespace galileo::wire {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kLabelsMax = 100;

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':';
}

bool is_name_part(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9') || c == '.';
}

// Takes one line apart from its left end; each step returns false where the line isn't so.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
  }
  bool at_end() const { return rest_.empty(); }
  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_name(std::string& to) {
    if (rest_.empty() || !is_name_start(rest_.front())) return false;
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_name_part);
    const auto size = static_cast<std::size_t>(end - rest_.begin());
    to.assign(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return true;
  }

  // Between quotes; \\, \" and \n stand for what they do in C.
  bool take_quoted(std::string& to) {
    to.clear();
    if (!take('"')) return false;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return true;
      if (c == '\\') {
        if (rest_.empty()) return false;
        c = rest_.front() == 'n' ? '\n' : rest_.front();
        rest_.remove_prefix(1);
      }
      to += c;
    }
    return false;
  }

  // {name="value", ...}, a comma at the end allowed. Where there is no brace: nothing to take.
  bool take_labels(std::vector<std::pair<std::string, std::string>>& to) {
    to.clear();
    if (!take('{')) return true;
    for (skip_blanks(); !take('}'); skip_blanks()) {
      if (to.size() == kLabelsMax) return false;
      auto& [name, value] = to.emplace_back();
      if (!take_name(name)) return false;
      skip_blanks();
      if (!take('=')) return false;
      skip_blanks();
      if (!take_quoted(value)) return false;
      skip_blanks();
      if (!take(',') && (rest_.empty() || rest_.front() != '}')) return false;
    }
    return true;
  }

  std::string_view take_word() {
    const std::size_t end = std::min(rest_.find_first_of(" \t"), rest_.size());
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return word;
  }

 private:
  std::string_view rest_;
};

std::optional<double> to_value(std::string_view word) {
  if (word == "NaN" || word == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (word == "+Inf" || word == "Inf" || word == "inf" || word == "+inf") return kInfinity;
  if (word == "-Inf" || word == "-inf") return -kInfinity;
  if (word.starts_with('+')) word.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size() || word.empty()) return std::nullopt;
  return value;
}

// What is wrong with the line; null: nothing. A comment or an empty line leaves `metric` unnamed.
const char* read_line(Line line, Metric& metric) {
  metric.name.clear();
  line.skip_blanks();
  if (line.at_end() || line.take('#')) return nullptr;
  if (!line.take_name(metric.name)) return "it begins with no name of a metric";
  line.skip_blanks();
  if (!line.take_labels(metric.labels)) return "its labels aren't {name=\"value\", ...}";
  line.skip_blanks();
  const std::optional<double> value = to_value(line.take_word());
  if (!value) return "it has no number after the name";
  metric.value = *value;
  line.skip_blanks();
  // A time, and what OpenMetrics has after a '#'.
  if (line.at_end() || line.take('#')) return nullptr;
  if (!to_value(line.take_word())) return "it has something after the value that isn't a time";
  line.skip_blanks();
  return line.at_end() || line.take('#') ? nullptr : "it has something after its time";
}

}  // namespace

Result<void> read_metrics(std::string_view page, const std::function<void(const Metric&)>& take) {
  Metric metric;
  for (int number = 1; !page.empty(); ++number) {
    const std::size_t end = std::min(page.find('\n'), page.size());
    std::string_view text = page.substr(0, end);
    page.remove_prefix(std::min(end + 1, page.size()));
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (const char* wrong = read_line(Line(text), metric))
      return Error{ErrorCode::kCorrupt,
                   "can't read the page of metrics",
                   fmt::format("line {}: {}", number, make_utf8(text.substr(0, 100))),
                   wrong,
                   {}};
    if (!metric.name.empty()) take(metric);
  }
  return {};
}

void append_family(std::string& to, std::string_view name, std::string_view type,
                   std::string_view help) {
  fmt::format_to(std::back_inserter(to), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

std::string label_value(std::string_view text) {
  std::string value;
  for (const char c : text) {
    if (c == '\\' || c == '"') value += '\\';
    value += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return value;
}

void append_metric(std::string& to, std::string_view name, std::string_view type,
                   std::string_view help, std::uint64_t value) {
  fmt::format_to(std::back_inserter(to), "# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, type,
                 help, value);
}

}  // namespace galileo::wire
