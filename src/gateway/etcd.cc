#include "gateway/etcd.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/secrets.h"
#include "wire/uri.h"

namespace galileo::gateway {
namespace {

constexpr std::string_view kRange = "/v3/kv/range";
constexpr std::string_view kWatch = "/v3/watch";
constexpr std::string_view kLogin = "/v3/auth/authenticate";
constexpr std::size_t kLineMax = std::size_t{64} << 20;

}  // namespace

Result<wire::Uri> parse_endpoint(const std::string& endpoint) {
  auto uri = wire::parse_uri(endpoint);
  const bool has_port =
      uri.ok() && endpoint.find(':', endpoint.rfind('/') + 1) != std::string::npos;
  const bool is_place = has_port && uri->path == "/" && uri->user_info.empty();
  if (is_place) return uri;
  return Error{ErrorCode::kUsage,
               fmt::format("etcd can't be at '{}'", without_user_info(endpoint)),
               {},
               uri.ok() ? "it has no port, or more than that" : uri.error().why,
               "give host:port, http://host:port or https://host:port"};
}

std::string weights_prefix(const std::string& zone) {
  return fmt::format("golb/function/{}/", zone);
}

struct EtcdMember::Call {
  Call(net::HttpPeer& peer, Duration within, net::HttpCall::Within what)
      : http(peer, within, what) {}

  net::HttpCall http;
  std::string text;  // of the answer so far; of a stream, of its line
  std::function<void(std::string_view line)> on_line;
  OnAnswer on_answer;
  bool over = false;
};

EtcdMember::EtcdMember(net::Loop& loop)
    : loop_(loop), tcp_(loop), clean_up_([this](Time) { clean_up(); }) {}

EtcdMember::~EtcdMember() = default;

Result<std::unique_ptr<EtcdMember>> EtcdMember::make(net::Loop& loop, const std::string& endpoint,
                                                     const EtcdOptions& options) {
  std::unique_ptr<EtcdMember> member(new EtcdMember(loop));
  const wire::Uri uri = TRY(parse_endpoint(endpoint));
  member->name_ = endpoint;
  member->answer_within_ = options.answer_within;
  net::HttpPeer::Options peer{uri.host_port()};
  if (uri.scheme == "https") {
    net::TlsOptions& tls = peer.tls.emplace();
    tls.server_name = uri.host;
    tls.ca_file = options.ca_file;
    tls.certificate_file = options.certificate_file;
    tls.key_file = options.key_file;
  }
  member->peer_ = TRY(net::HttpPeer::make(loop, member->tcp_, peer));
  return member;
}

void EtcdMember::clean_up() {
  std::erase_if(calls_, [](const auto& call) { return call->over; });
}

void EtcdMember::drop() {
  for (const auto& call : calls_) call->over = true;
  loop_.timers().set(clean_up_, loop_.clock().now());
}

void EtcdMember::ask(std::string_view path, const std::string& body, OnAnswer on_answer) {
  auto call = std::make_unique<Call>(*peer_, answer_within_, net::HttpCall::Within::kAnswer);
  call->on_answer = std::move(on_answer);
  start(path, body, std::move(call));
}

void EtcdMember::stream(std::string_view path, const std::string& body,
                        std::function<void(std::string_view line)> on_line, OnAnswer on_end) {
  auto call = std::make_unique<Call>(*peer_, answer_within_, net::HttpCall::Within::kHead);
  call->on_line = std::move(on_line);
  call->on_answer = std::move(on_end);
  start(path, body, std::move(call));
}

void EtcdMember::start(std::string_view path, const std::string& body,
                       std::unique_ptr<Call> owned) {
  Call& call = *owned;
  calls_.push_back(std::move(owned));
  const auto end = [this, &call](int status, std::string_view text) {
    if (std::exchange(call.over, true)) return;
    loop_.timers().set(clean_up_, loop_.clock().now());
    call.on_answer(status, text);
  };
  wire::http1::Headers headers{{"Content-Type", "application/json"}};
  if (!token.empty()) headers.emplace_back("Authorization", token);
  std::string request = wire::http1::serialize_request("POST", path, peer_->host_port(), headers,
                                                       &body, /*connection_close=*/true);
  net::HttpCall::Handlers handlers;
  handlers.on_body = [&call, end](int status, std::string_view piece) {
    if (call.over) return;
    // What came before holds no line's end: each byte is looked at once.
    const std::size_t looked_at = call.text.size();
    call.text.append(piece);
    if (call.text.size() > kLineMax) return end(-1, "it answers with too much");
    if (!call.on_line || status != 200) return;
    std::size_t begin = 0;
    for (std::size_t at = call.text.find('\n', looked_at); at != std::string::npos && !call.over;
         at = call.text.find('\n', begin)) {
      call.on_line(std::string_view(call.text).substr(begin, at - begin));
      begin = at + 1;
    }
    call.text.erase(0, begin);
  };
  handlers.on_end = [&call, end](const Result<int>& status) {
    if (status.ok()) return end(*status, call.text);
    end(-1, status.error().why);
  };
  call.http.start(std::move(request), std::move(handlers));
}

WeightsWatch::WeightsWatch(net::Loop& loop, const EtcdOptions& options, std::string prefix,
                           Handlers handlers)
    : loop_(loop),
      options_(options),
      prefix_(std::move(prefix)),
      handlers_(std::move(handlers)),
      trouble_("the weights haven't been read yet"),
      again_([this](Time) { begin(); }),
      look_([this](Time) { look(); }),
      random_(static_cast<std::uint64_t>(loop.clock().now().time_since_epoch().count()), 0) {}

Result<std::unique_ptr<WeightsWatch>> WeightsWatch::start(net::Loop& loop,
                                                          const EtcdOptions& options,
                                                          const std::string& prefix,
                                                          Handlers handlers) {
  std::unique_ptr<WeightsWatch> watch(new WeightsWatch(loop, options, prefix, std::move(handlers)));
  for (const std::string& endpoint : options.endpoints)
    watch->members_.push_back(TRY(EtcdMember::make(loop, endpoint, options)));
  if (watch->members_.empty())
    return Error{ErrorCode::kUsage, "no etcd is said", {}, {}, "give --etcd host:port"};
  watch->begin();
  return watch;
}

void WeightsWatch::begin() {
  if (!options_.user.empty() && member().token.empty()) return log_in();
  // All of it each time: what a broken watch had still to tell, an etcd that was wiped or put back
  // meanwhile, and one whose history is compacted all end with what it holds now.
  read_all();
}

// Its answer differs where the token has run out: then it is asked for anew.
void WeightsWatch::fail(std::string why) {
  loop_.timers().cancel(look_);
  was_behind_ = false;
  EtcdMember& failed = member();
  failed.drop();
  failed.token.clear();
  if (trouble_.empty() || failures_ == 0)
    log(LogLevel::kWarning, "etcd doesn't answer; the last weights stay",
        {{"etcd", failed.name()}, {"why", why}});
  trouble_ = fmt::format("{}: {}", failed.name(), why);
  ++turn_;
  ++failures_;
  // Later and later, and not all gateways at the same time.
  loop_.timers().set(again_, loop_.clock().now() + pauses_.next(random_));
}

void WeightsWatch::log_in() {
  member().ask(kLogin, login_request(options_.user, options_.password),
               [this](int status, std::string_view body) {
                 if (status < 0) return fail(std::string(body));
                 if (status != 200) return fail("no login: " + error_text(body));
                 auto token = parse_login(body);
                 if (!token.ok()) return fail(token.error().why);
                 member().token = std::move(*token);
                 begin();
               });
}

std::map<std::string, std::string> WeightsWatch::values_of(const RangeAnswer& answer) const {
  std::map<std::string, std::string> values;
  for (const auto& [key, value] : answer.pairs) {
    if (key.starts_with(prefix_)) values[key.substr(prefix_.size())] = value;
  }
  return values;
}

void WeightsWatch::read_all() {
  member().ask(kRange, range_request(prefix_), [this](int status, std::string_view body) {
    if (status < 0) return fail(std::string(body));
    if (status != 200) return fail(error_text(body));
    const auto answer = parse_range(body);
    if (!answer.ok()) return fail(answer.error().why);
    const std::map<std::string, std::string> values = values_of(*answer);
    // One that knows less than before has lost what it had, which is no wish of anybody's.
    has_lost_all_ = values.empty() && answer->revision < revision_;
    if (has_lost_all_)
      log(LogLevel::kWarning, "etcd has lost all it had; the last weights stay until it has some",
          {{"etcd", member().name()}});
    revision_ = answer->revision;
    known_ = values;
    heard_ = true;
    if (!has_lost_all_) handlers_.on_all(values);
    watch();
  });
}

void WeightsWatch::watch() {
  member().stream(
      kWatch, watch_request(prefix_, revision_ + 1),
      [this](std::string_view line) { on_line(line); },
      [this](int status, std::string_view body) {
        fail(status == 200 ? "it ended the watch"
             : status < 0  ? std::string(body)
                           : error_text(body));
      });
  loop_.timers().set(look_, loop_.clock().now() + options_.look_every);
}

void WeightsWatch::on_line(std::string_view line) {
  const auto answer = parse_watch(line);
  if (!answer.ok()) return fail(answer.error().why);
  if (answer->compacted || answer->canceled) {
    if (answer->compacted)
      log(LogLevel::kWarning,
          "what changed meanwhile is compacted away; all weights are read anew");
    return fail(answer->compacted ? "its history is compacted" : answer->why);
  }
  if (!trouble_.empty() && failures_ > 0)
    log(LogLevel::kInfo, "etcd answers again", {{"etcd", member().name()}});
  trouble_ = has_lost_all_ ? fmt::format("{}: it has lost all it had", member().name()) : "";
  failures_ = 0;
  heard_ = true;
  // Begun and lost at once is no better than not begun.
  if (!answer->events.empty()) pauses_.begin_anew();
  if (has_lost_all_ && !answer->events.empty()) {
    member().drop();
    loop_.timers().cancel(look_);
    return read_all();
  }
  for (const KeyEvent& event : answer->events) {
    if (!event.key.starts_with(prefix_)) continue;
    const std::string key = event.key.substr(prefix_.size());
    if (event.value) {
      known_[key] = *event.value;
      handlers_.on_put(key, *event.value);
    } else {
      known_.erase(key);
      handlers_.on_delete(key);
    }
  }
  revision_ = std::max(revision_, answer->revision);
}

// A watch on which nothing happens looks like one whose member has gone, or has lost the others, or
// whose connection ended somewhere on the way: then etcd holds what the watch hasn't told of.
void WeightsWatch::look() {
  member().ask(kRange, range_request(prefix_), [this](int status, std::string_view body) {
    if (status < 0) return fail(std::string(body));
    if (status != 200) return fail(error_text(body));
    const auto answer = parse_range(body);
    if (!answer.ok()) return fail(answer.error().why);
    if (answer->revision < revision_) return fail("it knows less than before");
    const bool is_behind = !std::exchange(heard_, false) && values_of(*answer) != known_;
    if (is_behind && was_behind_) return fail("its watch doesn't tell of what changes");
    was_behind_ = is_behind;
    pauses_.begin_anew();
    loop_.timers().set(look_, loop_.clock().now() + options_.look_every);
  });
}

}  // namespace galileo::gateway
