#include "load/template_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "load/resource.h"

namespace galileo::load {
namespace {

using Kind = TemplateCall::Kind;

// Nobody writes this word by chance; six digits and a letter follow.
constexpr std::string_view kMark = "galileo0template0";
constexpr std::size_t kDigits = 6;
constexpr char kMarkEnd = 'z';
constexpr std::size_t kTemplatesMax = 10'000;  // of one request or scenario
constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";

struct Row {
  std::string_view name;
  std::string_view arguments;
  std::size_t fewest;
  std::size_t most;
};
constexpr Row kRows[] = {
#define TEMPLATE(name, arguments, fewest, most, text) {#name, arguments, fewest, most},
#include "load/templates.def"
#undef TEMPLATE
};

Error wrong(std::string why, std::string hint = {}) {
  return Error{ErrorCode::kUsage, {}, {}, std::move(why), std::move(hint)};
}

struct Word {
  std::string text;
  bool quoted = false;
};

// The next word of `rest`, which loses it; nothing at its end.
Result<std::optional<Word>> next_word(std::string_view& rest) {
  rest = trim(rest);
  if (rest.empty()) return std::optional<Word>();
  Word word;
  const char quote = rest[0] == '\'' || rest[0] == '"' ? rest[0] : '\0';
  word.quoted = quote != '\0';
  std::size_t at = word.quoted ? 1 : 0;
  for (; at < rest.size(); ++at) {
    if (word.quoted && rest[at] == '\\' && at + 1 < rest.size())
      word.text += rest[++at];
    else if (word.quoted ? rest[at] == quote : rest[at] == ' ' || rest[at] == '\t')
      break;
    else
      word.text += rest[at];
  }
  if (word.quoted && at == rest.size())
    return wrong(fmt::format("a {} isn't closed", quote), "close it, or put it in quotes itself");
  rest.remove_prefix(std::min(rest.size(), word.quoted ? at + 1 : at));
  return std::optional<Word>(std::move(word));
}

constexpr std::string_view kRow = "row.";
constexpr std::string_view kValue = "value.";

// row.COLUMN and value.NAME where they aren't in quotes, else a text.
TemplateWord word_of(Word word) {
  if (!word.quoted && word.text.starts_with(kRow) && word.text.size() > kRow.size())
    return {TemplateWord::Kind::kRow, word.text.substr(kRow.size())};
  if (!word.quoted && word.text.starts_with(kValue) && word.text.size() > kValue.size())
    return {TemplateWord::Kind::kValue, word.text.substr(kValue.size())};
  return {TemplateWord::Kind::kText, std::move(word.text)};
}

Error unknown(const std::string& name) {
  std::vector<std::string> names;
  for (const Row& row : kRows) names.emplace_back(row.name);
  names.insert(names.end(), {"row.COLUMN", "value.NAME"});
  return wrong(fmt::format("no template is called '{}'", name), hint_for_unknown(name, names));
}

Result<std::int64_t> whole_number(const TemplateCall& call, std::size_t i) {
  const TemplateWord& word = call.words[i];
  const auto number =
      word.kind == TemplateWord::Kind::kText ? parse_integer(word.text) : std::nullopt;
  if (!number) return wrong(fmt::format("'{}' isn't a whole number", word.text));
  return *number;
}

// What the words must be, beyond how many.
Result<void> check_words(TemplateCall& call) {
  const bool may_differ = call.kind == Kind::basic || call.kind == Kind::choice;
  for (const TemplateWord& word : call.words) {
    if (may_differ || word.kind == TemplateWord::Kind::kText) continue;
    return wrong("only choice and basic take a row.COLUMN or value.NAME");
  }
  if (call.kind == Kind::rand_int) {
    call.least = TRY(whole_number(call, 0));
    call.most = TRY(whole_number(call, 1));
    if (call.least > call.most)
      return wrong(fmt::format("{} is more than {}", call.least, call.most),
                   "the least comes first");
  }
  if (call.kind == Kind::seq && !call.words.empty()) call.least = TRY(whole_number(call, 0));
  static const std::vector<std::string> kForms{"iso", "s", "ms", "ns"};
  if (call.kind == Kind::now && !call.words.empty() &&
      std::find(kForms.begin(), kForms.end(), call.words[0].text) == kForms.end())
    return wrong(fmt::format("no form of a time is called '{}'", call.words[0].text),
                 hint_for_unknown(call.words[0].text, kForms));
  return {};
}

Result<TemplateCall> call_of(const std::string& name, std::string_view rest) {
  const auto* const row = std::find_if(std::begin(kRows), std::end(kRows),
                                       [&](const Row& one) { return one.name == name; });
  if (row == std::end(kRows)) return unknown(name);
  TemplateCall call;
  // The kinds stand in the order of the table, behind the two that have no row.
  call.kind = static_cast<Kind>(2 + (row - std::begin(kRows)));
  while (auto word = TRY(next_word(rest))) call.words.push_back(word_of(std::move(*word)));
  if (call.words.size() < row->fewest || call.words.size() > row->most)
    return wrong(fmt::format("{} has {} argument{}", name, call.words.size(),
                             call.words.size() == 1 ? "" : "s"),
                 fmt::format("write {{{{{}{}{}}}}}", name, row->arguments.empty() ? "" : " ",
                             row->arguments));
  TRY(check_words(call));
  return call;
}

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

// Where the template ends that begins at `begin`, behind its braces: those in quotes are its own.
std::size_t end_of(std::string_view text, std::size_t begin) {
  char quote = '\0';
  for (std::size_t i = begin; i < text.size(); ++i) {
    if (quote != '\0' && text[i] == '\\') {
      ++i;
    } else if (quote != '\0') {
      if (text[i] == quote) quote = '\0';
    } else if (text[i] == '\'' || text[i] == '"') {
      quote = text[i];
    } else if (text.substr(i).starts_with(kClose)) {
      return i;
    }
  }
  return std::string_view::npos;
}

}  // namespace

std::string quoted_word(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

Result<TemplateCall> parse_template(std::string_view text) {
  std::string_view rest = text;
  auto word = TRY(next_word(rest));
  const bool raw = word && !word->quoted && word->text == "raw";
  if (raw) word = TRY(next_word(rest));
  if (!word) return wrong("a template is empty", "write \\{{ for two braces that are none");
  TemplateCall call;
  TemplateWord first = word_of(std::move(*word));
  if (first.kind == TemplateWord::Kind::kText) {
    call = TRY(call_of(first.text, rest));
  } else {
    call.kind = first.kind == TemplateWord::Kind::kRow ? Kind::kRow : Kind::kValue;
    call.words.push_back(std::move(first));
    if (!trim(rest).empty()) return wrong(fmt::format("'{}' is too much", trim(rest)));
  }
  call.raw = raw;
  return call;
}

// What isn't the same everywhere is looked up here: the environment, and where a file is.
Result<std::string> TemplateMarks::meaning(std::string_view inside,
                                           const TemplateCall& call) const {
  const std::string raw = call.raw ? "raw " : "";
  if (call.kind == TemplateCall::Kind::env) {
    const auto value =
        outside_.environment ? outside_.environment(call.words[0].text) : std::nullopt;
    if (value) return raw + "text " + quoted_word(*value);
    return wrong(fmt::format("the environment has no {}", call.words[0].text),
                 "set it, or leave the template out");
  }
  const bool is_file =
      call.kind == TemplateCall::Kind::file || call.kind == TemplateCall::Kind::base64;
  if (!is_file || is_url(call.words[0].text) || !outside_.path_of) return std::string(trim(inside));
  return fmt::format("{}{} {}", raw, call.kind == TemplateCall::Kind::file ? "file" : "base64",
                     quoted_word(TRY(outside_.path_of(call.words[0].text))));
}

Result<std::string> TemplateMarks::take(std::string_view text, Fit fit) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = text.find(kOpen, at);
    if (open == std::string_view::npos) {
      out += text.substr(at);
      break;
    }
    if (open > at && text[open - 1] == '\\') {
      out += text.substr(at, open - 1 - at);
      out += kOpen;
      at = open + kOpen.size();
      continue;
    }
    out += text.substr(at, open - at);
    const std::size_t close = end_of(text, open + kOpen.size());
    if (close == std::string_view::npos)
      return wrong("a {{ isn't closed", "close it with }}, or write \\{{ for two braces");
    const std::string_view inside = text.substr(open + kOpen.size(), close - open - kOpen.size());
    TemplateCall call = TRY(parse_template(inside));
    std::string means = TRY(meaning(inside, call));
    for (const TemplateWord& word : call.words) {
      if (word.kind == TemplateWord::Kind::kRow) add_once(rows_, word.text);
      if (word.kind == TemplateWord::Kind::kValue) add_once(values_, word.text);
    }
    if (marks_.size() / 2 >= kTemplatesMax)
      return wrong(fmt::format("there are more than {} templates", format_count(kTemplatesMax)));
    const std::string number = fmt::format("{:06}", marks_.size() / 2);
    marks_["mark." + number] = static_cast<char>(fit) + std::move(means);
    marks_["text." + number] = trim(inside);
    out += fmt::format("{}{}{}", kMark, number, kMarkEnd);
    at = close + kClose.size();
  }
  return out;
}

HiddenTemplates::HiddenTemplates(std::string_view whole) {
  for (std::size_t at = 0; at < whole.size();) {
    const std::size_t open = whole.find(kOpen, at);
    const std::size_t close =
        open == std::string_view::npos ? open : end_of(whole, open + kOpen.size());
    if (close == std::string_view::npos) {
      text += whole.substr(at);
      return;
    }
    text += whole.substr(at, open - at);
    text += fmt::format("{}{:06}{}", kMark, templates.size(), kMarkEnd);
    at = close + kClose.size();
    templates.emplace_back(whole.substr(open, at - open));
  }
}

std::string HiddenTemplates::restore(std::string_view part) const {
  std::string out;
  for (const MarkedPiece& piece : divide(part)) {
    out += piece.text;
    const auto number = parse_integer(piece.mark.empty() ? "-1" : piece.mark);
    if (number && *number >= 0 && static_cast<std::size_t>(*number) < templates.size())
      out += templates[static_cast<std::size_t>(*number)];
  }
  return out;
}

std::vector<MarkedPiece> divide(std::string_view text) {
  std::vector<MarkedPiece> pieces;
  const std::size_t length = kMark.size() + kDigits + 1;
  std::size_t from = 0;
  for (std::size_t at = 0; (at = text.find(kMark, at)) != std::string_view::npos;) {
    const std::string_view digits = text.substr(at + kMark.size(), kDigits);
    const bool is_mark = at + length <= text.size() && text[at + length - 1] == kMarkEnd &&
                         digits.find_first_not_of("0123456789") == std::string_view::npos;
    if (!is_mark) {
      at += kMark.size();
      continue;
    }
    pieces.push_back({text.substr(from, at - from), std::string(digits)});
    at += length;
    from = at;
  }
  pieces.push_back({text.substr(from), {}});
  return pieces;
}

std::string with_templates(std::string_view text, const std::map<std::string, std::string>& marks) {
  std::string out;
  for (const MarkedPiece& piece : divide(text)) {
    out += piece.text;
    if (piece.mark.empty()) continue;
    const auto found = marks.find("text." + piece.mark);
    if (found != marks.end()) ((out += kOpen) += found->second) += kClose;
  }
  return out;
}

Result<MarkMeaning> meaning_of(const std::string& mark,
                               const std::map<std::string, std::string>& marks) {
  const auto found = marks.find("mark." + mark);
  if (found == marks.end() || found->second.empty())
    return Error{ErrorCode::kCorrupt, "a template has lost its meaning", {}, {}, {}};
  MarkMeaning meaning;
  meaning.fit = static_cast<Fit>(found->second[0]);
  meaning.call = TRY(parse_template(std::string_view(found->second).substr(1)));
  return meaning;
}

}  // namespace galileo::load
