#include "gateway/heads.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "base/text.h"
#include "wire/unix_time.h"

namespace galileo::gateway {
namespace {

using wire::http1::equals_ignoring_case;

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Names that mean nothing more in Connection, and those without which the message would be another.
bool stays_whatever_is_said(std::string_view name) {
  for (const char* known : {"close", "keep-alive", "content-length", "transfer-encoding", "host"}) {
    if (equals_ignoring_case(name, known)) return true;
  }
  return false;
}

template <class F>
void each_item(std::string_view list, F&& f) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (!item.empty()) f(item);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

void append(std::string& to, std::string_view name, std::string_view value) {
  to.append(name).append(": ").append(value).append("\r\n");
}

void append_hop(std::string& to, const HopNames& names, const Hop& hop) {
  to.append("X-Final-Host: ").append(hop.target).append("\r\n");
  to.append(names.stamp).append(": ");
  wire::append_unix_time(to, hop.taken, 7);
  to.append("\r\n");
}

}  // namespace

HopNames::HopNames(const std::string& of_node)
    : node(of_node), stamp("X-Forwarded-Host-" + canonical_header(of_node)) {}

std::string canonical_header(std::string_view name) {
  std::string text(name);
  bool begins = true;
  for (char& c : text) {
    c = begins ? upper(c) : lower(c);
    begins = c == '-';
  }
  return text;
}

void Head::clear() {
  lines_.clear();
  where_.clear();
  connection_names_.clear();
  upgrade_.clear();
  host_.clear();
  key_.clear();
  connection_has_upgrade_ = was_forwarded_ = has_host_ = false;
}

bool Head::belongs_to_the_hop(std::string_view name, std::string_view value) {
  switch (name.size()) {
    case 4:
      if (equals_ignoring_case(name, "host")) {
        host_ = value;
        has_host_ = true;
      }
      return false;
    case 2:
      return equals_ignoring_case(name, "te");
    case 6:
      // The gateway itself says 100 as soon as it is ready for the body.
      return of_request_ && equals_ignoring_case(name, "expect");
    case 7:
      if (!equals_ignoring_case(name, "upgrade")) return false;
      upgrade_ = value;
      return true;
    case 10:
      if (equals_ignoring_case(name, "keep-alive")) return true;
      if (!equals_ignoring_case(name, "connection")) return false;
      each_item(value, [&](std::string_view item) {
        if (equals_ignoring_case(item, "upgrade"))
          connection_has_upgrade_ = true;
        else if (!stays_whatever_is_said(item))
          connection_names_.append(item).append(",");
      });
      return true;
    case 12:
      return of_request_ && equals_ignoring_case(name, "x-final-host");
    case 15:
      if (!of_request_ || !equals_ignoring_case(name, "x-forwarded-for")) return false;
      was_forwarded_ = true;
      return true;
    case 16:
      return equals_ignoring_case(name, "proxy-connection");
    default:
      return of_request_ && equals_ignoring_case(name, names_.stamp);
  }
}

void Head::on_header(std::string_view name, std::string_view value) {
  if (!names_.key_header.empty() && equals_ignoring_case(name, names_.key_header)) key_ = value;
  if (belongs_to_the_hop(name, value)) return;
  const std::size_t begin = lines_.size();
  append(lines_, name, value);
  where_.push_back({begin, name.size(), lines_.size()});
}

// A head may name thousands of headers and have as many: each name is looked for once.
void Head::finish() {
  if (connection_names_.empty()) return;
  std::unordered_set<std::string> named;
  each_item(connection_names_, [&](std::string_view item) { named.insert(to_lower(item)); });
  std::string stay;
  for (const Line& line : where_) {
    const std::string_view text =
        std::string_view(lines_).substr(line.begin, line.end - line.begin);
    if (!named.contains(to_lower(text.substr(0, line.name_size)))) stay.append(text);
  }
  lines_ = std::move(stay);
  where_.clear();
}

void append_own_headers(std::string& to, const HopNames& names, const Hop& hop) {
  append(to, "X-Forwarded-For", names.node);
  append_hop(to, names, hop);
}

void append_request_head(std::string& to, std::string_view method, std::string_view path,
                         const Head& head, const HopNames& names, const Hop& hop,
                         std::string_view client_address) {
  to.append(method).append(path.starts_with('/') ? " " : " /").append(path);
  to.append(" HTTP/1.1\r\n");
  if (!head.has_host()) append(to, "Host", hop.target);
  to.append(head.lines());
  to.append("X-Forwarded-For: ").append(names.node).append(", ").append(client_address);
  to.append("\r\n");
  append_hop(to, names, hop);
  if (head.upgrades()) {
    append(to, "Connection", "Upgrade");
    append(to, "Upgrade", head.upgrade());
  }
  to.append("\r\n");
}

void append_interim_head(std::string& to, int status, const Head& head) {
  fmt::format_to(std::back_inserter(to), "HTTP/1.1 {} {}\r\n", status,
                 wire::http1::reason_phrase(status));
  to.append(head.lines()).append("\r\n");
}

void append_answer_head(std::string& to, int status, std::string_view reason, const Head& head,
                        const HopNames& names, const Hop& hop, std::string_view connection,
                        bool without_coding) {
  fmt::format_to(std::back_inserter(to), "HTTP/1.1 {} {}\r\n", status, reason);
  // Our own first: over two gateways a trace shows the first hop first.
  append_own_headers(to, names, hop);
  if (without_coding) {
    // Its body is no longer in chunks: the client is too old for them.
    std::string_view rest = head.lines();
    while (!rest.empty()) {
      const std::size_t end = rest.find("\r\n") + 2;
      if (!equals_ignoring_case(rest.substr(0, std::min<std::size_t>(17, end)),
                                "transfer-encoding"))
        to.append(rest.substr(0, end));
      rest.remove_prefix(end);
    }
  } else {
    to.append(head.lines());
  }
  if (head.upgrades() && status == 101) {
    append(to, "Connection", "Upgrade");
    append(to, "Upgrade", head.upgrade());
  } else if (!connection.empty()) {
    append(to, "Connection", connection);
  }
  to.append("\r\n");
}

}  // namespace galileo::gateway
