#include "wire/queued_experiment.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"

namespace galileo::wire {
namespace {

constexpr std::string_view kExperimentType = "galileodb.model.Experiment";
constexpr double kWholeMax = 9007199254740992;  // 2^53: all whole numbers up to it are doubles
constexpr double kDurationMaxS = 365.0 * 24 * 3600;
constexpr double kRateMax = 1e9;
constexpr std::uint64_t kClientsMax = 1'000'000;
constexpr std::size_t kTicksMax = 100'000;
constexpr std::size_t kWorkloadsMax = 1'000;

constexpr std::string_view kFileKey = "__file";

std::string file_json(const QueuedFile& file) {
  std::string set;
  for (const std::string& one : file.set) set += (set.empty() ? "" : ", ") + json_text(one);
  return fmt::format(R"({{"text": {}, "set": [{}]}})", json_text(file.text), set);
}

std::string number_json(const Number& number) {
  return number.whole ? fmt::format("{:.0f}", number.value) : json_real(number.value);
}

std::string seconds_json(Wall time) {
  return time == kNoWall ? "null" : json_real(to_unix_seconds(time));
}

std::optional<Number> number_of(const Json& json) {
  if (json.kind != Json::Kind::kInteger && json.kind != Json::Kind::kReal) return std::nullopt;
  const auto value = parse_number(json.text);
  if (!value || !std::isfinite(*value)) return std::nullopt;
  return Number{*value, json.kind == Json::Kind::kInteger && std::abs(*value) <= kWholeMax};
}

// A field that is kept as the text of its JSON, as a number.
std::optional<Number> number_in(const std::string& text) {
  const auto json = parse_json(text);
  return json.ok() ? number_of(*json) : std::nullopt;
}

Wall time_in(const std::string& text) {
  const auto number = number_in(text);
  return number ? from_unix_seconds(number->value) : kNoWall;
}

Error wrong(std::string what, std::string where, std::string why) {
  return Error{ErrorCode::kCorrupt, std::move(what), std::move(where), std::move(why), {}};
}

Result<TickWorkload> read_workload(const Json& json, const std::string& place) {
  TickWorkload workload;
  std::optional<std::vector<Number>> ticks;
  std::optional<std::uint64_t> clients;
  RecordReader reader(json, TickWorkload::kType);
  reader.field("service", workload.service);
  reader.optional("ticks", ticks);
  reader.optional("clients_per_host", clients);
  reader.optional("arrival_pattern", workload.arrival_pattern);
  reader.optional("client", workload.client);
  reader.optional_json("client_parameters", workload.parameters, Json::Kind::kObject);
  if (const auto read = reader.result(); !read.ok())
    return wrong("no workload", place, read.error().why);
  if (!ticks) return wrong("no workload", place, "it has no ticks");
  for (const Number& tick : *ticks) {
    if (!std::isfinite(tick.value)) return wrong("no workload", place, "a tick isn't finite");
  }
  workload.ticks = std::move(*ticks);
  if (clients) workload.clients = *clients;
  return workload;
}

Result<std::vector<TickWorkload>> read_workloads(const Json& json, std::string_view place) {
  std::vector<TickWorkload> workloads;
  for (const Json& item : *TRY(records_of(json, TickWorkload::kType)))
    workloads.push_back(TRY(read_workload(item, fmt::format("{}[{}]", place, workloads.size()))));
  return workloads;
}

Error refused(std::string where, std::string why, std::string hint = {}) {
  return Error{ErrorCode::kUsage, "it can't be queued", std::move(where), std::move(why),
               std::move(hint)};
}

// Whether clients can send it.
Result<void> check_submitted(const TickPlan& plan) {
  if (plan.interval_s.value > plan.duration_s.value)
    return refused("configuration.interval", "it is longer than the duration");
  const std::uint64_t needed = plan.ticks_needed();
  if (needed > kTicksMax)
    return refused("configuration.interval",
                   fmt::format("{} ticks are more than {}", needed, kTicksMax));
  for (std::size_t i = 0; i < plan.workloads.size(); ++i) {
    const TickWorkload& workload = plan.workloads[i];
    const std::string place = fmt::format("configuration.workloads[{}]", i);
    if (workload.service.empty()) return refused(place + ".service", "it is empty");
    if (workload.clients == 0 || workload.clients > kClientsMax)
      return refused(place + ".clients_per_host",
                     fmt::format("it must be from 1 to {}", kClientsMax));
    if (workload.ticks.size() < needed)
      return refused(place + ".ticks",
                     fmt::format("{} are fewer than the {} intervals of the duration",
                                 workload.ticks.size(), needed),
                     "give one for each interval");
    for (const Number& tick : workload.ticks) {
      if (!(tick.value >= 0 && tick.value <= kRateMax))
        return refused(place + ".ticks", fmt::format("{} isn't a rate", json_real(tick.value)));
    }
  }
  return {};
}

Result<QueuedFile> read_file(const Json& json) {
  QueuedFile file;
  const Json* const text = find(json, "text");
  const Json* const set = find(json, "set");
  if (!text || text->kind != Json::Kind::kText)
    return wrong("no queued experiment", std::string(kFileKey), "it has no text");
  file.text = text->text;
  if (!set || set->kind == Json::Kind::kNull) return file;
  for (const Json& one : set->items) {
    if (one.kind != Json::Kind::kText || !set->keys.empty())
      return wrong("no queued experiment", fmt::format("{}.set", kFileKey), "it isn't texts");
    file.set.push_back(one.text);
  }
  return file;
}

}  // namespace

std::uint64_t TickPlan::ticks_needed() const {
  if (!(interval_s.value > 0) || !(duration_s.value > 0)) return 0;
  return static_cast<std::uint64_t>(std::ceil(duration_s.value / interval_s.value));
}

std::string experiment_json(const Experiment& experiment) {
  return fmt::format(R"({{"id": {}, "name": {}, "creator": {}, "start": {}, "end": {}, )"
                     R"("created": {}, "status": {}}})",
                     json_text(experiment.id), json_text(experiment.name),
                     json_text(experiment.creator), seconds_json(experiment.start),
                     seconds_json(experiment.end), seconds_json(experiment.created),
                     json_text(experiment.status));
}

std::string encode(const QueuedExperiment& queued) {
  std::string workloads = "[";
  for (const TickWorkload& workload : queued.plan.workloads) {
    if (workloads.size() > 1) workloads += ", ";
    RecordWriter writer(workloads);
    writer.field("service", workload.service);
    writer.optional("ticks", std::optional(workload.ticks));
    writer.field("clients_per_host", workload.clients);
    writer.field("arrival_pattern", workload.arrival_pattern);
    writer.optional("client", workload.client);
    writer.optional_json("client_parameters", workload.parameters);
    writer.end();
  }
  const TickPlan& plan = queued.plan;
  std::string item = wrap_record(
      fmt::format("[{}, [{}, {}, {}]]", experiment_json(queued.experiment),
                  number_json(plan.duration_s), number_json(plan.interval_s), workloads + "]"),
      QueuedExperiment::kType);
  if (!queued.file) return item;
  item.pop_back();
  return item + fmt::format(R"(, "{}": {}}})", kFileKey, file_json(*queued.file));
}

Result<QueuedExperiment> decode_queued_experiment(std::string_view json) {
  const Json whole = TRY(parse_json(json));
  QueuedExperiment queued;
  std::string start, end, created, duration, interval, workloads;
  std::optional<std::string> id, name, creator, status;
  RecordReader reader(whole, QueuedExperiment::kType);
  reader.record("experiment", kExperimentType, [&](RecordReader& inner) {
    inner.optional("id", id);
    inner.optional("name", name);
    inner.optional("creator", creator);
    inner.optional_json("start", start);
    inner.optional_json("end", end);
    inner.optional_json("created", created);
    inner.optional("status", status);
  });
  reader.record("configuration", TickPlan::kType, [&](RecordReader& inner) {
    inner.json("duration", duration);
    inner.json("interval", interval);
    inner.json("workloads", workloads);
  });
  TRY(reader.result());
  queued.experiment.id = id.value_or("");
  queued.experiment.name = name.value_or("");
  queued.experiment.creator = creator.value_or("");
  queued.experiment.status = status.value_or(kQueued);
  queued.experiment.start = time_in(start);
  queued.experiment.end = time_in(end);
  queued.experiment.created = time_in(created);
  const auto seconds = number_in(duration), each = number_in(interval);
  if (!seconds || !(seconds->value > 0 && seconds->value <= kDurationMaxS))
    return wrong("no queued experiment", "duration", "it isn't a time in seconds");
  if (!each || !(each->value > 0 && each->value <= kDurationMaxS))
    return wrong("no queued experiment", "interval", "it isn't a time in seconds");
  queued.plan.duration_s = *seconds;
  queued.plan.interval_s = *each;
  queued.plan.workloads = TRY(read_workloads(TRY(parse_json(workloads)), "workloads"));
  if (const Json* const file = find(whole, kFileKey)) queued.file = TRY(read_file(*file));
  return queued;
}

Result<Number> read_old_duration(const Json& value) {
  std::optional<Number> seconds = number_of(value);
  if (value.kind == Json::Kind::kText) {
    const auto plain = parse_number(value.text);
    const auto duration = parse_duration(value.text);
    if (plain && std::isfinite(*plain))
      seconds = Number{*plain, value.text.find_first_not_of("0123456789") == std::string::npos};
    else if (duration.ok())
      seconds = Number{to_seconds(*duration), *duration % std::chrono::seconds{1} == Duration{0}};
  }
  if (seconds && seconds->value > 0 && seconds->value <= kDurationMaxS) return *seconds;
  return refused({}, fmt::format("{} isn't a time", to_text(value)),
                 "for example 90, 90s, 5m, 1h30m");
}

Result<QueuedExperiment> read_submission(const Json& body) {
  if (body.kind != Json::Kind::kObject)
    return refused("the body", fmt::format("it is {}, not an object", kind_name(body.kind)));
  const Json* const configuration = find(body, "configuration");
  if (!configuration || configuration->kind != Json::Kind::kObject)
    return refused("configuration", configuration ? "it isn't an object" : "it is missing");
  QueuedExperiment queued;
  if (const Json* const experiment = find(body, "experiment")) {
    for (auto [key, text] : {std::pair{"name", &queued.experiment.name},
                             std::pair{"creator", &queued.experiment.creator}}) {
      const Json* const given = find(*experiment, key);
      if (!given || given->kind == Json::Kind::kNull) continue;
      if (given->kind != Json::Kind::kText)
        return refused(fmt::format("experiment.{}", key), "it isn't a text");
      *text = given->text;
    }
  }
  for (auto [key, time] : {std::pair{"duration", &queued.plan.duration_s},
                           std::pair{"interval", &queued.plan.interval_s}}) {
    const std::string place = fmt::format("configuration.{}", key);
    const Json* const given = find(*configuration, key);
    if (!given) return refused(place, "it is missing");
    auto read = read_old_duration(*given);
    if (!read.ok()) {
      read.error().where = place;
      return read.error();
    }
    *time = *read;
  }
  const Json* const workloads = find(*configuration, "workloads");
  if (!workloads) return refused("configuration.workloads", "it is missing");
  auto read = read_workloads(*workloads, "configuration.workloads");
  if (!read.ok())
    return refused(read.error().where.starts_with("configuration") ? read.error().where
                                                                   : "configuration.workloads",
                   read.error().why);
  if (read->empty() || read->size() > kWorkloadsMax)
    return refused("configuration.workloads",
                   fmt::format("there must be from 1 to {}", kWorkloadsMax));
  queued.plan.workloads = std::move(*read);
  for (TickWorkload& workload : queued.plan.workloads) {
    if (workload.parameters.empty()) workload.parameters = "{}";
  }
  TRY(check_submitted(queued.plan));
  return queued;
}

}  // namespace galileo::wire
