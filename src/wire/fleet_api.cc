#include "wire/fleet_api.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <type_traits>

#include "wire/histogram.h"

namespace galileo::wire {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMessageMax = std::size_t{16} << 20;

// Takes fields off an object: the first that is of the wrong type is the Error, those that are
// missing keep their defaults.
class Fields {
 public:
  Fields(const Json& object, std::string_view what) : object_(object), what_(what) {}

  void text(const char* name, std::string& to) {
    if (const Json* field = find(name, &Json::is_string, "a text")) to = field->get<std::string>();
  }
  void flag(const char* name, bool& to) {
    if (const Json* field = find(name, &Json::is_boolean, "true or false")) to = field->get<bool>();
  }
  void number(const char* name, double& to) {
    if (const Json* field = find(name, &Json::is_number, "a number")) to = field->get<double>();
  }
  template <class T>
  void count(const char* name, T& to) {
    const Json* field = find(name, &Json::is_number_integer, "a whole number");
    if (!field) return;
    const bool below = !field->is_number_unsigned() && field->get<std::int64_t>() < 0;
    if (std::is_unsigned_v<T> && below) return fail(name, "a number from 0 up");
    to = field->get<T>();
  }
  void wall(const char* name, Wall& to) {
    std::int64_t ns = -1;
    count(name, ns);
    to = Wall{Duration{ns}};
  }
  void duration(const char* name, Duration& to) {
    std::int64_t ns = to.count();
    count(name, ns);
    to = Duration{ns};
  }
  const Json* list(const char* name) { return find(name, &Json::is_array, "a list"); }
  const Json* map(const char* name) { return find(name, &Json::is_object, "an object"); }
  void histogram(const char* name, Histogram& to);
  bool has(const char* name) const { return object_.contains(name) && !object_[name].is_null(); }
  void fail(const char* name, std::string_view wanted) {
    if (error_) return;
    error_ = Error{ErrorCode::kCorrupt, fmt::format("{} can't be read", what_), name,
                   fmt::format("it isn't {}", wanted), "is its sender of the same version?"};
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  const Json* find(const char* name, bool (Json::*is)() const noexcept, std::string_view wanted) {
    const auto found = object_.find(name);
    if (found == object_.end() || found->is_null()) return nullptr;
    if (((*found).*is)()) return &*found;
    fail(name, wanted);
    return nullptr;
  }

  const Json& object_;
  const std::string_view what_;
  std::optional<Error> error_;
};

void Fields::histogram(const char* name, Histogram& to) {
  const Json* field = find(name, &Json::is_string, "a histogram");
  if (!field) return;
  auto read = decode_histogram(field->get_ref<const std::string&>());
  // One of another grain can't be merged with the others.
  if (read.ok() && read->state().grain == to.state().grain)
    to = std::move(*read);
  else
    fail(name, "a histogram");
}

Result<Json> parse(std::string_view json, std::string_view what) {
  const auto refused = [&](std::string why) {
    return Error{
        ErrorCode::kCorrupt, fmt::format("{} can't be read", what), {}, std::move(why), {}};
  };
  if (json.size() > kMessageMax) return refused("it is too large");
  Json parsed = Json::parse(json, nullptr, false);
  if (!parsed.is_object()) return refused("it isn't a JSON object");
  return parsed;
}

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::int64_t ns(Wall wall) {
  return wall.time_since_epoch().count();
}

Json arrival_json(const ArrivalOrder& order) {
  Json json{
      {"at_ns", order.at.count()}, {"arrival", order.arrival}, {"parameters", order.parameters}};
  if (!order.process.empty()) json["process"] = order.process;
  return json;
}

// The arrival of an order, or of a change.
template <class Order>
void read_arrival(Fields& fields, Order& order) {
  fields.text("arrival", order.arrival);
  fields.text("process", order.process);
  const Json* const parameters = fields.list("parameters");
  if (!parameters) return;
  for (const Json& one : *parameters) {
    if (!one.is_number()) return fields.fail("parameters", "a list of numbers");
    order.parameters.push_back(one.get<double>());
  }
}

Result<ArrivalOrder> read_change(const Json& json) {
  constexpr std::string_view kWhat = "a change of an arrival";
  if (!json.is_object())
    return Error{ErrorCode::kCorrupt, "a change of an arrival isn't an object", {}, {}, {}};
  Fields fields(json, kWhat);
  ArrivalOrder order;
  fields.duration("at_ns", order.at);
  read_arrival(fields, order);
  if (fields.error()) return *fields.error();
  return order;
}

Json order_json(const WorkloadOrder& order) {
  Json json{{"client_id", order.client_id},
            {"arrival", order.arrival},
            {"parameters", order.parameters},
            {"start_after_ns", order.start_after.count()},
            {"warmup_ns", order.warmup.count()},
            {"seed", order.seed},
            {"stream", order.stream}};
  if (!order.process.empty()) json["process"] = order.process;
  for (const ArrivalOrder& change : order.changes) json["changes"].push_back(arrival_json(change));
  if (order.requests) json["requests"] = *order.requests;
  if (order.duration) json["duration_ns"] = order.duration->count();
  if (order.closed_loop) json["closed_loop"] = true;
  if (order.connections > 0) json["connections"] = order.connections;
  if (order.ahead > 0) json["ahead"] = order.ahead;
  if (!order.fail_on.empty()) json["fail_on"] = order.fail_on;
  if (order.redirects) json["redirects"] = *order.redirects;
  if (order.connect_timeout) json["connect_timeout_ns"] = order.connect_timeout->count();
  if (order.head_max) json["head_max"] = *order.head_max;
  if (order.body_max) json["body_max"] = *order.body_max;
  if (order.keep_headers) json["keep_headers"] = *order.keep_headers;
  if (order.keep_response) json["keep_response"] = *order.keep_response;
  if (order.keep_only_failed) json["keep_only_failed"] = *order.keep_only_failed;
  if (order.of > 0) {
    json["index"] = order.index;
    json["of"] = order.of;
  }
  if (order.own_times) json["own_times"] = true;
  return json;
}

Result<WorkloadOrder> read_order(const Json& json) {
  constexpr std::string_view kWhat = "a workload's order";
  if (!json.is_object())
    return Error{ErrorCode::kCorrupt, "a workload's order isn't an object", {}, {}, {}};
  Fields fields(json, kWhat);
  WorkloadOrder order;
  fields.text("client_id", order.client_id);
  read_arrival(fields, order);
  if (const Json* const changes = fields.list("changes")) {
    for (const Json& change : *changes) order.changes.push_back(TRY(read_change(change)));
  }
  if (fields.has("requests")) fields.count("requests", order.requests.emplace());
  if (fields.has("duration_ns")) fields.duration("duration_ns", order.duration.emplace());
  fields.duration("start_after_ns", order.start_after);
  fields.duration("warmup_ns", order.warmup);
  fields.count("seed", order.seed);
  fields.count("stream", order.stream);
  fields.flag("closed_loop", order.closed_loop);
  fields.count("connections", order.connections);
  fields.number("ahead", order.ahead);
  if (!(order.ahead >= 0 && order.ahead < 1)) fields.fail("ahead", "a share from 0 to 1");
  fields.text("fail_on", order.fail_on);
  if (fields.has("redirects")) fields.count("redirects", order.redirects.emplace());
  if (fields.has("connect_timeout_ns"))
    fields.duration("connect_timeout_ns", order.connect_timeout.emplace());
  if (fields.has("head_max")) fields.count("head_max", order.head_max.emplace());
  if (fields.has("body_max")) fields.count("body_max", order.body_max.emplace());
  if (fields.has("keep_headers")) fields.flag("keep_headers", order.keep_headers.emplace());
  if (fields.has("keep_response")) fields.count("keep_response", order.keep_response.emplace());
  if (fields.has("keep_only_failed"))
    fields.flag("keep_only_failed", order.keep_only_failed.emplace());
  fields.count("index", order.index);
  fields.count("of", order.of);
  if (order.of > 0 && order.index >= order.of) fields.fail("index", "a number below `of`");
  fields.flag("own_times", order.own_times);
  if (order.own_times && order.of == 0) fields.fail("of", "there, as it must be beside own_times");
  if (fields.error()) return *fields.error();
  return order;
}

// The counts of a report, for both ways.
template <class Report, class F>
void each_count(Report& report, F&& f) {
  f("number", report.number);
  f("clients", report.clients);
  f("intended", report.intended);
  f("sent", report.sent);
  f("answered", report.answered);
  f("in_flight", report.in_flight);
  f("retried", report.retried);
  f("traces_made", report.traces_made);
  f("traces_lost", report.traces_lost);
  f("traces_waiting", report.traces_waiting);
  f("batches_sent", report.batches_sent);
  f("rss_bytes", report.rss_bytes);
  f("offered_last", report.offered_last);
  f("answered_last", report.answered_last);
  f("failed_last", report.failed_last);
}

// Each field by its kind, for both ways.
template <class Own, class F>
void each_field(Own& own, F&& f) {
  f("latency", own.latency);
  f("without_own", own.without_own);
  f("without_wait", own.without_wait);
  f("waited", own.waited);
  f("sent_late_ns", own.sent_late);
  f("read_late_ns", own.read_late);
  f("connections_max", own.connections_max);
  f("busiest_loop_cpu_ns", own.busiest_loop_cpu);
  f("waited_for_core_ns", own.waited_for_core);
  f("ran_ns", own.ran);
  f("stood_still_ns", own.stood_still);
  f("throttled_ns", own.throttled);
  f("throttled_periods", own.throttled_periods);
  f("steal_share", own.steal_share);
  f("cores", own.cores);
  f("machine_cores", own.machine_cores);
  f("handshakes", own.handshakes);
  f("handshakes_resumed", own.handshakes_resumed);
  f("handshakes_unverified", own.handshakes_unverified);
  f("handshakes_crl_checked", own.handshakes_crl_checked);
  f("connections", own.connections);
  f("requests_http1", own.requests_http1);
  f("requests_http2", own.requests_http2);
  f("streams_reset", own.streams_reset);
  f("shares_machine", own.shares_machine);
}

Json own_json(const OwnReport& own) {
  Json json;
  each_field(own, [&](const char* name, const auto& value) {
    using Value = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<Value, Histogram>)
      json[name] = encode_histogram(value);
    else if constexpr (std::is_same_v<Value, Duration>)
      json[name] = value.count();
    else
      json[name] = value;
  });
  return json;
}

Result<OwnReport> read_own(const Json& json) {
  Fields fields(json, "a worker's own share");
  OwnReport own;
  each_field(own, [&](const char* name, auto& to) {
    using Value = std::decay_t<decltype(to)>;
    if constexpr (std::is_same_v<Value, Histogram>)
      fields.histogram(name, to);
    else if constexpr (std::is_same_v<Value, Duration>)
      fields.duration(name, to);
    else if constexpr (std::is_same_v<Value, bool>)
      fields.flag(name, to);
    else if constexpr (std::is_same_v<Value, double>)
      fields.number(name, to);
    else
      fields.count(name, to);
  });
  if (fields.error()) return *fields.error();
  return own;
}

// Each field of a maker's figures, for both ways.
template <class Maker, class F>
void each_of_maker(Maker& maker, F&& f) {
  f("made", maker.made);
  f("late", maker.late);
  f("late_most_ns", maker.late_most);
  f("failed", maker.failed);
  f("why_failed", maker.why_failed);
  f("ended", maker.ended);
  f("why_ended", maker.why_ended);
}

Json figures_json(const FiguresReport& figures) {
  Json json = Json::object();
  for (const auto& [name, check] : figures.checks)
    json["checks"][name] = {check.passed, check.failed};
  for (const auto& [name, maker] : figures.makers) {
    Json& to = json["makers"][name];
    each_of_maker(maker, [&](const char* field, const auto& value) {
      if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Duration>)
        to[field] = value.count();
      else
        to[field] = value;
    });
  }
  if (!figures.first_failures.empty()) json["first_failures"] = figures.first_failures;
  return json;
}

Result<MakerReport> read_maker(const Json& json) {
  Fields fields(json, "what made requests");
  MakerReport maker;
  each_of_maker(maker, [&](const char* name, auto& to) {
    using Value = std::decay_t<decltype(to)>;
    if constexpr (std::is_same_v<Value, Duration>)
      fields.duration(name, to);
    else if constexpr (std::is_same_v<Value, std::string>)
      fields.text(name, to);
    else
      fields.count(name, to);
  });
  if (fields.error()) return *fields.error();
  return maker;
}

Result<FiguresReport> read_figures(const Json& json) {
  Fields fields(json, "a worker's figures of requests");
  FiguresReport figures;
  if (const Json* const checks = fields.map("checks")) {
    for (const auto& [name, counts] : checks->items()) {
      if (counts.is_array() && counts.size() == 2 && counts[0].is_number_unsigned() &&
          counts[1].is_number_unsigned())
        figures.checks[name] = {counts[0].template get<std::uint64_t>(),
                                counts[1].template get<std::uint64_t>()};
      else
        fields.fail("checks", "a map of two counts each");
    }
  }
  if (const Json* const makers = fields.map("makers")) {
    for (const auto& [name, maker] : makers->items()) {
      if (maker.is_object())
        figures.makers[name] = TRY(read_maker(maker));
      else
        fields.fail("makers", "a map of objects");
    }
  }
  if (const Json* const failures = fields.map("first_failures")) {
    for (const auto& [name, why] : failures->items()) {
      if (why.is_string())
        figures.first_failures[name] = why.template get<std::string>();
      else
        fields.fail("first_failures", "a map of texts");
    }
  }
  if (fields.error()) return *fields.error();
  return figures;
}

}  // namespace

std::string encode(const Heartbeat& heartbeat) {
  return dump({{"worker", heartbeat.worker},
               {"boot", heartbeat.boot},
               {"version", heartbeat.version},
               {"pid", heartbeat.pid},
               {"at_ns", ns(heartbeat.at)},
               {"traces_waiting", heartbeat.traces_waiting},
               {"requests", heartbeat.requests}});
}

Result<Heartbeat> decode_heartbeat(std::string_view json) {
  constexpr std::string_view kWhat = "a heartbeat";
  const Json parsed = TRY(parse(json, kWhat));
  Fields fields(parsed, kWhat);
  Heartbeat heartbeat;
  fields.text("worker", heartbeat.worker);
  fields.text("boot", heartbeat.boot);
  fields.text("version", heartbeat.version);
  fields.count("pid", heartbeat.pid);
  fields.wall("at_ns", heartbeat.at);
  fields.count("traces_waiting", heartbeat.traces_waiting);
  fields.count("requests", heartbeat.requests);
  if (fields.error()) return *fields.error();
  return heartbeat;
}

std::string encode(const StartWorkloads& start) {
  Json orders = Json::array();
  for (const WorkloadOrder& order : start.orders) orders.push_back(order_json(order));
  return dump({{"run", start.run},
               {"phase", start.phase},
               {"at_ns", ns(start.at)},
               {"orders", std::move(orders)},
               {"claim", start.claim},
               {"lease_ns", start.lease.count()}});
}

Result<StartWorkloads> decode_start_workloads(std::string_view json) {
  constexpr std::string_view kWhat = "a start of workloads";
  const Json parsed = TRY(parse(json, kWhat));
  Fields fields(parsed, kWhat);
  StartWorkloads start;
  fields.text("run", start.run);
  fields.text("phase", start.phase);
  fields.wall("at_ns", start.at);
  fields.count("claim", start.claim);
  std::int64_t lease_ns = 0;
  fields.count("lease_ns", lease_ns);
  start.lease = Duration{lease_ns};
  const Json* orders = fields.list("orders");
  if (fields.error()) return *fields.error();
  if (!orders) return start;
  for (const Json& order : *orders) start.orders.push_back(TRY(read_order(order)));
  return start;
}

namespace {

void read_ids(Fields& fields, std::vector<std::string>& ids) {
  const Json* const list = fields.list("clients");
  if (!list) return;
  for (const Json& one : *list) {
    if (!one.is_string()) return fields.fail("clients", "a list of ids");
    ids.push_back(one.get<std::string>());
  }
}

}  // namespace

std::string encode(const ChangeArrivals& change) {
  Json json{{"run", change.run},
            {"at_ns", ns(change.at)},
            {"clients", change.client_ids},
            {"change", arrival_json(change.order)}};
  if (!change.part.empty()) json["part"] = change.part;
  return dump(json);
}

Result<ChangeArrivals> decode_change_arrivals(std::string_view json) {
  constexpr std::string_view kWhat = "a change of arrivals";
  const Json parsed = TRY(parse(json, kWhat));
  Fields fields(parsed, kWhat);
  ChangeArrivals change;
  fields.text("run", change.run);
  fields.wall("at_ns", change.at);
  read_ids(fields, change.client_ids);
  fields.text("part", change.part);
  if (const Json* const order = fields.map("change")) change.order = TRY(read_change(*order));
  if (fields.error()) return *fields.error();
  return change;
}

std::string encode(const PauseRun& pause) {
  Json json{{"run", pause.run},
            {"at_ns", ns(pause.at)},
            {"clients", pause.client_ids},
            {"pauses", pause.pauses}};
  if (!pause.part.empty()) json["part"] = pause.part;
  return dump(json);
}

Result<PauseRun> decode_pause_run(std::string_view json) {
  constexpr std::string_view kWhat = "a pause";
  const Json parsed = TRY(parse(json, kWhat));
  Fields fields(parsed, kWhat);
  PauseRun pause;
  fields.text("run", pause.run);
  fields.wall("at_ns", pause.at);
  fields.flag("pauses", pause.pauses);
  fields.text("part", pause.part);
  read_ids(fields, pause.client_ids);
  if (fields.error()) return *fields.error();
  return pause;
}

std::string encode(const RunReport& report) {
  Json json{{"run", report.run},
            {"worker", report.worker},
            {"boot", report.boot},
            {"at_ns", ns(report.at)},
            {"started_ns", ns(report.started)},
            {"done", report.done},
            {"failures", report.failures},
            {"cpu_s", report.cpu_s},
            {"busiest_loop_share", report.busiest_loop_share},
            {"latency", encode_histogram(report.latency)},
            {"dispatch_error", encode_histogram(report.dispatch_error)},
            {"latency_last", encode_histogram(report.latency_last)},
            {"dispatch_error_last", encode_histogram(report.dispatch_error_last)}};
  each_count(report, [&](const char* name, std::uint64_t count) { json[name] = count; });
  if (report.own) json["own"] = own_json(*report.own);
  if (!report.figures.empty()) json["figures"] = figures_json(report.figures);
  return dump(json);
}

Result<RunReport> decode_run_report(std::string_view json) {
  constexpr std::string_view kWhat = "a worker's report";
  const Json parsed = TRY(parse(json, kWhat));
  Fields fields(parsed, kWhat);
  RunReport report;
  fields.text("run", report.run);
  fields.text("worker", report.worker);
  fields.text("boot", report.boot);
  fields.wall("at_ns", report.at);
  fields.wall("started_ns", report.started);
  fields.flag("done", report.done);
  fields.number("cpu_s", report.cpu_s);
  fields.number("busiest_loop_share", report.busiest_loop_share);
  fields.histogram("latency", report.latency);
  fields.histogram("dispatch_error", report.dispatch_error);
  fields.histogram("latency_last", report.latency_last);
  fields.histogram("dispatch_error_last", report.dispatch_error_last);
  each_count(report, [&](const char* name, std::uint64_t& count) { fields.count(name, count); });
  if (const Json* failures = fields.map("failures")) {
    for (const auto& [name, count] : failures->items()) {
      if (count.is_number_unsigned())
        report.failures[name] = count.template get<std::uint64_t>();
      else
        fields.fail("failures", "a map of counts");
    }
  }
  if (const Json* own = fields.map("own")) report.own = TRY(read_own(*own));
  if (const Json* figures = fields.map("figures")) report.figures = TRY(read_figures(*figures));
  if (fields.error()) return *fields.error();
  return report;
}

}  // namespace galileo::wire
