// Templates in requests of our files and flags: "{{rand_int 1 100}}" within a path, a header, a
// body. What the file says is read twice. First the templates are taken out of its texts and a mark
// is put in place of each, a word of letters and digits, which goes through URL, form and JSON
// encoding as it is; so templates stand wherever a text stands, and the reader of requests knows
// nothing of them. Then load/request_template.h puts what each is replaced by in place of the
// marks, encoded for where it stands. Requests of the wire (old clients) never pass here: "{{" is
// theirs.
//
// In a text "\{{" is "{{". Arguments are divided by blanks, and those in '...' or "..." may have
// blanks in them ("\" takes the next character as it is). "raw" before the name leaves the value as
// it is: unencoded in a URL, and in JSON without the quotes of the text that it is the whole of.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "load/workload.h"

namespace galileo::load {

// Where a template stands: how its value is made fit.
enum class Fit : char {
  kUrl = 'u',     // in a path as it is written; in its query as kQuery
  kQuery = 'q',   // a query's or form's value
  kRawUrl = 'r',  // the same, as the value stands, but for what can't be in a URL at all
  kHeader = 'h',
  kJson = 'j',  // within a text of JSON
  kPlain = 'p',
};

// A word of a template: a text, or what stands in a row or in an earlier answer.
struct TemplateWord {
  enum class Kind : unsigned char { kText, kRow, kValue };
  Kind kind = Kind::kText;
  std::string text;  // of the others the column, or the value's name
};

struct TemplateCall {
  enum class Kind : unsigned char {
    kRow,    // words[0] is it
    kValue,  // the same
#define TEMPLATE(name, ...) name,
#include "load/templates.def"
#undef TEMPLATE
  };
  Kind kind = Kind::kRow;
  bool raw = false;
  std::vector<TemplateWord> words;
  std::int64_t least = 1;  // of rand_int; the first of seq
  std::int64_t most = 1;
};

// A word of a template in quotes, whatever is in it.
std::string quoted_word(std::string_view text);

// What stands between {{ and }}. An Error says what is wrong, with a hint.
Result<TemplateCall> parse_template(std::string_view text);

// Takes templates out of a request's texts. Of one request, or of the steps of a scenario; plain
// values in and out.
class TemplateMarks {
 public:
  struct Outside {
    std::function<std::optional<std::string>(std::string_view)> environment;
    // Where a file is that a template names; an Error where it can't be read. Empty: there.
    std::function<Result<std::string>(const std::string& path)> path_of;
  };
  explicit TemplateMarks(Outside outside) : outside_(std::move(outside)) {}

  // The text with marks in place of its templates. An Error about the first that can't be.
  Result<std::string> take(std::string_view text, Fit fit);
  bool empty() const { return marks_.empty(); }
  // What the marks mean, as the parameters of a request's source.
  const std::map<std::string, std::string>& marks() const { return marks_; }
  // Columns and values that templates have named so far, each once.
  const std::vector<std::string>& rows() const { return rows_; }
  const std::vector<std::string>& values() const { return values_; }

 private:
  Result<std::string> meaning(std::string_view inside, const TemplateCall& call) const;

  const Outside outside_;
  std::map<std::string, std::string> marks_;
  std::vector<std::string> rows_;
  std::vector<std::string> values_;
};

// A text in which each "{{...}}" has become a word of letters and digits, for who takes a URL apart
// before its templates are read; restore() puts them back.
struct HiddenTemplates {
  explicit HiddenTemplates(std::string_view text);
  std::string restore(std::string_view part) const;

  std::string text;
  std::vector<std::string> templates;
};

// A text as its marks divide it.
struct MarkedPiece {
  std::string_view text;  // up to the mark
  std::string mark;       // its key among the marks; empty: there is none, at the end
};
std::vector<MarkedPiece> divide(std::string_view text);
// With "{{...}}" as the file has it in place of the marks, for people.
std::string with_templates(std::string_view text, const std::map<std::string, std::string>& marks);
// What a mark means. The marks are TemplateMarks'.
struct MarkMeaning {
  Fit fit = Fit::kPlain;
  TemplateCall call;
};
Result<MarkMeaning> meaning_of(const std::string& mark,
                               const std::map<std::string, std::string>& marks);

}  // namespace galileo::load
