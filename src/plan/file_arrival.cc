#include "plan/file_arrival.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "load/arrival.h"
#include "load/dispatcher.h"
#include "load/distribution.h"
#include "load/rate_shape.h"
#include "plan/profile.h"

namespace galileo::plan {
namespace {

constexpr std::uint64_t kConnectionsMax = 1'000'000;

// Divided, not multiplied, so that 30s is 30 and not 30.000000000000004.
double plain_seconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e9;
}

// Is it an arrival that can be made? The places are those of the whole and of its kind's name.
void check_arrival(const Fields& client, const wire::YamlPlace& place, const std::string& where,
                   const load::ArrivalSpec& arrival) {
  if (load::unpaced(arrival)) return;
  const auto made = load::make_arrival(arrival);
  if (!made.ok()) client.problems().add(place, where, made.error());
}

// Seconds between requests from the file that `profile` names.
std::vector<double> read_profile(const Fields& fields, const FileOptions& options) {
  const auto path = fields.text("profile");
  if (!path) return {};
  const auto profile = [&]() -> Result<std::vector<double>> {
    if (!options.read_file)
      return Error{ErrorCode::kIo, "can't read", *path, "files can't be read here", {}};
    return parse_profile(TRY(options.read_file(*path)), fields.text("column").value_or(""));
  }();
  if (profile.ok()) return *profile;
  Error error = profile.error();
  if (error.what.empty()) error.what = fmt::format("'{}'", *path);
  fields.problems().add(fields.place("profile"), fields.where("profile"), error);
  return {};
}

void read_recorded(const Fields& fields, const FileOptions& options, load::ArrivalSpec& arrival) {
  Problems& problems = fields.problems();
  if (fields.has("list") && fields.has("profile"))
    problems.add(fields.place("profile"),
                 fmt::format("{} can't be there beside list", fields.where("profile")));
  if (fields.has("distribution") && arrival.kind != "prerecorded")
    problems.add(fields.place("distribution"),
                 fmt::format("{} can't be {} beside a list or profile",
                             fields.where("distribution"), arrival.kind),
                 "leave it out, or write prerecorded");
  if (fields.has("column") && !fields.has("profile"))
    problems.add(fields.place("column"), fields.where("column") + " is of a profile only");
  arrival.kind = "prerecorded";
  arrival.recorded_s = fields.numbers("list").value_or(read_profile(fields, options));
}

// `arrival: expovariate(100)`.
load::ArrivalSpec read_call(Problems& problems, const wire::YamlNode& node,
                            const std::string& where) {
  load::ArrivalSpec arrival;
  const auto call = load::parse_call(node.scalar);
  if (!call.ok()) {
    problems.add(node.place, where, call.error());
    return arrival;
  }
  arrival.kind = call->name;
  arrival.parameters = call->arguments;
  return arrival;
}

load::ArrivalSpec read_arrival(const Fields& client, const wire::YamlNode& node,
                               const FileOptions& options) {
  Problems& problems = client.problems();
  const std::string where = client.where("arrival");
  const std::size_t before = problems.count();
  load::ArrivalSpec arrival;
  wire::YamlPlace place = node.place;
  if (node.kind == wire::YamlNode::Kind::kScalar) {
    arrival = read_call(problems, node, where);
  } else {
    const Fields fields(problems, node, where, MapKind::arrival);
    arrival.kind = fields.text("distribution").value_or("");
    arrival.parameters = fields.numbers("parameters").value_or(std::vector<double>());
    if (fields.has("list") || fields.has("profile") || fields.has("column"))
      read_recorded(fields, options, arrival);
    else if (!fields.has("distribution"))
      fields.missing("distribution",
                     "write for example distribution: expovariate, parameters: [100]");
    const std::vector<std::string> known = load::arrival_names();
    const bool is_known = std::find(known.begin(), known.end(), arrival.kind) != known.end();
    place = is_known ? fields.place("parameters") : fields.place("distribution");
  }
  if (problems.count() == before) check_arrival(client, place, where, arrival);
  return arrival;
}

std::vector<double> read_steps(const Fields& rate, std::string_view key) {
  std::vector<double> parameters;
  rate.each(key, [&](const wire::YamlNode& node, const std::string& where) {
    const Fields step(rate.problems(), node, where, MapKind::rate_step);
    step.required("rps");
    step.required("for");
    parameters.push_back(step.has("rps") ? step.rate("rps").value_or(1) : 1);
    parameters.push_back(
        plain_seconds(step.positive_duration("for").value_or(std::chrono::seconds{1})));
  });
  if (rate.has(key) && parameters.empty() && rate.find(key)->kind == wire::YamlNode::Kind::kList)
    rate.problems().add(
        rate.place(key), rate.where(key) + " is empty",
        fmt::format("write {}: [{{rps: 100, for: 10s}}, {{rps: 200, for: 10s}}]", key));
  return parameters;
}

double read_parameter(const Fields& rate, const load::ShapeRow& shape,
                      const load::ShapeParameter& parameter) {
  if (!rate.has(parameter.key)) {
    if (parameter.otherwise) return *parameter.otherwise;
    if (!rate.misspelt(parameter.key))
      rate.problems().add(rate.place(), fmt::format("{} is missing for the shape {}",
                                                    rate.where(parameter.key), shape.name));
    return 0;
  }
  if (parameter.takes != load::ShapeParameter::Takes::kTime)
    return rate.rate(parameter.key).value_or(0);
  return plain_seconds(rate.positive_duration(parameter.key).value_or(Duration{0}));
}

// Keys of other shapes would be read by nobody.
void check_strangers(const Fields& rate, const load::ShapeRow& shape) {
  std::vector<std::string> own;
  for (const load::ShapeParameter& parameter : shape.parameters) own.emplace_back(parameter.key);
  for (const std::string& key : keys_of(MapKind::rate)) {
    if (key == "shape" || key == "process" || !rate.has(key)) continue;
    if (std::find(own.begin(), own.end(), key) != own.end()) continue;
    rate.problems().add(rate.place(key),
                        fmt::format("{} isn't of the shape {}", rate.where(key), shape.name),
                        fmt::format("it takes {}", fmt::join(own, ", ")));
  }
}

load::ArrivalSpec read_shape(const Fields& fields) {
  load::ArrivalSpec arrival;
  arrival.process = fields.choice("process", {"static", "exponential"}).value_or("static");
  std::vector<std::string> names;
  for (const load::ShapeRow& shape : load::shape_rows()) names.emplace_back(shape.name);
  const auto name = fields.choice("shape", names);
  if (fields.has("shape") && !name) return arrival;
  const auto shape = std::find_if(
      load::shape_rows().begin(), load::shape_rows().end(),
      [&](const load::ShapeRow& one) { return one.name == name.value_or("constant"); });
  arrival.kind = shape->arrival;
  check_strangers(fields, *shape);
  for (const load::ShapeParameter& parameter : shape->parameters) {
    if (parameter.takes == load::ShapeParameter::Takes::kSteps && fields.has(parameter.key)) {
      const std::vector<double> steps = read_steps(fields, parameter.key);
      arrival.parameters.insert(arrival.parameters.end(), steps.begin(), steps.end());
    } else {
      arrival.parameters.push_back(read_parameter(fields, *shape, parameter));
    }
  }
  return arrival;
}

// `rate: 100`, `rate: 10k`, or a shape with its parameters by name.
load::ArrivalSpec read_rate(const Fields& client, const wire::YamlNode& node) {
  Problems& problems = client.problems();
  const std::size_t before = problems.count();
  load::ArrivalSpec arrival;
  if (node.kind == wire::YamlNode::Kind::kScalar) {
    arrival.kind = "constant_rate";
    arrival.parameters = {client.rate("rate").value_or(1)};
  } else {
    arrival = read_shape(Fields(problems, node, client.where("rate"), MapKind::rate));
  }
  if (problems.count() == before) check_arrival(client, node.place, client.where("rate"), arrival);
  return arrival;
}

}  // namespace

load::ArrivalSpec read_changed_arrival(const Fields& fields) {
  Problems& problems = fields.problems();
  const std::size_t before = problems.count();
  load::ArrivalSpec arrival;
  if (fields.has("arrival") && fields.has("rate"))
    problems.add(fields.place(), "an event can have only one of arrival and rate");
  if (const wire::YamlNode* node = fields.find("arrival"))
    arrival = read_arrival(fields, *node, {});
  if (const wire::YamlNode* node = fields.find("rate")) arrival = read_rate(fields, *node);
  if (problems.count() != before) return arrival;
  const char* const key = fields.has("rate") ? "rate" : "arrival";
  if (const auto checked = load::check_change(arrival); !checked.ok())
    problems.add(fields.place(key), fields.where(key), checked.error());
  return arrival;
}

void read_pace(const Fields& fields, const FileOptions& options, load::ClientSpec& client) {
  Problems& problems = fields.problems();
  if (fields.has("arrival") + fields.has("rate") + fields.has("closed_loop") > 1)
    problems.add(fields.place(), "a client can have only one of arrival, rate and closed_loop");
  if (const wire::YamlNode* arrival = fields.find("arrival"))
    client.arrival = read_arrival(fields, *arrival, options);
  if (const wire::YamlNode* rate = fields.find("rate")) client.arrival = read_rate(fields, *rate);
  if (const wire::YamlNode* closed = fields.find("closed_loop")) {
    client.closed_loop = true;
    const Fields loop(problems, *closed, fields.where("closed_loop"), MapKind::closed_loop);
    client.connections =
        static_cast<std::uint32_t>(loop.count("connections", 1, kConnectionsMax).value_or(1));
  }
}

}  // namespace galileo::plan
