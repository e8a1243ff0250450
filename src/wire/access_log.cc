#include "wire/access_log.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"

namespace galileo::wire {
namespace {

constexpr std::string_view kRequestTimeNames[] = {"rt", "request_time"};

std::optional<char> hex_byte(std::string_view digits) {
  unsigned value = 0;
  if (digits.size() != 2) return std::nullopt;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return static_cast<char>(value);
}

// As nginx ("\x22") and Apache ("\"", "\t", "\x16") write what would break a line.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      plain += text[i];
      continue;
    }
    const char next = text[++i];
    if (next == 'x' && hex_byte(text.substr(i + 1, 2))) {
      plain += *hex_byte(text.substr(i + 1, 2));
      i += 2;
    } else if (next == 'n' || next == 't' || next == 'r') {
      plain += next == 'n' ? '\n' : next == 't' ? '\t' : '\r';
    } else if (next == '"' || next == '\\') {
      plain += next;
    } else {
      (plain += '\\') += next;
    }
  }
  return plain;
}

// As HAProxy does: "#22".
std::string without_hashes(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i] == '#' ? hex_byte(text.substr(i + 1, 2)) : std::nullopt;
    plain += byte.value_or(text[i]);
    if (byte) i += 2;
  }
  return plain;
}

struct Field {
  std::string_view text;
  bool quoted = false;
  bool whole = true;  // its quote ends
};

// Takes fields off a line: words, and texts in quotes, of which a backslash hides one.
class LineFields {
 public:
  explicit LineFields(std::string_view line) : rest_(line) {}

  std::optional<Field> next() {
    while (rest_.starts_with(' ') || rest_.starts_with('\t')) rest_.remove_prefix(1);
    if (rest_.empty()) return std::nullopt;
    const bool quoted = rest_[0] == '"';
    std::size_t end = quoted ? 1 : 0;
    const auto ends = [&] { return quoted ? rest_[end] == '"' : rest_[end] == ' '; };
    while (end < rest_.size() && !ends()) end += quoted && rest_[end] == '\\' ? 2 : 1;
    const bool whole = !quoted || end < rest_.size();
    end = std::min(end, rest_.size());
    const Field field{rest_.substr(quoted ? 1 : 0, quoted ? end - 1 : end), quoted, whole};
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return field;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

// The first text in brackets that is a time; what is behind it stays in `line`.
LogTime take_time(std::string_view& line) {
  for (std::size_t open = line.find('['); open != std::string_view::npos;
       open = line.find('[', open + 1)) {
    const std::size_t close = line.find(']', open);
    if (close == std::string_view::npos) return {};
    const LogTime time = read_log_time(line.substr(open + 1, close - open - 1));
    if (time.at == kNoWall) continue;
    line.remove_prefix(close + 1);
    return time;
  }
  return {};
}

// nginx has always three decimals, and no other field of the usual ones has.
bool is_request_time(std::string_view text) {
  const std::size_t point = text.find('.');
  return point != std::string_view::npos && point > 0 && text.size() == point + 4 &&
         text.find_first_not_of("0123456789.") == std::string_view::npos &&
         text.find('.', point + 1) == std::string_view::npos;
}

// Whether this field behind the format's own, the so-manieth, says how long the request took.
Duration took_of(const Field& field, std::size_t number, const LogFields& fields) {
  const std::size_t equals = field.text.find('=');
  const bool is_named = equals != std::string_view::npos && !field.quoted;
  const std::string_view name = is_named ? field.text.substr(0, equals) : std::string_view();
  std::string_view value = is_named ? field.text.substr(equals + 1) : field.text;
  if (value.size() > 1 && value.starts_with('"') && value.ends_with('"'))
    value = value.substr(1, value.size() - 2);
  if (!fields.took.empty()) {
    const bool meant = fields.took.starts_with('+')
                           ? parse_integer(fields.took.substr(1)) == static_cast<int>(number)
                           : is_named && name == fields.took;
    return meant ? read_log_duration(value, fields.took_unit_s) : kNoDuration;
  }
  const bool known = is_named
                         ? std::find(std::begin(kRequestTimeNames), std::end(kRequestTimeNames),
                                     name) != std::end(kRequestTimeNames)
                         : is_request_time(value);
  return known ? read_log_duration(value) : kNoDuration;
}

void take_text_header(const char* name, const Field& field, RecordedRequest& into) {
  if (field.text.empty() || field.text == "-") return;
  take_header(name, unescaped(field.text), into);
}

}  // namespace

RecordFault read_access_line(std::string_view line, const LogFields& fields,
                             RecordedRequest& into) {
  if (line.find('[') == std::string_view::npos) return RecordFault::not_the_form;
  const LogTime time = take_time(line);
  const std::size_t quote = line.find('"');
  if (quote == std::string_view::npos) return RecordFault::not_the_form;
  if (time.at == kNoWall) return RecordFault::no_time;
  into.at = time.at;
  into.whole_second = time.whole_second;
  into.mark = TimeMark::kEnd;
  LineFields rest(line.substr(quote));
  const Field request = *rest.next();
  if (!request.whole) return RecordFault::cut;
  if (const RecordFault fault = take_request_line(unescaped(request.text), into);
      fault != RecordFault::none)
    return fault;
  // Status and bytes, then referrer and agent of the combined form.
  rest.next();
  rest.next();
  std::size_t texts = 0;
  std::size_t beyond = 0;
  while (const auto field = rest.next()) {
    if (texts < 2 && beyond == 0 && field->quoted) {
      take_text_header(texts == 0 ? "Referer" : "User-Agent", *field, into);
      ++texts;
      continue;
    }
    ++beyond;
    if (into.took == kNoDuration) into.took = took_of(*field, beyond, fields);
  }
  return RecordFault::none;
}

// "... [06/Feb/2009:12:14:14.655] frontend backend/server 10/0/30/69/109 200 2750 - - ----
// 1/1/1/1/0 0/0 {captured} "GET / HTTP/1.1"": the time is that of the request's first byte.
RecordFault read_haproxy_line(std::string_view line, const LogFields&, RecordedRequest& into) {
  const LogTime time = take_time(line);
  if (time.at == kNoWall) return RecordFault::not_the_form;
  LineFields words(line);
  words.next();
  words.next();
  const auto times = words.next();
  if (!times || std::count(times->text.begin(), times->text.end(), '/') != 4 ||
      times->text.find_first_not_of("-+/0123456789") != std::string_view::npos)
    return RecordFault::not_the_form;
  into.at = time.at;
  into.whole_second = time.whole_second;
  into.mark = TimeMark::kStart;
  const auto last = split(times->text, '/').back();
  into.took = read_log_duration(last.substr(last.starts_with('+') ? 1 : 0), 1e-3);
  // Captured headers may hold quotes; the request stands last, but for what TLS adds.
  const std::string_view rest = words.rest();
  const std::size_t braces = rest.rfind("} \"");
  const std::size_t begins = braces == std::string_view::npos ? rest.find('"') : braces + 2;
  if (begins == std::string_view::npos) return RecordFault::no_request;
  const std::size_t ends = rest.find('"', begins + 1);
  if (ends == std::string_view::npos) return RecordFault::cut;
  return take_request_line(without_hashes(rest.substr(begins + 1, ends - begins - 1)), into);
}

// "[2016-04-15T20:17:00.310Z] "POST /x HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "agent" ...".
RecordFault read_envoy_line(std::string_view line, const LogFields&, RecordedRequest& into) {
  if (!line.starts_with('[')) return RecordFault::not_the_form;
  const LogTime time = take_time(line);
  LineFields rest(trim(line));
  const auto request = rest.next();
  if (time.at == kNoWall || !request || !request->quoted) return RecordFault::not_the_form;
  into.at = time.at;
  into.whole_second = time.whole_second;
  into.mark = TimeMark::kStart;
  if (!request->whole) return RecordFault::cut;
  // Envoy writes "- - -" for what wasn't HTTP.
  if (request->text.starts_with("- ")) return RecordFault::no_request;
  if (const RecordFault fault = take_request_line(request->text, into); fault != RecordFault::none)
    return fault;
  std::size_t words = 0;
  std::size_t texts = 0;
  while (const auto field = rest.next()) {
    if (!field->quoted) {
      if (++words == 5) into.took = read_log_duration(field->text, 1e-3);
    } else if (words == 6 && ++texts == 2) {
      take_text_header("User-Agent", *field, into);
    } else if (words == 6 && texts == 4 && field->text != "-") {
      into.host = field->text;
    }
  }
  return RecordFault::none;
}

}  // namespace galileo::wire
