#include "wire/http2_request.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "wire/http1.h"

namespace galileo::wire {
namespace {

constexpr std::size_t kAuthority = 2;  // where it stands among the fields
constexpr std::size_t kPath = 3;

bool is_of_a_connection(std::string_view name) {
  static constexpr std::array<std::string_view, 6> kNames{"connection",       "keep-alive",
                                                          "proxy-connection", "transfer-encoding",
                                                          "upgrade",          "http2-settings"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool Http2Request::read(std::string_view request, std::string_view scheme) {
  names_.clear();
  fields_.clear();
  connections_.clear();
  body_ = {};
  has_host_ = false;
  const std::size_t end = request.find("\r\n\r\n");
  std::string_view head = request.substr(0, end);
  names_.reserve(head.size());  // views of it stay where they are
  const std::size_t line_end = head.find("\r\n");
  bool good = end != std::string_view::npos && start_line(head.substr(0, line_end));
  if (good) fields_[1].value = scheme;
  while (good && head.find("\r\n") != std::string_view::npos) {
    head.remove_prefix(head.find("\r\n") + 2);
    good = header(head.substr(0, head.find("\r\n")));
  }
  if (!good) {
    fields_.clear();
    return false;
  }
  for (const std::string_view connection : connections_) drop_named_by(connection);
  if (!has_host_) fields_.erase(fields_.begin() + kAuthority);
  body_ = request.substr(end + 4);
  return true;
}

bool Http2Request::start_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || last == first + 1) return false;
  const std::string_view method = line.substr(0, first);
  if (!http1::is_token(method)) return false;
  fields_.push_back({":method", method});
  fields_.push_back({":scheme", {}});
  fields_.push_back({":authority", {}});
  fields_.push_back({":path", line.substr(first + 1, last - first - 1)});
  return true;
}

bool Http2Request::header(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !http1::is_token(line.substr(0, colon))) return false;
  const std::string_view value = trim(line.substr(colon + 1));
  const std::size_t begin = names_.size();
  for (const char c : line.substr(0, colon)) names_ += lower(c);
  const std::string_view name(names_.data() + begin, colon);
  if (name == "host") {
    if (!has_host_) fields_[kAuthority].value = value;
    has_host_ = has_host_ || !value.empty();
    return true;
  }
  if (name == "connection") connections_.push_back(value);
  if (is_of_a_connection(name) || (name == "te" && !http1::equals_ignoring_case(value, "trailers")))
    return true;
  fields_.push_back({name, value});
  return true;
}

void Http2Request::drop_named_by(std::string_view connection) {
  while (!connection.empty()) {
    const std::size_t comma = std::min(connection.find(','), connection.size());
    const std::string_view name = trim(connection.substr(0, comma));
    connection.remove_prefix(std::min(comma + 1, connection.size()));
    const auto named = [&](const Field& field) {
      return http1::equals_ignoring_case(field.name, name);
    };
    fields_.erase(std::remove_if(fields_.begin() + kPath + 1, fields_.end(), named), fields_.end());
  }
}

}  // namespace galileo::wire
