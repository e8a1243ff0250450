// A request whose texts have marks of templates in them (template_text.h), made ready: files are
// read, names are places, so that making one request allocates nothing once its memory has grown.
// Immutable once compiled and shared by all loops; what differs from request to request is a
// Moment.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "load/data_rows.h"
#include "load/request_source.h"
#include "load/template_text.h"

namespace galileo::load {

class RequestTemplate {
 public:
  // What one request is made in. All pointers outlive the call.
  struct Moment {
    const ClientPlace& place;
    const Turn& turn;
    const DataRows* rows = nullptr;
    std::size_t row = 0;
    const std::vector<std::string>* values = nullptr;  // by the places of their names
    Random draws;
    std::string scratch = {};
  };

  // `rows`: of the client's data, null where it has none. `values`: the names that earlier steps
  // give. An Error names what can't be read or isn't there.
  static Result<RequestTemplate> compile(const Request& request,
                                         const std::map<std::string, std::string>& marks,
                                         const DataRows* rows,
                                         const std::vector<std::string>& values);

  // Sets all of `into` but its name. kFailed where a value can't stand in a header, with `why`.
  Made make(Moment& moment, MadeRequest& into) const;

 private:
  struct Word {
    TemplateWord::Kind kind = TemplateWord::Kind::kText;
    std::string text;
    std::size_t place = 0;  // of the column, or of the value
  };
  struct Piece {
    std::string text;  // before the value
    bool has_value = false;
    Fit fit = Fit::kPlain;
    bool raw = false;
    TemplateCall::Kind kind = TemplateCall::Kind::text;
    std::vector<Word> words;
    std::int64_t least = 0;
    std::int64_t most = 0;
  };
  using Text = std::vector<Piece>;
  struct Compiler;

  static bool is_constant(const Text& text) { return text.size() == 1 && !text[0].has_value; }
  static Fit fit_of(const Piece& piece);
  static void append(const Text& text, Moment& moment, std::string& out);
  static void append_value(const Piece& piece, Moment& moment, std::string& out);
  static std::string_view word(const Word& word, Moment& moment);

  std::string method_;
  Text path_;
  std::vector<std::pair<std::string, Text>> headers_;
  Text body_;
  bool has_body_ = false;
  std::string constant_body_;  // where the body is one
  bool body_is_constant_ = false;
};

// Appends the text so that it can stand there.
void append_fit(std::string& out, std::string_view text, Fit fit);

}  // namespace galileo::load
