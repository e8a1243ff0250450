#include "load/request_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/text.h"
#include "load/resource.h"
#include "wire/unix_time.h"
#include "wire/uri.h"

namespace galileo::load {
namespace {

using Kind = TemplateCall::Kind;

constexpr std::string_view kHex = "0123456789ABCDEF";

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// What is written into a path is meant as it stands, but for what would end the path or the line.
bool stands_in_path(char c) {
  return c > ' ' && c <= '~' && std::string_view("\"#<>?\\^`{|}").find(c) == std::string_view::npos;
}

bool stands_in_url(char c) {
  return c == '?' || stands_in_path(c);
}

void append_percent(std::string& out, std::string_view text, bool (*stands)(char c)) {
  for (const char c : text) {
    if (stands(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    ((out += '%') += kHex[byte >> 4]) += kHex[byte & 15u];
  }
}

void append_json(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c == '\t')
      out += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20)
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
}

void append_uuid(std::string& out, Random& draws) {
  std::array<std::uint64_t, 2> bits{draws.bits(), draws.bits()};
  bits[0] = (bits[0] & ~std::uint64_t{0xf000}) | 0x4000u;                      // version 4
  bits[1] = (bits[1] & ~(std::uint64_t{3} << 62)) | (std::uint64_t{2} << 62);  // variant 1
  constexpr std::string_view kLower = "0123456789abcdef";
  for (std::size_t i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) out += '-';
    out += kLower[(bits[i / 16] >> (60 - 4 * (i % 16))) & 15u];
  }
}

void append_now(std::string& out, std::string_view form, Wall at) {
  const auto since = at.time_since_epoch();
  const auto number = [&](auto count) { fmt::format_to(std::back_inserter(out), "{}", count); };
  if (form == "s")
    number(std::chrono::floor<std::chrono::seconds>(since).count());
  else if (form == "ms")
    number(std::chrono::floor<std::chrono::milliseconds>(since).count());
  else if (form == "ns")
    number(since.count());
  else
    out += wire::rfc3339(at, 3);
}

// Of a value that a path begins with, which may be a whole one or a URL, as a Location is.
void keep_path(std::string& path) {
  for (const std::string_view scheme : {"/http://", "/https://"}) {
    if (!path.starts_with(scheme)) continue;
    const std::size_t at = std::min(path.find_first_of("/?", scheme.size()), path.size());
    path.erase(0, at);
    if (!path.starts_with('/')) path.insert(path.begin(), '/');
    return;
  }
  if (path.starts_with("//")) path.erase(0, 1);
}

bool ends_header(char c) {
  return c == '\r' || c == '\n' || c == '\0';
}

}  // namespace

void append_fit(std::string& out, std::string_view text, Fit fit) {
  switch (fit) {
    case Fit::kUrl:
      return append_percent(out, text, &stands_in_path);
    case Fit::kQuery:
      return append_percent(out, text, &is_unreserved);
    case Fit::kRawUrl:
      return append_percent(out, text, &stands_in_url);
    case Fit::kJson:
      return append_json(out, text);
    case Fit::kHeader:
    case Fit::kPlain:
      out += text;
  }
}

Fit RequestTemplate::fit_of(const Piece& piece) {
  if (!piece.raw) return piece.fit;
  const bool in_url = piece.fit == Fit::kUrl || piece.fit == Fit::kQuery;
  return in_url ? Fit::kRawUrl : Fit::kPlain;
}

struct RequestTemplate::Compiler {
  const std::map<std::string, std::string>& marks;
  const DataRows* rows;
  const std::vector<std::string>& values;

  Result<Text> compile(std::string_view text) const {
    Text pieces;
    std::string before;
    std::vector<MarkedPiece> parts = divide(text);
    bool in_query = false;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      before += parts[i].text;
      in_query = in_query || parts[i].text.find('?') != std::string_view::npos;
      if (parts[i].mark.empty()) continue;
      Piece piece = TRY(piece_of(parts[i].mark));
      if (piece.fit == Fit::kUrl && in_query) piece.fit = Fit::kQuery;
      if (TRY(is_known(piece, before))) continue;
      piece.text = std::exchange(before, {});
      pieces.push_back(std::move(piece));
      unquote(pieces.back(), parts[i + 1].text);
    }
    if (!before.empty() || pieces.empty()) {
      pieces.emplace_back();
      pieces.back().text = std::move(before);
    }
    return pieces;
  }

  // In JSON a raw value that is a text's whole stands without its quotes: the one after it is left
  // out of what follows, which `next` begins with.
  static void unquote(Piece& piece, std::string_view& next) {
    if (piece.fit != Fit::kJson || !piece.raw || !piece.text.ends_with('"') ||
        !next.starts_with('"'))
      return;
    piece.text.pop_back();
    next.remove_prefix(1);
  }

  Result<Piece> piece_of(const std::string& mark) const {
    const MarkMeaning meaning = TRY(meaning_of(mark, marks));
    Piece piece;
    piece.has_value = true;
    piece.fit = meaning.fit;
    piece.raw = meaning.call.raw;
    piece.kind = meaning.call.kind;
    piece.least = meaning.call.least;
    piece.most = meaning.call.most;
    for (const TemplateWord& word : meaning.call.words)
      piece.words.push_back({word.kind, word.text, TRY(place_of(word))});
    return piece;
  }

  Result<std::size_t> place_of(const TemplateWord& word) const {
    const auto wrong = [&](const char* what, std::string why, std::string hint) {
      return Error{ErrorCode::kUsage,
                   fmt::format("can't make requests with {{{{{}{}}}}}", what, word.text),
                   {},
                   std::move(why),
                   std::move(hint)};
    };
    if (word.kind == TemplateWord::Kind::kText) return std::size_t{0};
    if (word.kind == TemplateWord::Kind::kValue) {
      const auto found = std::find(values.begin(), values.end(), word.text);
      if (found != values.end()) return static_cast<std::size_t>(found - values.begin());
      return wrong("value.", "no earlier step takes a value of that name",
                   values.empty() ? "" : hint_for_unknown(word.text, values));
    }
    if (!rows)
      return wrong("row.", "the client has no data", "add data: {file: rows.csv} to the client");
    const auto column = rows->column(word.text);
    if (!column.ok()) return wrong("row.", column.error().why, column.error().hint);
    return *column;
  }

  // What doesn't differ from request to request is text already.
  static Result<bool> is_known(const Piece& piece, std::string& before) {
    const auto put = [&](std::string_view text) {
      append_fit(before, text, fit_of(piece));
      return true;
    };
    switch (piece.kind) {
      case Kind::text:
        return piece.raw && piece.fit == Fit::kJson ? false : put(piece.words[0].text);
      case Kind::file:
        return put(TRY(read_resource(piece.words[0].text)));
      case Kind::base64:
        return put(wire::base64(TRY(read_resource(piece.words[0].text))));
      default:
        return false;
    }
  }
};

Result<RequestTemplate> RequestTemplate::compile(const Request& request,
                                                 const std::map<std::string, std::string>& marks,
                                                 const DataRows* rows,
                                                 const std::vector<std::string>& values) {
  const Compiler compiler{marks, rows, values};
  RequestTemplate made;
  made.method_ = request.method;
  made.path_ = TRY(compiler.compile(request.path));
  for (const auto& [name, value] : request.headers)
    made.headers_.emplace_back(name, TRY(compiler.compile(value)));
  made.has_body_ = request.has_body;
  made.body_ = TRY(compiler.compile(request.body));
  made.body_is_constant_ = is_constant(made.body_);
  if (made.body_is_constant_) made.constant_body_ = std::move(made.body_[0].text);
  return made;
}

Made RequestTemplate::make(Moment& moment, MadeRequest& into) const {
  into.method.assign(method_);
  into.path.clear();
  append(path_, moment, into.path);
  if (path_[0].text == "/" && path_[0].has_value) keep_path(into.path);
  into.headers.resize(headers_.size());
  for (std::size_t i = 0; i < headers_.size(); ++i) {
    auto& [name, value] = into.headers[i];
    name.assign(headers_[i].first);
    value.clear();
    append(headers_[i].second, moment, value);
    if (is_constant(headers_[i].second) || std::none_of(value.begin(), value.end(), &ends_header))
      continue;
    into.why = fmt::format("what the header {} would be has a line end in it", name);
    return Made::kFailed;
  }
  if (!has_body_) return Made::kMade;
  if (body_is_constant_) {
    into.shared_body = &constant_body_;
    return Made::kMade;
  }
  into.has_body = true;
  into.body.clear();
  append(body_, moment, into.body);
  return Made::kMade;
}

void RequestTemplate::append(const Text& text, Moment& moment, std::string& out) {
  for (const Piece& piece : text) {
    out += piece.text;
    if (piece.has_value) append_value(piece, moment, out);
  }
}

std::string_view RequestTemplate::word(const Word& word, Moment& moment) {
  switch (word.kind) {
    case TemplateWord::Kind::kRow:
      return moment.rows->field(moment.row, word.place, moment.scratch);
    case TemplateWord::Kind::kValue:
      return (*moment.values)[word.place];
    case TemplateWord::Kind::kText:
      break;
  }
  return word.text;
}

// Numbers and UUIDs stand anywhere as they are.
void RequestTemplate::append_value(const Piece& piece, Moment& moment, std::string& out) {
  const Fit fit = fit_of(piece);
  const auto number = [&](std::int64_t value) {
    const fmt::format_int text(value);
    out.append(text.data(), text.size());
  };
  switch (piece.kind) {
    case Kind::seq:
      return number(piece.least + static_cast<std::int64_t>(moment.turn.of_all));
    case Kind::client:
      return number(moment.place.index);
    case Kind::uuid:
      return append_uuid(out, moment.draws);
    case Kind::rand_int: {
      const auto range =
          static_cast<std::uint64_t>(piece.most) - static_cast<std::uint64_t>(piece.least) + 1;
      const std::uint64_t drawn = range == 0 ? moment.draws.bits() : moment.draws.below(range);
      return number(static_cast<std::int64_t>(static_cast<std::uint64_t>(piece.least) + drawn));
    }
    case Kind::choice:
      return append_fit(out, word(piece.words[moment.draws.below(piece.words.size())], moment),
                        fit);
    case Kind::now: {
      const std::string_view form =
          piece.words.empty() ? std::string_view("iso") : std::string_view(piece.words[0].text);
      std::string text;
      append_now(text, form, moment.place.wall_clock.wall(moment.turn.due));
      return append_fit(out, text, fit);
    }
    case Kind::basic: {
      std::string both(word(piece.words[0], moment));
      both += ':';
      both += word(piece.words[1], moment);
      return append_fit(out, "Basic " + wire::base64(both), fit);
    }
    case Kind::kRow:
    case Kind::kValue:
    case Kind::text:
      return append_fit(out, word(piece.words[0], moment), fit);
    case Kind::file:
    case Kind::base64:
    case Kind::env:
      break;  // known beforehand
  }
}

}  // namespace galileo::load
