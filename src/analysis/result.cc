#include "analysis/result.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "analysis/balance.h"
#include "analysis/json_parts.h"
#include "base/text.h"
#include "store/metadata_json.h"
#include "telemetry/units.h"

namespace galileo::analysis {
namespace {

using OrderedJson = nlohmann::ordered_json;

// JSON has no infinity and text may be no UTF-8: both are made fit rather than refused.
std::string dump(const OrderedJson& json, int indent) {
  return json.dump(indent, ' ', false, OrderedJson::error_handler_t::replace);
}

OrderedJson number_or_null(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? OrderedJson(*value) : OrderedJson(nullptr);
}

OrderedJson unix_or_null(Wall at) {
  return at == kNoWall ? OrderedJson(nullptr) : OrderedJson(to_unix_seconds(at));
}

// Times of all of them, of those that were answered, and of those that failed.
void put_latencies(OrderedJson& json, const Latencies& latency) {
  json["latency_s"] = figures_json(latency.all());
  json["latency_answered_s"] = figures_json(times_of(latency.answered));
  json["latency_failed_s"] = figures_json(times_of(latency.failed));
}

// Null where the span isn't known: of one request nobody knows how often it comes.
void put_rates(OrderedJson& json, const Rates& rates) {
  const auto put = [&](const char* name, double value) {
    json[name] = rates.span_s > 0 ? OrderedJson(value) : OrderedJson(nullptr);
  };
  put("span_s", rates.span_s);
  put("offered_rps", rates.offered_rps);
  put("sent_rps", rates.sent_rps);
  put("achieved_rps", rates.achieved_rps);
  put("failed_rps", rates.failed_rps);
}

OrderedJson group(const GroupFigures& row) {
  OrderedJson json{{"name", row.name}};
  put_latencies(json, row.latency);
  json["answered"] = row.answered;
  json["failed"] = row.failed;
  return json;
}

OrderedJson groups(const std::vector<GroupFigures>& rows) {
  OrderedJson list = OrderedJson::array();
  for (const GroupFigures& row : rows) {
    if (row.intended > 0) list.push_back(group(row));
  }
  return list;
}

OrderedJson checks_json(const std::vector<CheckFigures>& checks) {
  OrderedJson list = OrderedJson::array();
  for (const CheckFigures& check : checks)
    list.push_back({{"name", check.name}, {"passed", check.passed}, {"failed", check.failed}});
  return list;
}

OrderedJson phases(const Summary& summary) {
  OrderedJson list = OrderedJson::array();
  for (const GroupFigures& row : summary.phases()) {
    if (row.intended == 0) continue;
    OrderedJson phase = group(row);
    phase["start_s"] = to_seconds(row.first - summary.start());
    phase["end_s"] = to_seconds(row.last - summary.start());
    put_rates(phase, rates_of(row));
    phase["warmup"] = row.name == Summary::kWarmup;
    list.push_back(phase);
  }
  return list;
}

OrderedJson rate_json(const Summary& summary) {
  OrderedJson json = OrderedJson::object();
  const Rates rates = summary.rates();
  put_rates(json, rates);
  const auto put = [&](const char* name, std::uint64_t bytes) {
    json[name] = rates.span_s > 0 ? OrderedJson(static_cast<double>(bytes) / rates.span_s)
                                  : OrderedJson(nullptr);
  };
  put("bytes_in_per_s", summary.bytes_in());
  put("bytes_out_per_s", summary.bytes_out());
  json["tail_s"] = to_seconds(summary.tail());
  return json;
}

OrderedJson series(const Summary& summary) {
  const double width = to_seconds(summary.width());
  OrderedJson t = OrderedJson::array(), offered = OrderedJson::array(), sent = OrderedJson::array(),
              achieved = OrderedJson::array(), failed = OrderedJson::array(),
              in_flight = OrderedJson::array(), p50 = OrderedJson::array(),
              p90 = OrderedJson::array(), p99 = OrderedJson::array(), max = OrderedJson::array(),
              dispatch = OrderedJson::array();
  std::int64_t under_way = 0;
  for (std::size_t i = 0; i < summary.buckets().size(); ++i) {
    const Bucket& bucket = summary.buckets()[i];
    const auto rate = [&](std::uint64_t count) { return static_cast<double>(count) / width; };
    under_way += static_cast<std::int64_t>(bucket.sent) - static_cast<std::int64_t>(bucket.over);
    t.push_back(static_cast<double>(i) * width);
    offered.push_back(rate(bucket.offered));
    sent.push_back(rate(bucket.sent));
    achieved.push_back(rate(bucket.achieved));
    failed.push_back(rate(bucket.failed));
    in_flight.push_back(under_way);
    const auto value = [&](double p) {
      return bucket.latency.count() == 0 ? OrderedJson(nullptr)
                                         : OrderedJson(to_seconds(bucket.latency.percentile(p)));
    };
    p50.push_back(value(0.5));
    p90.push_back(value(0.9));
    p99.push_back(value(0.99));
    max.push_back(value(1));
    dispatch.push_back(bucket.dispatch.count() == 0
                           ? OrderedJson(nullptr)
                           : OrderedJson(to_seconds(bucket.dispatch.percentile(0.99))));
  }
  return {{"width_s", width},
          {"t_s", t},
          {"offered", offered},
          {"sent", sent},
          {"achieved", achieved},
          {"failed", failed},
          {"in_flight", in_flight},
          {"p50", p50},
          {"p90", p90},
          {"p99", p99},
          {"max", max},
          {"dispatch_p99", dispatch}};
}

OrderedJson histogram(const Histogram& latency) {
  OrderedJson lower = OrderedJson::array(), upper = OrderedJson::array(),
              count = OrderedJson::array();
  Histogram coarse(Histogram::Grain::kCoarse);
  latency.each(
      [&](Duration from, Duration to, std::uint64_t n) { coarse.add((from + to) / 2, n); });
  coarse.each([&](Duration from, Duration to, std::uint64_t n) {
    lower.push_back(to_seconds(from));
    upper.push_back(to_seconds(to));
    count.push_back(n);
  });
  return {{"lower_s", lower}, {"upper_s", upper}, {"count", count}};
}

// Whose container a row is of, by name; a part of it has the rest of its subsystem behind a slash.
void put_pod(OrderedJson& json, const std::string& subsystem, const PodLives& pods) {
  const PodLives::Place place =
      pods.of_container(std::string_view(subsystem).substr(0, subsystem.find('/')));
  if (place.pod == PodLives::kNone) return;
  const PodLives::Pod& pod = pods.all()[place.pod];
  json["pod"] = pod.name;
  json["container"] = pod.containers[place.container].name;
  json["containers"] = pod.containers.size();
}

OrderedJson telemetry_list(const TelemetrySeries& telemetry, const PodLives& pods) {
  OrderedJson list = OrderedJson::array();
  const double width = to_seconds(telemetry.width());
  for (const TelemetrySeries::Series& row : telemetry.all()) {
    OrderedJson t = OrderedJson::array(), mean = OrderedJson::array(), max = OrderedJson::array();
    for (std::size_t i = 0; i < row.buckets.size(); ++i) {
      const TelemetrySeries::Bucket& bucket = row.buckets[i];
      if (bucket.count == 0) continue;
      t.push_back(static_cast<double>(i) * width);
      mean.push_back(bucket.sum / static_cast<double>(bucket.count));
      max.push_back(bucket.max);
    }
    list.push_back({{"node", row.node},
                    {"metric", row.metric},
                    {"subsystem", row.subsystem},
                    {"unit", telemetry::unit_of(row.metric)},
                    {"t_s", t},
                    {"mean", mean},
                    {"max", max}});
    put_pod(list.back(), row.subsystem, pods);
  }
  return list;
}

OrderedJson failures(const load::Ledger& ledger, wire::FailureGroup wanted) {
  OrderedJson list = OrderedJson::object();
  for (std::size_t i = 0; i < ledger.failures.size(); ++i) {
    const auto failure = static_cast<wire::Failure>(i);
    if (wire::failure_group(failure) == wanted && ledger.failures[i] > 0)
      list[std::string(wire::failure_name(failure))] = ledger.failures[i];
  }
  return list;
}

OrderedJson ledger_json(const load::Ledger& ledger) {
  return {{"intended", ledger.intended},
          {"sent", ledger.sent},
          {"not_sent", failures(ledger, wire::FailureGroup::not_sent)},
          {"answered", ledger.answered},
          {"failed", failures(ledger, wire::FailureGroup::failed)},
          {"in_flight_at_end", ledger.in_flight_at_end},
          {"retried", ledger.retried},
          {"traces",
           {{"made", ledger.traces_made},
            {"stored", ledger.traces_stored},
            {"spooled", ledger.traces_spooled},
            {"lost", ledger.traces_lost}}},
          {"balanced", ledger.balanced()}};
}

OrderedJson thresholds_json(const std::vector<ThresholdResult>& thresholds) {
  OrderedJson list = OrderedJson::array();
  for (const ThresholdResult& threshold : thresholds)
    list.push_back({{"expression", threshold.expression},
                    {"value", number_or_null(threshold.value)},
                    {"limit", threshold.limit},
                    {"unit", threshold.unit},
                    {"passed", threshold.passed},
                    {"at_least", threshold.at_least},
                    {"undecided", threshold.undecided},
                    {"proof", threshold.proof}});
  return list;
}

OrderedJson provenance_json(const Provenance& provenance) {
  OrderedJson host = OrderedJson::object();
  for (const auto& [key, value] : provenance.host) host[key] = value;
  OrderedJson plan = OrderedJson::parse(provenance.plan_json, nullptr, false);
  return {{"galileo_version", provenance.version},
          {"seed", provenance.seed},
          {"command", provenance.command},
          {"host", host},
          {"file_path", provenance.file_path},
          {"file_text", provenance.file_text},
          {"plan", plan.is_discarded() ? OrderedJson(nullptr) : plan},
          {"database", provenance.database},
          {"spool", provenance.spool},
          {"report", provenance.report}};
}

OrderedJson experiment_json(const wire::Experiment& experiment) {
  const bool timed = experiment.start != kNoWall && experiment.end != kNoWall;
  return {{"id", experiment.id},
          {"name", experiment.name},
          {"creator", experiment.creator},
          {"created", unix_or_null(experiment.created)},
          {"start", unix_or_null(experiment.start)},
          {"end", unix_or_null(experiment.end)},
          {"status", experiment.status},
          {"duration_s", timed ? OrderedJson(to_seconds(experiment.end - experiment.start))
                               : OrderedJson(nullptr)}};
}

// What the verdict went by.
OrderedJson state_json(const GeneratorState& state) {
  OrderedJson shares = OrderedJson::array();
  for (const OwnShare& one : state.shares)
    shares.push_back({{"quantile", one.share},
                      {"latency_s", to_seconds(one.latency)},
                      {"own_s", to_seconds(one.own)},
                      {"wait_s", to_seconds(one.wait)}});
  OrderedJson json{{"quantiles", shares},
                   {"sent_late_s", to_seconds(state.sent_late)},
                   {"read_late_s", to_seconds(state.read_late)},
                   {"waited_for_connection", state.waited},
                   {"waited_for_core_s", to_seconds(state.waited_for_core)},
                   {"stood_still_s", to_seconds(state.stood_still)},
                   {"throttled_periods", state.throttled_periods},
                   {"throttled_s", to_seconds(state.throttled)},
                   {"steal_pct", 100 * state.steal_share},
                   {"cores", state.cores},
                   {"shares_machine", state.shares_machine},
                   {"machine_pct", 100 * state.machine_share}};
  if (!state.worker.empty()) json["worker"] = state.worker;
  for (const GeneratorState& worker : state.workers) json["workers"].push_back(state_json(worker));
  return json;
}

GeneratorState parse_state(const OrderedJson& json) {
  GeneratorState state;
  for (const OrderedJson& one : json.value("quantiles", OrderedJson::array()))
    state.shares.push_back({one.value("quantile", 0.0), seconds(one.value("latency_s", 0.0)),
                            seconds(one.value("own_s", 0.0)), seconds(one.value("wait_s", 0.0))});
  state.sent_late = seconds(json.value("sent_late_s", 0.0));
  state.read_late = seconds(json.value("read_late_s", 0.0));
  state.waited = json.value("waited_for_connection", std::uint64_t{0});
  state.waited_for_core = seconds(json.value("waited_for_core_s", 0.0));
  state.stood_still = seconds(json.value("stood_still_s", 0.0));
  state.throttled_periods = json.value("throttled_periods", std::uint64_t{0});
  state.throttled = seconds(json.value("throttled_s", 0.0));
  state.steal_share = json.value("steal_pct", 0.0) / 100;
  state.cores = json.value("cores", 0u);
  state.shares_machine = json.value("shares_machine", false);
  state.machine_share = json.value("machine_pct", 0.0) / 100;
  state.worker = json.value("worker", "");
  for (const OrderedJson& worker : json.value("workers", OrderedJson::array()))
    state.workers.push_back(parse_state(worker));
  return state;
}

// The parts that a database's rows can't give back.
OrderedJson kept(const RunResult& result, std::uint64_t requests) {
  const GeneratorUse& use = result.generator;
  const double span = result.experiment.end == kNoWall
                          ? 0
                          : to_seconds(result.experiment.end - result.experiment.start);
  OrderedJson json;
  json["verdict"] = {{"value", verdict_name(result.verdict.value)},
                     {"reasons", result.verdict.reasons}};
  json["thresholds"] = thresholds_json(result.thresholds);
  json["ended_early"] = result.ended_early;
  json["ledger"] = ledger_json(result.ledger);
  json["generator"] = OrderedJson{
      {"cpu_s", use.cpu_s},
      {"cpu_pct", span > 0 ? 100 * use.cpu_s / span : 0},
      {"cpu_per_request_us", requests > 0 ? 1e6 * use.cpu_s / static_cast<double>(requests) : 0},
      {"busiest_loop_pct", 100 * use.busiest_loop_share},
      {"rss_max_bytes", use.rss_max_bytes},
      {"threads", use.threads}};
  if (use.tls.done > 0)
    json["generator"]["tls"] = {{"handshakes", use.tls.done},
                                {"resumed", use.tls.resumed},
                                {"unverified", use.tls.unverified},
                                {"crl_checked", use.tls.crl_checked}};
  if (use.http.connections_made > 0)
    json["generator"]["http"] = {{"connections", use.http.connections_made},
                                 {"requests_1", use.http.over_1},
                                 {"requests_2", use.http.over_2},
                                 {"given_up", use.http.given_up}};
  if (use.state) json["generator"]["own"] = state_json(*use.state);
  json["provenance"] = provenance_json(result.provenance);
  json["checks"] = checks_json(result.checks);
  json["notes"] = result.notes;
  if (!result.steered.empty()) json["steered"] = result.steered;
  json["fail_on"] = result.fail_on.to_text();
  return json;
}

load::Ledger parse_ledger(const OrderedJson& json) {
  load::Ledger ledger;
  const auto count = [](const OrderedJson& from, const char* key) {
    return from.is_object() ? from.value(key, std::uint64_t{0}) : 0;
  };
  ledger.intended = count(json, "intended");
  ledger.sent = count(json, "sent");
  ledger.answered = count(json, "answered");
  ledger.in_flight_at_end = count(json, "in_flight_at_end");
  ledger.retried = count(json, "retried");
  for (const char* list : {"not_sent", "failed"}) {
    if (!json.contains(list)) continue;
    for (const auto& [name, n] : json[list].items())
      ledger.failures[static_cast<std::size_t>(wire::failure_named(name))] = n.get<std::uint64_t>();
  }
  ledger.failures[static_cast<std::size_t>(wire::Failure::unfinished)] = ledger.in_flight_at_end;
  if (json.contains("traces")) {
    ledger.traces_made = count(json["traces"], "made");
    ledger.traces_stored = count(json["traces"], "stored");
    ledger.traces_spooled = count(json["traces"], "spooled");
    ledger.traces_lost = count(json["traces"], "lost");
  }
  return ledger;
}

void parse_kept(const OrderedJson& json, RunResult& result) {
  const OrderedJson verdict = json.value("verdict", OrderedJson::object());
  const std::string value = verdict.value("value", "");
  result.verdict.value = value == "VALID"     ? VerdictValue::kValid
                         : value == "SUSPECT" ? VerdictValue::kSuspect
                                              : VerdictValue::kInvalid;
  result.verdict.reasons = verdict.value("reasons", std::vector<std::string>());
  for (const OrderedJson& row : json.value("thresholds", OrderedJson::array())) {
    ThresholdResult threshold;
    threshold.expression = row.value("expression", "");
    if (row.contains("value") && row["value"].is_number()) threshold.value = row["value"];
    threshold.limit = row.value("limit", 0.0);
    threshold.unit = row.value("unit", "");
    threshold.passed = row.value("passed", false);
    threshold.at_least = row.value("at_least", false);
    threshold.undecided = row.value("undecided", "");
    threshold.proof = row.value("proof", "");
    result.thresholds.push_back(threshold);
  }
  result.ended_early = json.value("ended_early", "");
  for (const OrderedJson& row : json.value("checks", OrderedJson::array()))
    result.checks.push_back({row.value("name", ""), row.value("passed", std::uint64_t{0}),
                             row.value("failed", std::uint64_t{0})});
  result.ledger = parse_ledger(json.value("ledger", OrderedJson::object()));
  const OrderedJson use = json.value("generator", OrderedJson::object());
  result.generator.cpu_s = use.value("cpu_s", 0.0);
  result.generator.busiest_loop_share = use.value("busiest_loop_pct", 0.0) / 100;
  result.generator.rss_max_bytes = use.value("rss_max_bytes", std::uint64_t{0});
  result.generator.threads = use.value("threads", 0u);
  if (use.contains("tls")) {
    result.generator.tls.done = use["tls"].value("handshakes", std::uint64_t{0});
    result.generator.tls.resumed = use["tls"].value("resumed", std::uint64_t{0});
    result.generator.tls.unverified = use["tls"].value("unverified", std::uint64_t{0});
    result.generator.tls.crl_checked = use["tls"].value("crl_checked", std::uint64_t{0});
  }
  if (use.contains("http")) {
    result.generator.http.connections_made = use["http"].value("connections", std::uint64_t{0});
    result.generator.http.over_1 = use["http"].value("requests_1", std::uint64_t{0});
    result.generator.http.over_2 = use["http"].value("requests_2", std::uint64_t{0});
    result.generator.http.given_up = use["http"].value("given_up", std::uint64_t{0});
  }
  if (use.contains("own")) result.generator.state = parse_state(use["own"]);
  const OrderedJson from = json.value("provenance", OrderedJson::object());
  result.provenance.version = from.value("galileo_version", "");
  result.provenance.seed = from.value("seed", std::uint64_t{0});
  result.provenance.command = from.value("command", std::vector<std::string>());
  const OrderedJson host = from.value("host", OrderedJson::object());
  for (const auto& [key, text] : host.items())
    result.provenance.host.emplace_back(key, text.get<std::string>());
  result.provenance.file_path = from.value("file_path", "");
  result.provenance.file_text = from.value("file_text", "");
  if (from.contains("plan")) result.provenance.plan_json = dump(from["plan"], -1);
  result.provenance.database = from.value("database", "");
  result.provenance.spool = from.value("spool", "");
  result.provenance.report = from.value("report", "");
  result.notes = json.value("notes", std::vector<std::string>());
  result.steered = json.value("steered", std::vector<std::string>());
  // Before it could be set, all from 300 up were failures.
  const auto fail_on = wire::StatusSet::parse(json.value("fail_on", "300-999"));
  if (fail_on.ok()) result.fail_on = *fail_on;
}

// The old system's have none of these; it may have other words of ours as its users' own.
bool is_ours(const OrderedJson& metadata) {
  return metadata.contains("galileo") || metadata.contains("recorder") ||
         metadata.contains("damaged_bytes") ||
         (metadata.contains("checkpoint") && metadata["checkpoint"].is_object()) ||
         (metadata.contains("ended") && metadata["ended"].is_object());
}

// What isn't ours of an experiment's metadata.
std::string users_of(const OrderedJson& json) {
  const bool has_ours = is_ours(json);
  OrderedJson users = OrderedJson::object();
  for (const auto& [key, value] : json.items()) {
    const auto& ours = result_metadata_keys();
    const bool is_key =
        key == "exp_id" || (has_ours && std::find(ours.begin(), ours.end(), key) != ours.end());
    if (!is_key) users[key] = value;
  }
  return users.empty() ? std::string() : dump(users, -1);
}

OrderedJson users_json(const RunResult& result) {
  OrderedJson json = OrderedJson::parse(result.metadata, nullptr, false);
  return json.is_object() ? json : OrderedJson::object();
}

}  // namespace

// Null: not known.
OrderedJson figures_json(const Times& times) {
  OrderedJson json{{"count", times.count()}};
  OrderedJson at_least = OrderedJson::array();
  const auto put = [&](const char* name, const std::optional<Bound>& bound) {
    json[name] = bound ? OrderedJson(to_seconds(bound->value)) : OrderedJson(nullptr);
    if (bound && bound->at_least) at_least.push_back(name);
  };
  put("min", times.min());
  put("mean", times.mean());
  const bool known = times.count() > 0 && times.unbounded == 0;
  json["stddev"] = known ? OrderedJson(times.values.stddev_s()) : OrderedJson(nullptr);
  put("p50", times.percentile(0.5));
  put("p90", times.percentile(0.9));
  put("p95", times.percentile(0.95));
  put("p99", times.percentile(0.99));
  put("p999", times.percentile(0.999));
  put("max", times.max());
  json["at_least"] = at_least;
  return json;
}

std::string result_json(const RunResult& result, const Summary& summary,
                        const TelemetrySeries& telemetry, const JoinedView& joined) {
  OrderedJson json;
  json["schema"] = 1;
  json["experiment"] = experiment_json(result.experiment);
  const std::uint64_t requests = summary.counted() + summary.warmup();
  const OrderedJson parts = kept(result, requests);
  json["verdict"] = parts["verdict"];
  json["thresholds"] = parts["thresholds"];
  json["ended_early"] = parts["ended_early"];
  json["mode"] = summary.closed_loop() == 0                   ? "open"
                 : summary.closed_loop() == summary.counted() ? "closed"
                                                              : "mixed";
  put_latencies(json, summary.latencies());
  json["dispatch_error_s"] = figures_json(times_of(summary.dispatch_error()));
  json["service_time_s"] = figures_json(summary.service_times().all());
  json["rate"] = rate_json(summary);
  json["ledger"] = parts["ledger"];
  json["ledger"]["balanced"] = imbalance_of(result).empty();
  json["ledger"]["warmup"] = summary.warmup();
  OrderedJson codes = OrderedJson::object();
  for (const auto& [code, count] : summary.status_codes()) codes[std::to_string(code)] = count;
  json["status_codes"] = codes;
  json["fail_on"] = parts["fail_on"];
  json["services"] = groups(summary.services());
  json["servers"] = groups(summary.servers());
  json["phases"] = phases(summary);
  json["steps"] = groups(summary.steps());
  json["checks"] = parts["checks"];
  json["series"] = series(summary);
  json["histogram"] = histogram(summary.latency());
  json["events"] = events_json(joined, summary.start());
  json["cluster"] = cluster_json(joined, summary);
  json["telemetry"] = telemetry_list(telemetry, joined.pods());
  json["generator"] = parts["generator"];
  json["provenance"] = parts["provenance"];
  json["metadata"] = users_json(result);
  json["notes"] = parts["notes"];
  if (parts.contains("steered")) json["steered"] = parts["steered"];
  if (telemetry.left_out() > 0)
    json["notes"].push_back(
        fmt::format("{} values of telemetry are left out here: there are more than {} series; the "
                    "database has them",
                    format_count(telemetry.left_out()), format_count(TelemetrySeries::kSeriesMax)));
  if (const std::uint64_t unread = joined.pods().malformed(); unread > 0)
    json["notes"].push_back(fmt::format("{} event{} of pods couldn't be read", format_count(unread),
                                        unread == 1 ? "" : "s"));
  return dump(json, -1);
}

std::string ended_json(const std::string& status, const std::string& reason, const std::string& by,
                       Wall at) {
  const OrderedJson json{
      {"status", status}, {"reason", reason}, {"by", by}, {"at", to_unix_seconds(at)}};
  return dump(json, -1);
}

std::string metadata_json(const RunResult& result) {
  OrderedJson json = users_json(result);
  const OrderedJson ours = kept(result, result.ledger.intended);
  for (const auto& [key, value] : ours.items()) json[key] = value;
  if (!result.ended.empty()) json["ended"] = OrderedJson::parse(result.ended, nullptr, false);
  json["exp_id"] = result.experiment.id;
  json["galileo"] = 1;  // tells our metadata from that of the old system
  return dump(json, -1);
}

const std::vector<std::string>& result_metadata_keys() {
  static const std::vector<std::string> keys{
      "verdict",    "thresholds",  "ledger",         "generator",      "checks",
      "provenance", "notes",       "fail_on",        "ended_early",    "exp_id",
      "galileo",    "checkpoint",  "recorder",       "damaged_bytes",  "traces_lost",
      "steered",    "others_lost", "traces_refused", "others_refused", "ended"};
  return keys;
}

namespace {

// Whether it is a result's of this program, and all of it could be read.
bool read_metadata(const std::string& text, RunResult& result) {
  if (store::is_nested_deeply(text)) {
    result.notes.emplace_back("the experiment's metadata are nested too deeply to be read");
    return false;
  }
  const OrderedJson json = OrderedJson::parse(text, nullptr, false);
  if (json.is_discarded() || !json.is_object()) return false;
  result.metadata = users_of(json);
  if (const auto ended = json.find("ended"); ended != json.end() && ended->is_object()) {
    result.ended = dump(*ended, -1);
    // One that was over before it could tell of itself has no other notes.
    if (const auto why = ended->find("reason"); why != ended->end() && why->is_string())
      result.notes.push_back(why->get<std::string>());
  }
  if (!json.contains("galileo")) return false;
  try {
    parse_kept(json, result);
  } catch (const OrderedJson::exception&) {
    result.notes.push_back("the experiment's metadata couldn't be read whole");
    return false;
  }
  return true;
}

}  // namespace

RunResult parse_metadata(const std::string& text) {
  RunResult result;
  read_metadata(text, result);
  return result;
}

std::optional<RunResult> parse_whole_metadata(const std::string& text) {
  RunResult result;
  return read_metadata(text, result) ? std::optional(std::move(result)) : std::nullopt;
}

}  // namespace galileo::analysis
