#include "experiment/otlp_exporter.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/secrets.h"
#include "base/text.h"
#include "base/utf8.h"
#include "net/clock.h"
#include "wire/gzip.h"
#include "wire/http1.h"
#include "wire/trace_fields.h"

namespace galileo::experiment {
namespace {

constexpr Duration kLookEvery = std::chrono::milliseconds{500};
constexpr Duration kCountsEvery = std::chrono::seconds{10};
constexpr Duration kAnswerWithin = std::chrono::seconds{5};
constexpr Duration kConnectWithin = std::chrono::seconds{2};
// Of a collector that was away when the run ended.
constexpr Duration kLastTryWithin = std::chrono::seconds{1};
constexpr Duration kPauseFirst = std::chrono::seconds{1};
constexpr Duration kPauseMost = std::chrono::seconds{30};
constexpr Duration kRetryAfterMost = std::chrono::seconds{60};
constexpr std::size_t kReasonsMost = 5;
constexpr std::size_t kTextMost = 200;  // characters of what the collector says
constexpr std::uint64_t kIdsOfSpans = 0x6f746c70u;

bool may_come_back(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

// In seconds; a date isn't read, since clocks differ.
Duration retry_after(const wire::http1::Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (!wire::http1::equals_ignoring_case(name, "retry-after")) continue;
    const auto whole = parse_integer(trim(value));
    if (whole && *whole > 0)
      return std::min<Duration>(std::chrono::seconds{std::min<std::int64_t>(*whole, 3600)},
                                kRetryAfterMost);
  }
  return Duration{0};
}

std::string step_key(std::string_view client, std::string_view step) {
  return fmt::format("{}\n{}", client, step);
}

}  // namespace

OtlpExporter::OtlpExporter(const plan::Otlp& to, wire::Uri url, std::string version)
    : to_(to), url_(std::move(url)), version_(std::move(version)) {}

Result<std::unique_ptr<OtlpExporter>> OtlpExporter::make(const plan::Otlp& to,
                                                         const std::string& version) {
  wire::Uri url = TRY(wire::parse_uri(to.endpoint));
  std::unique_ptr<OtlpExporter> exporter(new OtlpExporter(to, std::move(url), version));
  net::HttpPeer::Options peer{exporter->url_.host_port()};
  peer.connections_max = 1;
  peer.connect_timeout = kConnectWithin;
  if (exporter->url_.scheme == "https") peer.tls.emplace().server_name = exporter->url_.host;
  exporter->http_ = TRY(net::BlockingHttp::make(peer));
  return exporter;
}

OtlpExporter::~OtlpExporter() {
  desk_.stop();
}

void OtlpExporter::begin(const wire::Experiment& experiment, const plan::Plan& plan) {
  seed_ = plan.seed;
  draws_ = Random(plan.seed, kIdsOfSpans);
  start_ = experiment.start;
  wall_clock_ = net::RealClock().wall_clock();
  resource_.version = version_;
  resource_.attributes = {{"service.name", "galileo"},
                          {"service.version", version_},
                          {"service.instance.id", experiment.id},
                          {"galileo.experiment.id", experiment.id},
                          {"galileo.experiment.name", plan.name}};
  std::map<std::string, int> of_service;
  for (const plan::Phase& phase : plan.phases) {
    for (const load::ClientSpec& client : phase.clients) ++of_service[client.service];
  }
  const auto know = [&](const std::string& client, const load::Request& request) {
    // Of what a source makes the plan knows no more than templates.
    const bool is_fixed = request.source.kind.empty();
    if (is_fixed) asked_[client] = {request.method, without_secrets_of_url(request.path)};
    for (const load::Step& step : request.steps)
      asked_[step_key(client, step.name)] = {step.request.method, {}};
  };
  for (const plan::Phase& phase : plan.phases) {
    for (const load::ClientSpec& client : phase.clients) {
      // On a fleet a client's id has its service's name.
      if (of_service[client.service] == 1) know(client.service, client.request);
      know(std::string(load::client_label(client.name + ":0")), client.request);
    }
  }
  desk_.start("otlp", [this](Time now) { return work(now); });
}

wire::NameId OtlpExporter::number_of(Known& known, wire::NameId id) {
  if (id == 0) return 0;
  if (id >= known.numbers.size()) known.numbers.resize(known.names->size(), -1);
  std::int64_t& number = known.numbers[id];
  if (number >= 0) return static_cast<wire::NameId>(number);
  const std::string& name = known.names->at(id);
  const auto [found, is_new] =
      numbers_.try_emplace(name, static_cast<wire::NameId>(numbers_.size() + 1));
  if (is_new) new_names_.push_back(name);
  number = found->second;
  return found->second;
}

// What never left is no span.
bool OtlpExporter::is_wanted(const wire::Trace& trace) const {
  return wire::failure_group(trace.failure) != wire::FailureGroup::not_sent &&
         trace.done != kNoWall && wire::is_sampled(trace.trace_id, to_.spans);
}

void OtlpExporter::on_trace(const wire::Trace& given, const wire::Names& names) {
  counted_.add(given, names);
  wire::Trace trace = given;
  if (trace.trace_id.is_none())
    trace.trace_id = wire::TraceIds(seed_ ^ kIdsOfSpans, given.client).of(given.number);
  if (!is_wanted(trace)) return;
  if (handed_over_ + pending_.size() - settled_.load() >= kQueueMost) return overflow_.add(1);
  auto known = std::find_if(known_.begin(), known_.end(),
                            [&](const Known& one) { return one.names == &names; });
  if (known == known_.end()) known = known_.insert(known_.end(), Known{&names, {}});
  wire::each_name(trace, [&](wire::NameId& id) { id = number_of(*known, id); });
  trace.foreign_failure = 0;
  trace.headers = trace.response = {};
  pending_.push_back(trace);
}

OtlpExporter::Counts OtlpExporter::counts_now() const {
  return {
      counted_, {intended_.load(), begun_sent_.load()}, wall_clock_.wall(net::RealClock().now())};
}

void OtlpExporter::on_turn() {
  if (!pending_.empty()) {
    handed_over_ += pending_.size();
    desk_.post([this, traces = std::exchange(pending_, {}),
                names = std::exchange(new_names_, {})]() mutable {
      for (std::string& name : names) names_.push_back(std::move(name));
      queue_.insert(queue_.end(), traces.begin(), traces.end());
    });
  }
  const Time now = net::RealClock().now();
  if (!to_.metrics || now - counts_handed_over_ < kCountsEvery) return;
  counts_handed_over_ = now;
  desk_.post([this, counts = counts_now()]() mutable { counts_ = std::move(counts); });
}

void OtlpExporter::on_counts(const load::Begun& begun) {
  const auto grow_to = [](RelaxedCounter& counter, std::uint64_t count) {
    const std::uint64_t before = counter.load();
    if (count > before) counter.add(count - before);
  };
  grow_to(intended_, begun.intended);
  grow_to(begun_sent_, begun.sent);
}

wire::OtlpSpan OtlpExporter::span_of(const wire::Trace& trace) {
  const auto name = [&](wire::NameId id) -> std::string_view {
    return id == 0 || id > names_.size() ? std::string_view() : names_[id - 1];
  };
  wire::OtlpSpan span;
  span.trace = trace.trace_id;
  span.span = wire::span_of(trace.trace_id);
  span.client = load::client_label(name(trace.client));
  span.step = name(trace.step);
  const auto asked =
      asked_.find(span.step.empty() ? std::string(span.client) : step_key(span.client, span.step));
  if (asked != asked_.end()) {
    span.method = asked->second.method;
    span.path = asked->second.path;
  }
  span.server = name(trace.server);
  span.service = name(trace.service);
  span.phase = name(trace.phase);
  if (trace.failure == wire::Failure::status && trace.status >= 0)
    span.error_type = {};  // its status is, below
  else
    span.error_type = wire::failure_name(trace.failure);
  span.error_text = wire::failure_text(trace.failure);
  span.is_http2 = name(trace.protocol) == "HTTP/2";
  span.status = trace.status;
  span.due = trace.closed_loop ? kNoWall : trace.created;
  span.dispatched = trace.dispatched;
  span.sent = trace.sent;
  span.first_byte = trace.first_byte;
  span.done = trace.done;
  span.handshake = trace.handshake;
  span.request_bytes = trace.request_bytes;
  span.response_bytes = trace.response_bytes;
  return span;
}

std::string OtlpExporter::metrics_message(const Counts& counts) const {
  wire::OtlpMetrics metrics(resource_, start_, counts.at);
  const auto of = [](const load::RequestMetrics::Row& row) {
    return wire::OtlpAttributes{{"galileo.client", row.client}, {"galileo.service", row.service}};
  };
  const auto& rows = counts.requests.rows();
  metrics.counter("galileo.requests.intended", "{request}", "Requests that became due.");
  metrics.count({}, std::max(counts.begun.intended, counts.requests.traces()));
  metrics.counter("galileo.requests.sent", "{request}", "Requests that went out, or tried to.");
  metrics.count({}, std::max(counts.begun.sent, counts.requests.left()));
  metrics.counter("galileo.requests.answered", "{request}", "Answers whose status is no failure.");
  for (const auto& row : rows) metrics.count(of(row), row.answered);
  metrics.counter("galileo.requests.failed", "{request}", "Requests without a good answer.");
  for (const auto& row : rows) {
    for (const auto& [reason, count] : row.failed) {
      wire::OtlpAttributes attributes = of(row);
      attributes.emplace_back("error.type", reason);
      metrics.count(attributes, count);
    }
  }
  metrics.histogram("http.client.request.duration", "s",
                    "From when a request was due (closed loop: made) to its end.");
  for (const auto& row : rows) {
    for (const auto& [status, durations] : row.durations) {
      wire::OtlpAttributes attributes = of(row);
      attributes.emplace_back("galileo.status_class", status);
      metrics.buckets(attributes, load::kDurationBounds, durations.counts, durations.count,
                      durations.sum_s);
    }
  }
  metrics.histogram("galileo.send.delay", "s",
                    "From when a request was due to when the generator acted on it.");
  for (const auto& row : rows)
    metrics.buckets(of(row), load::kDelayBounds, row.delays.counts, row.delays.count,
                    row.delays.sum_s);
  return metrics.take();
}

// The next message, where there is something to tell.
bool OtlpExporter::build() {
  if (!message_.empty()) return true;
  if (!queue_.empty()) {
    wire::OtlpSpans spans(resource_);
    std::string status;
    while (!queue_.empty() && spans.size() < kBatch) {
      const wire::Trace& trace = queue_.front();
      wire::OtlpSpan span = span_of(trace);
      const std::string id = fmt::format("{}:{}",
                                         trace.id_prefix == 0 || trace.id_prefix > names_.size()
                                             ? std::string()
                                             : names_[trace.id_prefix - 1],
                                         trace.number);
      span.request_id = id;
      if (trace.failure == wire::Failure::status) {
        status = std::to_string(trace.status);
        span.error_type = status;
      }
      spans.add(span);
      queue_.pop_front();
    }
    message_spans_ = spans.size();
    path_ = wire::kOtlpTraces;
    message_ = wire::gzip(spans.take());
    return true;
  }
  if (!counts_) return false;
  message_spans_ = 0;
  path_ = wire::kOtlpMetrics;
  message_ = wire::gzip(metrics_message(*counts_));
  counts_.reset();
  return true;
}

OtlpExporter::Sent OtlpExporter::send(Duration within) {
  const std::size_t query = url_.path.find('?');
  std::string path = url_.path.substr(0, query);
  while (path.ends_with('/')) path.pop_back();
  path += path_;
  if (query != std::string::npos) path += url_.path.substr(query);
  wire::http1::Headers headers{{"Content-Type", "application/json"},
                               {"Content-Encoding", "gzip"},
                               {"User-Agent", "galileo/" + version_}};
  if (!url_.user_info.empty())
    headers.emplace_back("Authorization", "Basic " + wire::base64(url_.user_info));
  headers.insert(headers.end(), to_.headers.begin(), to_.headers.end());
  net::BlockingHttp::Request request;
  request.bytes = wire::http1::serialize_request("POST", path, wire::host_header(url_.route_host()),
                                                 headers, &message_, false);
  request.within = within;
  const auto answer = http_->call(std::move(request));
  if (answer.ok()) return take_answer(*answer);
  why_later_ = "no answer from the collector: " + one_line(answer.error().to_text());
  pause_ = next_pause();
  return Sent::kLater;
}

OtlpExporter::Sent OtlpExporter::take_answer(const net::BlockingHttp::Answer& answer) {
  why_later_ = fmt::format("collector answered {}", answer.status);
  if (may_come_back(answer.status)) {
    pause_ = std::max(retry_after(answer.headers), next_pause());
    return Sent::kLater;
  }
  pause_ = Duration{0};
  if (answer.status < 200 || answer.status > 299) return Sent::kRefused;
  const wire::OtlpRefusal refusal = wire::parse_otlp_refusal(answer.body);
  const std::uint64_t rejected = std::min<std::uint64_t>(refusal.rejected, message_spans_);
  if (rejected > 0) {
    lose(rejected, refusal.why.empty()
                       ? std::string("collector rejected them")
                       : "collector rejected them: " + shortened(one_line(refusal.why), kTextMost));
    exported_ += message_spans_ - rejected;
    settled_.add(message_spans_);
    message_spans_ = 0;
  }
  return Sent::kTaken;
}

Duration OtlpExporter::next_pause() {
  const Duration before = pause_;
  const Duration next = before == Duration{0} ? kPauseFirst : std::min(kPauseMost, before * 2);
  return std::chrono::duration_cast<Duration>(next * (0.8 + 0.4 * draws_.unit()));
}

// The message is over with.
void OtlpExporter::settle(Sent sent) {
  if (path_ == wire::kOtlpMetrics) metrics_lost_ = sent == Sent::kTaken ? "" : why_later_;
  if (sent == Sent::kTaken)
    exported_ += message_spans_;
  else
    lose(message_spans_, why_later_);
  settled_.add(message_spans_);
  message_spans_ = 0;
  message_.clear();
}

void OtlpExporter::lose(std::uint64_t spans, const std::string& why) {
  if (spans == 0) return;
  const bool is_known = lost_.contains(why) || lost_.size() < kReasonsMost;
  lost_[is_known ? why : "other reasons"] += spans;
}

Time OtlpExporter::work(Time now) {
  if (!build()) return now + kLookEvery;
  const Sent sent = send(kAnswerWithin);
  if (sent == Sent::kLater) return desk_.clock().now() + pause_;
  settle(sent);
  // What was handed over meanwhile comes in between.
  return queue_.size() >= kBatch || counts_ ? desk_.clock().now()
                                            : desk_.clock().now() + kLookEvery;
}

// Behind the last tick: what is left, as far as the time goes.
void OtlpExporter::flush(Time until) {
  const bool was_away = pause_ > Duration{0};
  while (build()) {
    const Duration left = until - desk_.clock().now();
    if (left <= std::chrono::milliseconds{10}) break;
    const Sent sent = send(std::min(left, was_away ? kLastTryWithin : kAnswerWithin));
    if (sent != Sent::kLater) {
      settle(sent);
      continue;
    }
    if (was_away || desk_.clock().now() + pause_ >= until) break;
    net::pause_thread(pause_);
  }
  if (why_later_.empty()) why_later_ = "there was no time left";
  if (!message_.empty()) settle(Sent::kLater);
  lose(queue_.size(), why_later_);
  if (counts_ && to_.metrics) metrics_lost_ = why_later_;
}

std::vector<std::string> OtlpExporter::end() {
  on_turn();
  if (to_.metrics) desk_.post([this, counts = counts_now()]() mutable { counts_ = counts; });
  desk_.stop([this, until = net::RealClock().now() + kEndWithin] { flush(until); });
  if (overflow_.load() > 0)
    lose(overflow_.load(), fmt::format("the collector takes them slower than they come ({} wait "
                                       "at most)",
                                       format_count(kQueueMost)));
  std::uint64_t all = exported_;
  for (const auto& [why, spans] : lost_) all += spans;
  std::vector<std::string> notes;
  for (const auto& [why, spans] : lost_)
    notes.push_back(fmt::format("{} of {} spans not exported: {}", format_count(spans),
                                format_count(all), why));
  if (!metrics_lost_.empty()) notes.push_back("metrics not exported: " + metrics_lost_);
  return notes;
}

}  // namespace galileo::experiment
