// What a client adds to requests that are otherwise its group's: cookies that it keeps, and answers
// to challenges (digest authentication). A challenge and its answer are two messages on the wire
// and one request: they share the time-out and the trace, as redirects do.
#include <fmt/format.h>

#include "load/dispatcher.h"
#include "net/hashes.h"
#include "wire/head_lines.h"

namespace galileo::load {

namespace {

constexpr int kUnauthorized = 401;
// To one host in one hop: the first challenge, and another one where its nonce was too old.
constexpr std::uint32_t kChallengesMax = 2;

// Method and target of a request that is ready to be sent.
struct RequestLine {
  std::string_view method;
  std::string_view target;
};

RequestLine line_of(std::string_view message) {
  const std::size_t first = message.find(' ');
  const std::size_t second = message.find(' ', first + 1);
  return {message.substr(0, first), message.substr(first + 1, second - first - 1)};
}

std::string_view body_in(std::string_view message) {
  return message.substr(message.find("\r\n\r\n") + 4);
}

// The message where it can be changed.
std::string& own_bytes(Sending& sending) {
  if (sending.bytes.data() != sending.identified.data()) sending.identified = sending.bytes;
  return sending.identified;
}

}  // namespace

// The host of the hop under way, as routes name it.
std::string Dispatcher::host_asked(const Sending& sending) {
  return sending.redirect.count() > 0 ? sending.redirect.to().route_host()
                                      : sending.routing->destinations[sending.host].target->host();
}

Result<wire::Uri> Dispatcher::url_asked(const Sending& sending) {
  if (sending.redirect.count() > 0) return sending.redirect.to();
  const std::string host = host_asked(sending);
  return wire::parse_uri((wire::speaks_tls(host) ? "" : "http://") + host +
                         sending.client->group().service.router().path_of(sending.path()));
}

// User and password are for the host that was meant, whatever an answer leads to.
bool Dispatcher::is_at_home(const Sending& sending) {
  return sending.redirect.count() == 0 ||
         host_asked(sending) == sending.routing->destinations[sending.host].target->host();
}

// Of a client that has asked for it, be it by one request alone.
Remembered& Dispatcher::remembered_by(Client& client) {
  if (!client.remembered) client.remembered = client.new_memory(options_.seed);
  return *client.remembered;
}

// A hop is about to be sent: what the client knows by now goes along.
void Dispatcher::identify(Sending& sending) {
  const RequestTerms& terms = sending.terms();
  sending.identified.clear();
  if (terms.keep_cookies) add_cookies(sending);
  if (!terms.digest || !terms.digest->keep || !is_at_home(sending)) return;
  auto& answers = remembered_by(*sending.client).answers;
  const auto known = answers.find(host_asked(sending));
  if (known != answers.end()) authorize(sending, known->second);
}

void Dispatcher::add_cookies(Sending& sending) {
  wire::CookieJar& jar = remembered_by(*sending.client).cookies;
  const auto to = url_asked(sending);
  if (!to.ok()) return;
  jar.forget_expired(wall(clock_.now()));
  const std::string cookies = jar.header_for(*to, wire::header_of(sending.bytes, "cookie"));
  if (cookies.empty()) return;
  std::string& bytes = own_bytes(sending);
  wire::set_header(bytes, "Cookie", cookies);
  sending.bytes = bytes;
  sending.ahead = nullptr;  // of other bytes
}

// False: the system hasn't that hash.
bool Dispatcher::authorize(Sending& sending, wire::DigestAnswers& answers) {
  const DigestUser& user = *sending.terms().digest;
  std::string& bytes = own_bytes(sending);
  const RequestLine line = line_of(bytes);
  const std::string header = answers.next(user.user, user.password, line.method, line.target,
                                          body_in(bytes), &net::hash_hex);
  if (header.empty()) return false;
  wire::set_header(bytes, "Authorization", header);
  sending.bytes = bytes;
  sending.ahead = nullptr;  // of other bytes
  return true;
}

// An answer is there: what it sets is kept.
void Dispatcher::keep_cookies(Sending& sending) {
  if (!sending.terms().keep_cookies || sending.set_cookies.empty()) return;
  const auto from = url_asked(sending);
  if (!from.ok()) return;
  for (const std::string& cookie : sending.set_cookies)
    remembered_by(*sending.client).cookies.take(cookie, *from, wall(clock_.now()));
}

// True: the request is under way again, with the answer to the challenge.
bool Dispatcher::answer_challenge(Sending& sending) {
  Client& client = *sending.client;
  const RequestTerms& terms = sending.terms();
  const bool stopped = sending.workload != client.workload();
  if (sending.status != kUnauthorized || !terms.digest || stopped || !is_at_home(sending))
    return false;
  const auto challenge = wire::read_challenge(sending.captured.headers);
  if (!challenge || sending.challenges >= (challenge->stale ? kChallengesMax : 1)) return false;
  const std::string host = host_asked(sending);
  Remembered& remembered = remembered_by(client);
  wire::DigestAnswers& answers = remembered.answers[host];
  answers.take(*challenge, fmt::format("{:016x}", remembered.draws.bits()));
  if (terms.keep_cookies) add_cookies(sending);
  if (!authorize(sending, answers)) return false;
  leave_hop(sending);
  ++sending.challenges;
  sending.request_bytes += sending.bytes.size();
  pool_.send(sending, hop_target(sending, host));
  return true;
}

}  // namespace galileo::load
