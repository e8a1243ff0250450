#include "wire/http1.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>

// The reader takes whole lines straight out of the caller's bytes (memchr finds their ends) and
// only stores a line that two pieces share. Of the headers it looks at those that frame the
// message: Content-Length, Transfer-Encoding, Connection; the rest is passed over, or captured when
// asked for.

namespace galileo::wire::http1 {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Calls f for each comma-separated item, trimmed; stops when f says false.
template <class F>
bool each_item(std::string_view list, F&& f) {
  while (true) {
    const std::size_t comma = list.find(',');
    const std::string_view item = trimmed(list.substr(0, comma));
    if (!item.empty() && !f(item)) return false;
    if (comma == std::string_view::npos) return true;
    list.remove_prefix(comma + 1);
  }
}

bool parse_decimal(std::string_view text, std::uint64_t& value) {
  if (text.empty() || text.size() > 18) return false;
  value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return true;
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// "HTTP/1.x": the minor version, or -1.
int minor_version_of(std::string_view text) {
  constexpr std::string_view kMajor = "HTTP/1.";
  if (text.size() != 8 || text.substr(0, 7) != kMajor || !is_digit(text[7])) return -1;
  return text[7] - '0';
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
  });
}

// RFC 9110, 7.2: a name or address, with or without a port; some clients send none at all.
bool can_be_host(std::string_view text) {
  static constexpr std::string_view kOthers = "-._~!$&'()*+,;=%:[]";
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

}  // namespace

bool is_token(std::string_view text) {
  static constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view text) {
  return !has_control(text);
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

void MessageReader::reset() {
  phase_ = Phase::kStart;
  problem_ = Problem::none;
  forget_headers();
  head_bytes_ = 0;
  bytes_ = 0;
  body_bytes_ = 0;
  remaining_ = 0;
  keep_alive_ = false;
}

// Before each message, and after an interim answer (whose bytes still count against the limit, so
// that interim answers without an end are one).
void MessageReader::forget_headers() {
  minor_version_ = 1;
  chunked_ = other_coding_ = has_length_ = close_ = keep_alive_header_ = false;
  expects_continue_ = last_was_framing_ = until_close_ = false;
  hosts_ = 0;
  length_ = 0;
  partial_.clear();
  location_.clear();
  set_cookies_.clear();
}

void MessageReader::fail(Problem problem) {
  phase_ = Phase::kFailed;
  problem_ = problem;
  keep_alive_ = false;
}

std::size_t MessageReader::feed_bytes(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && phase_ != Phase::kDone && phase_ != Phase::kFailed) {
    const std::string_view rest = bytes.substr(taken);
    const bool in_body =
        phase_ == Phase::kLength || phase_ == Phase::kUntilClose || phase_ == Phase::kChunkData;
    const bool in_head = phase_ <= Phase::kHeaders;
    taken += in_body ? body(rest) : take_line(rest);
    if (sink_ && in_head && head_done()) break;
  }
  bytes_ += taken;
  return taken;
}

// Takes up to one line; hands it on when it is whole.
std::size_t MessageReader::take_line(std::string_view bytes) {
  const void* end = std::memchr(bytes.data(), '\n', bytes.size());
  const std::size_t length =
      end ? static_cast<std::size_t>(static_cast<const char*>(end) - bytes.data()) + 1
          : bytes.size();
  head_bytes_ += static_cast<std::uint32_t>(std::min<std::size_t>(length, 1u << 30));
  if (head_bytes_ > limits_.head_max) {
    fail(Problem::head_too_large);
    return length;
  }
  if (!end) {
    partial_.append(bytes);
    return length;
  }
  std::string_view text = bytes.substr(0, length);
  std::string joined;
  if (!partial_.empty()) {
    joined = std::move(partial_);
    partial_.clear();
    joined.append(text);
    text = joined;
  }
  text.remove_suffix(1);
  const bool has_cr = !text.empty() && text.back() == '\r';
  if (has_cr) text.remove_suffix(1);
  if (limits_.strict && (!has_cr || has_control(text))) {
    fail(Problem::malformed);
    return length;
  }
  if (!line(text) && phase_ != Phase::kFailed) fail(Problem::malformed);
  return length;
}

bool MessageReader::line(std::string_view text) {
  switch (phase_) {
    case Phase::kStart:
      return start_line(text);
    case Phase::kHeaders:
      if (!text.empty()) return header(text);
      headers_complete();
      return true;
    case Phase::kTrailers:
      if (text.empty()) {
        end_message();
        return true;
      }
      return limits_.strict ? is_token(text.substr(0, text.find(':'))) &&
                                  text.find(':') != std::string_view::npos
                            : text.find(':') != std::string_view::npos;
    case Phase::kChunkSize:
      return chunk_size(text);
    case Phase::kChunkEnd:
      phase_ = Phase::kChunkSize;
      return text.empty();
    default:
      return false;
  }
}

bool MessageReader::header(std::string_view text) {
  if (text.front() == ' ' || text.front() == '\t') {
    // An old folded line belongs to the header before it; one that frames the message may not fold.
    if (last_was_framing_ || limits_.strict) return false;
    if (capture_ && capture_->want_headers && !capture_->headers.empty())
      capture_->headers.back().second.append(" ").append(trimmed(text));
    return true;
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view name = text.substr(0, colon);
  if (name.back() == ' ' || name.back() == '\t') return false;
  if (limits_.strict && !is_token(name)) return false;
  if (std::memchr(text.data(), '\0', text.size())) return false;
  const std::string_view value = trimmed(text.substr(colon + 1));
  if (capture_ && capture_->want_headers) capture_->headers.emplace_back(name, value);
  if (sink_) sink_->on_header(name, value);
  return framing_header(name, value);
}

bool MessageReader::framing_header(std::string_view name, std::string_view value) {
  last_was_framing_ = false;
  switch (name.size()) {
    case 4:
      if (equals_ignoring_case(name, "host")) {
        ++hosts_;
        return !limits_.strict || can_be_host(value);
      }
      return true;
    case 6:
      if (equals_ignoring_case(name, "expect"))
        expects_continue_ = equals_ignoring_case(value, "100-continue");
      return true;
    case 8:
      if (want_redirect_ && equals_ignoring_case(name, "location")) location_ = value;
      return true;
    case 10:
      if (want_redirect_ && equals_ignoring_case(name, "set-cookie"))
        set_cookies_.emplace_back(value);
      if (!equals_ignoring_case(name, "connection")) return true;
      last_was_framing_ = true;
      connection_header(value);
      return true;
    case 14:
      if (!equals_ignoring_case(name, "content-length")) return true;
      last_was_framing_ = true;
      return length_header(value);
    case 17:
      if (!equals_ignoring_case(name, "transfer-encoding")) return true;
      last_was_framing_ = true;
      return coding_header(value);
    default:
      return true;
  }
}

// Several lengths are fine as long as they agree (RFC 9110, 8.6).
bool MessageReader::length_header(std::string_view value) {
  if (limits_.strict && has_length_) return false;
  if (limits_.strict && value.find(',') != std::string_view::npos) return false;
  bool seen = false;
  const bool valid = each_item(value, [&](std::string_view item) {
    std::uint64_t length = 0;
    if (!parse_decimal(item, length) || (has_length_ && length != length_)) return false;
    has_length_ = seen = true;
    length_ = length;
    return true;
  });
  return valid && seen;
}

bool MessageReader::coding_header(std::string_view value) {
  if (limits_.strict && (minor_version_ == 0 || !equals_ignoring_case(value, "chunked")))
    return false;
  return each_item(value, [&](std::string_view item) {
    if (chunked_) return false;  // chunked must come last, and once
    if (equals_ignoring_case(item, "chunked")) {
      chunked_ = true;
      other_coding_ = false;
    } else {
      other_coding_ = true;
    }
    return true;
  });
}

void MessageReader::connection_header(std::string_view value) {
  each_item(value, [&](std::string_view item) {
    if (equals_ignoring_case(item, "close")) close_ = true;
    if (equals_ignoring_case(item, "keep-alive")) keep_alive_header_ = true;
    return true;
  });
}

void MessageReader::begin_body(bool answer) {
  keep_alive_ = !close_ && (minor_version_ >= 1 || keep_alive_header_);
  if (chunked_) {
    // Both framings at once is how requests are smuggled: the chunks are read, the connection isn't
    // used again.
    if (has_length_ && limits_.strict) return fail(Problem::malformed);
    if (has_length_) keep_alive_ = false;
    head_bytes_ = 0;
    phase_ = Phase::kChunkSize;
    return;
  }
  if (other_coding_ || (answer && !has_length_)) {
    keep_alive_ = false;
    until_close_ = answer;
    phase_ = answer ? Phase::kUntilClose : Phase::kFailed;
    if (!answer) fail(Problem::malformed);
    return;
  }
  if (length_ > limits_.body_max) {
    fail(Problem::body_too_large);
    return;
  }
  remaining_ = length_;
  phase_ = remaining_ > 0 ? Phase::kLength : Phase::kDone;
}

bool MessageReader::chunk_size(std::string_view text) {
  const bool exact = limits_.strict && !takes_extensions_;
  const std::string_view digits = exact ? text : trimmed(text.substr(0, text.find(';')));
  if (digits.empty() || digits.size() > 15) return false;
  std::uint64_t size = 0;
  for (const char c : digits) {
    const int digit = hex_digit(c);
    if (digit < 0) return false;
    size = size * 16 + static_cast<std::uint64_t>(digit);
  }
  if (size > limits_.body_max || body_bytes_ + size > limits_.body_max) {
    fail(Problem::body_too_large);
    return false;
  }
  remaining_ = size;
  head_bytes_ = size == 0 ? head_bytes_ : 0;  // the limit is for one line, and for the trailers
  phase_ = size == 0 ? Phase::kTrailers : Phase::kChunkData;
  return true;
}

std::size_t MessageReader::body(std::string_view bytes) {
  const bool bounded = phase_ != Phase::kUntilClose;
  const std::size_t length =
      bounded ? static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), remaining_))
              : bytes.size();
  body_bytes_ += length;
  if (body_bytes_ > limits_.body_max) {
    fail(Problem::body_too_large);
    return length;
  }
  if (capture_ && capture_->body.size() < capture_->want_body)
    capture_->body.append(
        bytes.substr(0, capture_->want_body - capture_->body.size()).substr(0, length));
  if (!bounded) return length;
  remaining_ -= length;
  if (remaining_ == 0) phase_ = phase_ == Phase::kLength ? Phase::kDone : Phase::kChunkEnd;
  return length;
}

void MessageReader::finish_bytes() {
  if (phase_ == Phase::kDone || phase_ == Phase::kFailed) return;
  if (phase_ == Phase::kUntilClose) {
    end_message();
    return;
  }
  fail(Problem::cut);
}

void ResponseParser::start(bool answers_head) {
  reset();
  status_ = -1;
  answers_head_ = answers_head;
}

bool ResponseParser::start_line(std::string_view line) {
  // "HTTP/1.1 200" and more or nothing after a blank.
  if (line.size() < 12 || line[8] != ' ' || (line.size() > 12 && line[12] != ' ')) return false;
  minor_version_ = minor_version_of(line.substr(0, 8));
  if (minor_version_ < 0 || !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]))
    return false;
  status_ = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  reason_ = line.substr(std::min<std::size_t>(line.size(), 13));
  phase_ = Phase::kHeaders;
  if (sink_) sink_->on_head();
  return status_ >= 100;
}

void ResponseParser::headers_complete() {
  if (status_ < 200 && status_ != 101) {
    if (sink_) sink_->on_interim(status_);
    forget_headers();
    phase_ = Phase::kStart;
    return;
  }
  if (answers_head_ || status_ == 204 || status_ == 304 || status_ == 101) {
    keep_alive_ = status_ != 101 && !close_ && (minor_version_ >= 1 || keep_alive_header_);
    end_message();
    return;
  }
  begin_body(true);
}

void RequestParser::start() {
  reset();
  method_.clear();
  target_.clear();
}

bool RequestParser::start_line(std::string_view line) {
  if (line.empty()) return head_bytes_ <= 2;  // one blank line before a request is passed over
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == 0 || last <= first + 1) return false;
  minor_version_ = minor_version_of(line.substr(last + 1));
  if (minor_version_ < 0) return false;
  method_ = line.substr(0, first);
  target_ = line.substr(first + 1, last - first - 1);
  phase_ = Phase::kHeaders;
  if (sink_) sink_->on_head();
  if (limits_.strict &&
      (!is_token(method_) || minor_version_ > 1 || (target_.front() != '/' && target_ != "*") ||
       target_.find('#') != std::string::npos))
    return false;
  return target_.find(' ') == std::string::npos;
}

void RequestParser::headers_complete() {
  if (limits_.strict && (hosts_ > 1 || (hosts_ == 0 && minor_version_ > 0)))
    return fail(Problem::malformed);
  begin_body(false);
}

namespace {

bool has_header(const Headers& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const auto& h) { return equals_ignoring_case(h.first, name); });
}

// Up to the headers that say how the message is framed.
void append_head(std::string& out, std::string_view method, std::string_view path,
                 std::string_view host, const Headers& headers) {
  (((out += method) += ' ') += path) += " HTTP/1.1\r\n";
  if (!has_header(headers, "host")) ((out += "Host: ") += host) += "\r\n";
  if (!has_header(headers, "user-agent")) out += "User-Agent: galileo\r\n";
  if (!has_header(headers, "accept")) out += "Accept: */*\r\n";
  for (const auto& [name, value] : headers) (((out += name) += ": ") += value) += "\r\n";
}

void append_length(std::string& out, const Headers& headers, const std::string* body) {
  if (!body || has_header(headers, "content-length") || has_header(headers, "transfer-encoding"))
    return;
  fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", body->size());
}

}  // namespace

std::string serialize_request(std::string_view method, std::string_view path, std::string_view host,
                              const Headers& headers, const std::string* body,
                              bool connection_close) {
  std::string text;
  serialize_request_into(text, method, path, host, headers, body, connection_close);
  return text;
}

void serialize_request_into(std::string& out, std::string_view method, std::string_view path,
                            std::string_view host, const Headers& headers, const std::string* body,
                            bool connection_close) {
  out.clear();
  append_head(out, method, path, host, headers);
  append_length(out, headers, body);
  if (connection_close && !has_header(headers, "connection")) out += "Connection: close\r\n";
  out += "\r\n";
  if (body) out += *body;
}

namespace {

std::string status_and_headers(int status, const Headers& headers) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\n", status, reason_phrase(status));
  for (const auto& [name, value] : headers) text += fmt::format("{}: {}\r\n", name, value);
  return text;
}

}  // namespace

std::string serialize_response(int status, const Headers& headers, std::string_view body,
                               bool keep_alive, bool answers_head) {
  std::string text = status_and_headers(status, headers);
  const bool bodiless = status < 200 || status == 204 || status == 304;
  if (!bodiless) text += fmt::format("Content-Length: {}\r\n", body.size());
  if (!keep_alive) text += "Connection: close\r\n";
  text += "\r\n";
  if (!bodiless && !answers_head) text += body;
  return text;
}

std::string serialize_response_head(int status, const Headers& headers, bool chunked,
                                    bool keep_alive) {
  std::string text = status_and_headers(status, headers);
  if (chunked) text += "Transfer-Encoding: chunked\r\n";
  if (!keep_alive) text += "Connection: close\r\n";
  return text + "\r\n";
}

void append_chunk(std::string& out, std::string_view piece) {
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", piece.size());
  out.append(piece).append("\r\n");
}

bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE" ||
         method == "PUT" || method == "DELETE";
}

std::string_view reason_phrase(int status) {
  static constexpr std::pair<int, std::string_view> kPhrases[] = {
      {100, "Continue"},
      {101, "Switching Protocols"},
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {422, "Unprocessable Content"},
      {428, "Precondition Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
  };
  for (const auto& [known, phrase] : kPhrases) {
    if (known == status) return phrase;
  }
  return status < 400 ? "Answer" : "Error";
}

}  // namespace galileo::wire::http1
