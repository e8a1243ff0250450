#include "load/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "load/json_at.h"
#include "load/regex.h"
#include "wire/statuses.h"

namespace galileo::load {
namespace {

constexpr std::size_t kNameMax = 100;

Error wrong(std::string why, std::string hint = {}) {
  return Error{ErrorCode::kUsage, {}, {}, std::move(why), std::move(hint)};
}

struct Row {
  std::string_view name;
  std::string_view form;
};
constexpr Row kRows[] = {
#define CHECK(name, form, text) {#name, form},
#include "load/checks.def"
#undef CHECK
};

const Row* row_of(std::string_view name) {
  const auto* const row = std::find_if(std::begin(kRows), std::end(kRows),
                                       [&](const Row& one) { return one.name == name; });
  return row == std::end(kRows) ? nullptr : row;
}

// The first word, which `rest` loses.
std::string_view take_word(std::string_view& rest) {
  rest = trim(rest);
  const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest = trim(rest.substr(end));
  return word;
}

bool compares(double value, std::string_view comparison, double limit) {
  if (comparison == "<") return value < limit;
  if (comparison == "<=") return value <= limit;
  if (comparison == ">") return value > limit;
  if (comparison == ">=") return value >= limit;
  return value == limit;
}

const std::string* header_of(const wire::http1::Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (wire::http1::equals_ignoring_case(key, name)) return &value;
  }
  return nullptr;
}

}  // namespace

enum class CheckKind : unsigned char {
#define CHECK(name, form, text) name,
#include "load/checks.def"
#undef CHECK
};

struct Checks::Condition {
  enum class How : unsigned char { kThere, kIs, kHas, kMatches, kCompares };
  CheckKind kind{};
  How how = How::kThere;
  std::string subject;  // the header's name, the pointer
  std::string text;     // of kIs and kHas; the comparison
  double limit = 0;
  wire::StatusSet statuses;
  std::optional<Regex> regex;
};

struct Checks::Check {
  std::string name;
  std::vector<Condition> conditions;
};

Checks::Checks() = default;
Checks::Checks(Checks&&) noexcept = default;
Checks& Checks::operator=(Checks&&) noexcept = default;
Checks::~Checks() = default;

std::size_t Checks::size() const {
  return checks_.size();
}
const std::string& Checks::name(std::size_t check) const {
  return checks_[check].name;
}

Result<CheckSpec> make_check(std::string name, const std::vector<std::string>& conditions) {
  if (conditions.empty()) return wrong("a check has no condition", "write for example status 200");
  if (name.empty()) name = conditions.front();
  if (name.size() > kNameMax)
    name = name.substr(0, kNameMax);
  else if (const auto control =
               std::find_if(name.begin(), name.end(), [](char c) { return c >= 0 && c < ' '; });
           control != name.end())
    return wrong("its name has a control character");
  CheckSpec spec{std::move(name), conditions};
  TRY(Checks::compile({spec}));
  return spec;
}

Result<CheckSpec> parse_check(std::string_view text) {
  text = trim(text);
  const std::size_t colon = text.find(':');
  const std::size_t blank = text.find_first_of(" \t");
  // A name is one word with a colon behind it, or several where no condition begins so.
  std::string_view rest = text;
  const bool begins_as_condition = row_of(take_word(rest)) != nullptr;
  if (colon == std::string_view::npos || (begins_as_condition && blank < colon))
    return make_check({}, {std::string(text)});
  return make_check(std::string(trim(text.substr(0, colon))),
                    {std::string(trim(text.substr(colon + 1)))});
}

Result<Checks::Condition> Checks::compile_condition(const std::string& text) {
  using How = Condition::How;
  std::string_view rest = text;
  const std::string_view word = take_word(rest);
  const Row* const row = row_of(word);
  if (!row) {
    std::vector<std::string> names;
    for (const Row& one : kRows) names.emplace_back(one.name);
    return wrong(
        word.empty() ? "a check has no condition" : fmt::format("no check is called '{}'", word),
        hint_for_unknown(word, names));
  }
  const std::string form = fmt::format("write {}", row->form);
  Condition condition;
  condition.kind = static_cast<CheckKind>(row - std::begin(kRows));
  if (condition.kind == CheckKind::status) {
    condition.statuses = TRY(wire::StatusSet::parse(rest));
    return condition;
  }
  if (condition.kind == CheckKind::size || condition.kind == CheckKind::time) {
    condition.how = How::kCompares;
    condition.text = take_word(rest);
    const std::vector<std::string> known{"<", "<=", ">", ">=", "=="};
    if (std::find(known.begin(), known.end(), condition.text) == known.end())
      return wrong(fmt::format("'{}' is no comparison", condition.text), form);
    condition.limit = condition.kind == CheckKind::size
                          ? static_cast<double>(TRY(parse_bytes(rest)))
                          : to_seconds(TRY(parse_duration(rest)));
    return condition;
  }
  if (condition.kind != CheckKind::body) condition.subject = take_word(rest);
  if (condition.kind == CheckKind::header && !wire::http1::is_token(condition.subject))
    return wrong(fmt::format("'{}' can't name a header", condition.subject), form);
  if (condition.kind == CheckKind::json) TRY(JsonPointer::parse(condition.subject));
  const std::string_view how = take_word(rest);
  if (how.empty() && condition.kind != CheckKind::body) return condition;
  condition.text = rest;
  if (how == "is")
    condition.how = How::kIs;
  else if (how == "has")
    condition.how = How::kHas;
  else if (how == "matches")
    condition.how = How::kMatches;
  else
    return wrong(fmt::format("'{}' isn't is, has or matches", how), form);
  if (condition.text.empty() && condition.how != How::kIs)
    return wrong(fmt::format("nothing stands behind {}", how), form);
  if (condition.how == How::kMatches) condition.regex = TRY(Regex::make(condition.text));
  return condition;
}

Result<Checks> Checks::compile(const std::vector<CheckSpec>& specs) {
  Checks checks;
  for (const CheckSpec& spec : specs) {
    Check check{spec.name, {}};
    for (const std::string& text : spec.conditions) {
      check.conditions.push_back(TRY(compile_condition(text)));
      const CheckKind kind = check.conditions.back().kind;
      checks.judges_status_ |= kind == CheckKind::status;
      checks.wants_headers_ |= kind == CheckKind::header;
      checks.wants_body_ |=
          kind == CheckKind::body || kind == CheckKind::json || kind == CheckKind::size;
    }
    checks.checks_.push_back(std::move(check));
  }
  return checks;
}

bool Checks::holds(std::size_t check, const CheckedAnswer& answer) const {
  const auto& conditions = checks_[check].conditions;
  return std::all_of(conditions.begin(), conditions.end(),
                     [&](const Condition& condition) { return is_so(condition, answer); });
}

bool Checks::is_so(const Condition& condition, const CheckedAnswer& answer) {
  const auto text_is_so = [&](std::string_view text) {
    switch (condition.how) {
      case Condition::How::kIs:
        return text == condition.text;
      case Condition::How::kHas:
        return text.find(condition.text) != std::string_view::npos;
      case Condition::How::kMatches:
        return condition.regex->matches(text);
      default:
        return true;
    }
  };
  switch (condition.kind) {
    case CheckKind::status:
      return condition.statuses.contains(answer.status);
    case CheckKind::time:
      return compares(to_seconds(answer.took), condition.text, condition.limit);
    case CheckKind::header: {
      const std::string* const value =
          answer.headers ? header_of(*answer.headers, condition.subject) : nullptr;
      return value && text_is_so(*value);
    }
    case CheckKind::size:
      return answer.body &&
             compares(static_cast<double>(answer.body->size()), condition.text, condition.limit);
    case CheckKind::body:
      return answer.body && text_is_so(*answer.body);
    case CheckKind::json: {
      if (!answer.body) return false;
      const auto value = JsonPointer::parse(condition.subject)->find(*answer.body);
      if (!value) return false;
      return condition.how == Condition::How::kIs ? value->is(condition.text)
                                                  : text_is_so(value->text);
    }
  }
  return false;
}

}  // namespace galileo::load
