#include "load/value_taker.h"

#include <fmt/format.h>

#include "base/text.h"
#include "wire/http1.h"

namespace galileo::load {

Result<ValueTaker> ValueTaker::make(std::string_view from) {
  from = trim(from);
  const std::size_t end = std::min(from.find_first_of(" \t"), from.size());
  const std::string word(from.substr(0, end));
  const std::string rest(trim(from.substr(end)));
  const auto wrong = [](std::string why, std::string hint) {
    return Error{ErrorCode::kUsage, {}, {}, std::move(why), std::move(hint)};
  };
  ValueTaker taker;
  if (word == "status") {
    if (!rest.empty()) return wrong(fmt::format("'{}' is too much", rest), "write status");
  } else if (word == "json") {
    taker.pointer_ = TRY(JsonPointer::parse(rest));
  } else if (word == "regex") {
    if (rest.empty()) return wrong("regex needs an expression", "write regex id=([0-9]+)");
    taker.regex_ = TRY(Regex::make(rest));
  } else if (word == "header") {
    if (!wire::http1::is_token(rest))
      return wrong(fmt::format("'{}' can't name a header", rest), "write header Location");
    taker.header_ = rest;
  } else {
    return wrong(fmt::format("a value can't be taken from '{}'", word),
                 hint_for_unknown(word, {"json", "regex", "header", "status"}));
  }
  return taker;
}

std::optional<std::string> ValueTaker::take(const AnswerView& answer) const {
  if (pointer_) {
    auto found = pointer_->find(answer.body);
    return found ? std::optional(std::move(found->text)) : std::nullopt;
  }
  if (regex_) {
    const auto found = regex_->find(answer.body);
    return found ? std::optional<std::string>(*found) : std::nullopt;
  }
  if (header_.empty()) return std::to_string(answer.status);
  for (const auto& [name, value] : *answer.headers) {
    if (wire::http1::equals_ignoring_case(name, header_)) return value;
  }
  return std::nullopt;
}

}  // namespace galileo::load
