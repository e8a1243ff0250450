#include "fleet/recorder.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "fleet/telemetry_nodes.h"
#include "net/clock.h"

namespace galileo::fleet {
namespace {

// How often the desk takes from the ring and writes: what a kill -9 can lose is what came since.
constexpr Duration kTick = std::chrono::milliseconds{20};
// What is still on its way when it is told to stop gets this long.
constexpr Duration kCatchUp = std::chrono::seconds{10};
// One producer of the spool: the intake, which gives all names their numbers.
constexpr store::ProducerId kProducer = 0;

}  // namespace

// What the intake hands on, into the spool: each name before the first trace that refers to it.
class Recorder::ToSpool final : public store::SpoolVisitor {
 public:
  explicit ToSpool(store::SpoolWriter& spool) : spool_(spool) {}

  void flush() {
    const auto flushed = spool_.flush();
    // A full disk may have room again later: what is buffered is tried again at the next turn.
    error_ = flushed.ok() ? std::nullopt : std::optional<Error>(flushed.error());
  }
  // Why the spool can't be written, if so.
  const std::optional<Error>& error() const { return error_; }

  void on_trace(const wire::Trace& trace, const wire::Names& names) override {
    for (; names_told_ < names.size(); ++names_told_) {
      const auto id = static_cast<wire::NameId>(names_told_);
      spool_.name(kProducer, id, names.at(id));
    }
    spool_.trace(kProducer, trace);
  }
  void on_sample(const wire::Sample& sample) override { spool_.sample(sample); }
  void on_event(const wire::Event& event) override { spool_.event(event); }

 private:
  store::SpoolWriter& spool_;
  std::size_t names_told_ = 0;
  std::optional<Error> error_;
};

Recorder::Recorder(bus::Bus& bus, const RecorderOptions& options)
    : bus_(bus),
      options_(options),
      wall_clock_(net::RealClock().wall_clock()),
      intake_(options.intake) {}

Recorder::~Recorder() {
  stop_listening();
}

Result<std::unique_ptr<Recorder>> Recorder::start(bus::Bus& bus, const RecorderOptions& options) {
  std::unique_ptr<Recorder> recorder(new Recorder(bus, options));
  // All that may refuse comes before the experiment is there: what comes meanwhile waits in the
  // intake's ring.
  recorder->kept_ = TRY(store::Recording::open(options.kept));
  TRY(recorder->listen());
  TRY(recorder->begin_recording());
  recorder->desk_.start("recorder", [&recorder = *recorder](Time) { return recorder.tick(); });
  recorder->kept_->drain();
  return recorder;
}

Result<void> Recorder::listen() {
  bus_.on_connected([this](bool connected) {
    if (!connected) bus_breaks_.add(1);
  });
  TRY(intake_.open(bus_, options_.nodes));
  node_info_ = TRY(node_infos(bus_, options_.nodes));
  return {};
}

Result<void> Recorder::begin_recording() {
  experiment_.name = options_.name;
  experiment_.creator = options_.creator;
  experiment_.status = wire::kRunning;
  const Wall now = wall_clock_.wall(net::RealClock().now());
  TRY(kept_->begin(experiment_, now, node_info_));
  to_spool_ = std::make_unique<ToSpool>(kept_->spool());
  return kept_->show(experiment_);
}

Time Recorder::tick() {
  intake_.drain(*to_spool_);
  to_spool_->flush();
  if (kept_->spool().is_full() && !std::exchange(is_full_, true) && options_.on_full)
    options_.on_full();
  return desk_.clock().now() + kTick;
}

RecorderState Recorder::state() {
  RecorderState state;
  desk_.call([&] { state = count(); });
  return state;
}

RecorderState Recorder::count() const {
  RecorderState state;
  state.counts = intake_.counts();
  state.traces_lost = kept_->spool().traces_lost();
  state.others_lost = kept_->spool().others_lost();
  state.bus_breaks = bus_breaks_.load();
  state.bus_connected = bus_.connected();
  if (to_spool_->error()) state.spool_error = to_spool_->error()->to_text();
  return state;
}

void Recorder::stop_listening() {
  bus_.on_connected({});
  intake_.close();
  desk_.stop();
}

Recorded Recorder::stop(const std::function<bool()>& give_up) {
  Recorded recorded;
  experiment_.end = wall_clock_.wall(net::RealClock().now());
  experiment_.status = has_failed_ ? wire::kFailed : wire::kFinished;
  // What was published until now is ours too; a bus that is away has nothing to tell.
  intake_.catch_up(kCatchUp);
  stop_listening();
  intake_.finish(*to_spool_);
  to_spool_->flush();
  judge_spool(recorded);
  recorded.experiment = experiment_;
  recorded.state = count();
  recorded.notes.insert(recorded.notes.begin(), kept_->notes().begin(), kept_->notes().end());
  for (const Error& trouble : intake_.troubles())
    recorded.notes.push_back("the first of its kind: " + trouble.to_text());
  if (recorded.state.counts.dropped > 0)
    recorded.notes.emplace_back("more came at once than could be taken");
  recorded.database = kept_->database();
  end_recording(recorded, give_up);
  return recorded;
}

// Whether the spool took all that came.
void Recorder::judge_spool(Recorded& recorded) {
  if (is_full_) {
    experiment_.status = wire::kFailed;
    recorded.problem =
        Error{ErrorCode::kIo, "the recording ended before it was told to", kept_->spool_path(),
              fmt::format("its spool takes the {} of disk that --spool-max allows",
                          format_bytes(static_cast<double>(options_.kept.spool_limit.bytes_max))),
              "raise --spool-max, or let go of the oldest rows by --spool-full drop-oldest"};
    recorded.notes.push_back(recorded.problem->to_text());
  } else if (const auto& error = to_spool_->error()) {
    recorded.problem = *error;
    recorded.notes.push_back("the spool couldn't be written whole: " + error->to_text());
  }
  kept_->spool().give_up_waiting();
}

// All rows into the database, then the end record, then that one too: who sees FINISHED sees all.
void Recorder::end_recording(Recorded& recorded, const std::function<bool()>& give_up) {
  const auto tell = [&](const Error& undrained) {
    if (undrained.code == ErrorCode::kInterrupted) recorded.problem = undrained;
    recorded.notes.push_back("the database didn't take everything, the spool is kept: " +
                             undrained.to_text());
  };
  if (const auto stored = kept_->store_rows(give_up); !stored.ok()) tell(stored.error());
  const store::SpoolRows given_up = kept_->rows().given_up;
  recorded.state.traces_lost += given_up.traces;
  recorded.state.others_lost += given_up.others;
  const auto ended = kept_->end(experiment_, metadata(recorded), give_up);
  if (ended.unclosed) {
    recorded.problem = ended.unclosed;
    recorded.notes.push_back("the spool couldn't be written whole: " + ended.unclosed->to_text());
  }
  if (ended.undrained) tell(*ended.undrained);
  const store::RowCounts rows = kept_->rows();
  if (rows.refused.rows() > 0) recorded.notes.push_back(store::to_text(rows.refused));
  recorded.traces_stored = rows.traces_stored;
  recorded.spool = kept_->kept_spool();
}

std::string Recorder::metadata(const Recorded& recorded) const {
  using Json = nlohmann::ordered_json;
  const IntakeCounts& counts = recorded.state.counts;
  Json json = Json::parse(options_.metadata, nullptr, false);
  if (!json.is_object()) json = Json::object();
  json["recorder"] = {{"version", options_.version},
                      {"traces", counts.traces},
                      {"telemetry", counts.samples},
                      {"events", counts.events},
                      {"duplicates", counts.duplicates},
                      {"missing", counts.missing},
                      {"batches", counts.batches},
                      {"batches_missing", counts.batches_missing},
                      {"malformed", counts.malformed},
                      {"dropped", counts.dropped},
                      {"traces_lost", recorded.state.traces_lost},
                      {"others_lost", recorded.state.others_lost},
                      {"bus_breaks", recorded.state.bus_breaks}};
  json["notes"] = recorded.notes;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace galileo::fleet
