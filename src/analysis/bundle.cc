#include "analysis/bundle.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "store/metadata_json.h"
#include "wire/histogram.h"

namespace galileo::analysis {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr int kBundleVersion = 1;

Error no_bundle(std::string why) {
  return Error{ErrorCode::kCorrupt,
               "can't read a bundle",
               {},
               std::move(why),
               "galileo exp bundle ID -o FILE makes one"};
}

std::int64_t unix_ns(Wall at) {
  return at == kNoWall ? -1 : at.time_since_epoch().count();
}

Wall wall_of(std::int64_t ns) {
  return ns < 0 ? kNoWall : Wall{Duration{ns}};
}

OrderedJson slice_json(const Slice& slice) {
  return {{"answered", wire::encode_histogram(slice.latency.answered)},
          {"failed", wire::encode_histogram(slice.latency.failed)},
          {"pending", wire::encode_histogram(slice.latency.pending)},
          {"closed_loop", slice.closed_loop}};
}

// What isn't there is an empty text, which is no histogram.
Result<Slice> slice_of(const OrderedJson& json) {
  Slice slice;
  for (const auto& [name, into] :
       {std::pair{"answered", &slice.latency.answered}, std::pair{"failed", &slice.latency.failed},
        std::pair{"pending", &slice.latency.pending}}) {
    auto read = wire::decode_histogram(json.value(name, ""));
    if (!read.ok()) return no_bundle("its histograms can't be read: " + read.error().why);
    *into = std::move(*read);
    if (into->state().grain != Histogram::Grain::kFine)
      return no_bundle("a histogram of another grain");
  }
  slice.closed_loop = json.value("closed_loop", std::uint64_t{0});
  return slice;
}

Result<Batches> batches_of(const OrderedJson& json) {
  Batches::State state;
  state.width = Duration{json.value("width_ns", std::int64_t{0})};
  state.first_slice = json.value("first_slice", std::int64_t{0});
  state.first = wall_of(json.value("first_ns", std::int64_t{-1}));
  state.last = wall_of(json.value("last_ns", std::int64_t{-1}));
  const OrderedJson slices = json.value("slices", OrderedJson::array());
  if (slices.size() > Batches::kSlicesMax) return no_bundle("too many stretches of time");
  for (const OrderedJson& slice : slices) state.slices.push_back(TRY(slice_of(slice)));
  if (auto made = Batches::of_state(std::move(state))) return std::move(*made);
  return no_bundle("its stretches of time contradict each other");
}

wire::Experiment experiment_of(const OrderedJson& json) {
  wire::Experiment experiment;
  experiment.id = json.value("id", "");
  experiment.name = json.value("name", "");
  experiment.creator = json.value("creator", "");
  experiment.status = json.value("status", "");
  experiment.start = wall_of(json.value("start_ns", std::int64_t{-1}));
  experiment.end = wall_of(json.value("end_ns", std::int64_t{-1}));
  return experiment;
}

}  // namespace

std::string bundle_text(const ComparedRun& run) {
  const wire::Experiment& experiment = run.result.experiment;
  const Batches::State state = run.batches.state();
  OrderedJson json{{"galileo_bundle", kBundleVersion}};
  json["experiment"] = {{"id", experiment.id},
                        {"name", experiment.name},
                        {"creator", experiment.creator},
                        {"status", experiment.status},
                        {"start_ns", unix_ns(experiment.start)},
                        {"end_ns", unix_ns(experiment.end)}};
  json["metadata"] = metadata_json(run.result);
  json["requests"] = {{"width_ns", state.width.count()},
                      {"first_slice", state.first_slice},
                      {"first_ns", unix_ns(state.first)},
                      {"last_ns", unix_ns(state.last)},
                      {"slices", OrderedJson::array()}};
  for (const Slice& slice : state.slices) json["requests"]["slices"].push_back(slice_json(slice));
  return json.dump(1, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

Result<ComparedRun> parse_bundle(std::string_view text) {
  if (store::is_nested_deeply(text)) return no_bundle("it is nested too deeply");
  const OrderedJson json = OrderedJson::parse(text, nullptr, false);
  if (json.is_discarded()) return no_bundle("it is cut, or no JSON");
  if (!json.is_object() || !json.contains("galileo_bundle"))
    return no_bundle("it is another kind of file");
  try {
    if (json["galileo_bundle"] != kBundleVersion)
      return no_bundle(fmt::format("it is of version {}, and {} is known",
                                   json["galileo_bundle"].dump(-1, ' ', true), kBundleVersion));
    // Half of it would leave out what forbids a comparison.
    auto metadata = parse_whole_metadata(json.value("metadata", ""));
    if (!metadata) return no_bundle("its metadata can't be read whole");
    ComparedRun run{std::move(*metadata),
                    TRY(batches_of(json.value("requests", OrderedJson::object())))};
    run.result.experiment = experiment_of(json.value("experiment", OrderedJson::object()));
    if (run.result.experiment.id.empty()) return no_bundle("it has no experiment");
    return run;
  } catch (const OrderedJson::exception&) {
    return no_bundle("a value of it is of another type");
  }
}

}  // namespace galileo::analysis
