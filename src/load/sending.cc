#include "load/sending.h"

#include <fmt/format.h>

#include <algorithm>

#include "load/client.h"
#include "load/dispatcher.h"

namespace galileo::load {
namespace {

void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  out += '"';
}

}  // namespace

void Sending::on_done() {
  dispatcher_.over(*this);
}

void Sending::begin(Client& of, std::uint64_t its_number, Time due, std::uint32_t of_lane) {
  const Group& group = of.group();
  client = &of;
  workload = of.workload();
  number = its_number;
  created = due;
  lane = of_lane;
  chosen = false;
  server = 0;
  redirects = 0;
  first_dispatched = first_sent = kNever;
  timeout = group.timeout;
  expects_no_body = group.is_head;
  repeatable = group.is_repeatable;
  want_location = group.redirects_max > 0;
}

// Repeated headers are joined by ", " as the wire has them.
std::string Sending::headers_json() const {
  wire::http1::Headers joined;
  for (const auto& [name, value] : captured.headers) {
    const auto same =
        std::find_if(joined.begin(), joined.end(), [&, &header = name](const auto& h) {
          return wire::http1::equals_ignoring_case(h.first, header);
        });
    if (same == joined.end())
      joined.emplace_back(name, value);
    else
      same->second += ", " + value;
  }
  std::string json = "{";
  for (const auto& [name, value] : joined) {
    if (json.size() > 1) json += ", ";
    append_json(json, name);
    json += ": ";
    append_json(json, value);
  }
  return json + "}";
}

}  // namespace galileo::load
