#include "load/sending.h"

#include <algorithm>

#include "base/utf8.h"
#include "load/client.h"
#include "load/dispatcher.h"
#include "wire/json.h"

namespace galileo::load {
namespace {

// As Python's json has it: whatever isn't ASCII is escaped. A header's other bytes are ISO-8859-1.
void append_json(std::string& out, std::string_view text) {
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  if (std::all_of(text.begin(), text.end(), is_plain))
    ((out += '"') += text) += '"';
  else
    out += wire::json_text(utf8_of_latin1(text));
}

}  // namespace

Sending::Sending(Dispatcher& dispatcher)
    : hops_end([this](Time) { dispatcher_.hops_timed_out(*this); }), dispatcher_(dispatcher) {}

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
  held = Held::kNot;
  step = failed_check = 0;
  trace_id = {};
  adds_trace = false;
  checks = group.checks ? &*group.checks : nullptr;
  chosen = false;
  server = 0;
  redirect.clear();
  before = {};
  first_dispatched = first_sent = first_asked = kNever;
  asked = kNever;
  handshake = queued = kNoDuration;
  protocol = net::HttpProtocol::kNone;
  why.clear();
  read_late = Duration{0};
  timeout = group.timeout;
  expects_no_body = group.is_head;
  repeatable = group.is_repeatable;
  bounds = &of.bounds;
  redirects_max = of.redirects_max;
  challenges = 0;
  keep_headers = of.keep_headers;
  keep_response = of.keep_response;
  keep_only_failed = of.keep_only_failed;
  if (made) made->terms.reset();
  read_answer();
}

// What of the answer is of use to anybody.
void Sending::read_answer() {
  const RequestTerms& said = terms();
  capture = nullptr;
  want_redirect = redirects_max > 0 || said.keep_cookies;
  const std::size_t checked = !checks || !(checks->wants_headers() || checks->wants_body()) ? 0
                              : checks->wants_body() ? kCheckedMax + 1
                                                     : 1;
  const RequestSource* const source = client->source();
  const std::size_t heard = std::max(checked, source ? source->wants_answers() : 0);
  if (!keep_headers && keep_response == 0 && heard == 0 && !said.digest) return;
  captured.clear();
  // A body is text by what its Content-Type says.
  captured.want_headers = true;
  // One more than is kept tells a body that is cut from one that just fits.
  captured.want_body = std::max(keep_response > 0 ? std::size_t{keep_response} + 1 : 0, heard);
  capture = &captured;
}

const RequestTerms& Sending::terms() const {
  if (client->source() && made && made->terms) return *made->terms;
  return client->group().request;
}

void Sending::take_terms() {
  if (!made->terms) return;
  const RequestTerms& said = *made->terms;
  if (said.timeout) timeout = *said.timeout;
  if (said.redirects_max) redirects_max = *said.redirects_max;
  read_answer();
}

wire::RequestParts Sending::parts() const {
  const Request& request = client->group().request;
  const RequestTerms& said = terms();
  using Cookies = wire::RequestParts::GivenCookies;
  const Cookies cookies = !said.like_requests    ? Cookies::kToHost
                          : said.cookies_by_name ? Cookies::kEverywhere
                                                 : Cookies::kNowhere;
  const bool closes = !request.http.keep_alive;
  if (client->source())
    return {made->method,       made->headers, made->sent_body(), true, cookies,
            said.like_requests, closes};
  return {request.method, request.headers, request.has_body ? &request.body : nullptr,
          true,           cookies,         said.like_requests,
          closes};
}

const std::string& Sending::path() const {
  return client->source() ? made->path : client->group().request.path;
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

std::string_view Sending::header(std::string_view name) const {
  for (const auto& [its, value] : captured.headers) {
    if (wire::http1::equals_ignoring_case(its, name)) return value;
  }
  return {};
}

}  // namespace galileo::load
