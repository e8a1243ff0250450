// Records one experiment from a bus: what workers and telemetry daemons publish goes into a spool
// at once, and from there into the database, beside it or whenever that is there again. The
// experiment is RUNNING from start() on, and has its END and FINISHED once all else is stored. What
// couldn't be kept is counted, and the counts are in its metadata.
//
// A bus that goes away is waited for: what was published meanwhile is lost, as on any such bus, and
// shows as missing. Times are kept as they come, by whatever clock they were taken.
//
// Made, asked and stopped by one thread; the work is done at a desk of its own (and the database's,
// see store/recording.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/result.h"
#include "bus/bus.h"
#include "fleet/intake.h"
#include "net/desk.h"
#include "store/recording.h"
#include "wire/experiment.h"

namespace galileo::fleet {

struct RecorderOptions {
  std::string name;  // empty: the id
  std::string creator;
  std::string metadata;  // whoever records has to say more: a JSON object; empty: nothing
  store::RecordingOptions kept;
  // Once, at the recorder's desk: the spool will take no more soon, and stop() is called for.
  std::function<void()> on_full;
  std::vector<std::string> nodes;  // whose telemetry is recorded; empty: all
  std::string version;             // of the program, for the metadata
  Intake::Options intake;
};

// How far it is.
struct RecorderState {
  IntakeCounts counts;
  std::uint64_t traces_lost = 0;  // that the disk had no room for
  std::uint64_t others_lost = 0;  // the same of telemetry and events
  std::uint64_t bus_breaks = 0;   // how often the bus was lost
  bool bus_connected = true;
  std::string spool_error;  // why the spool can't be written, if so
};

// What has become of it.
struct Recorded {
  wire::Experiment experiment;
  RecorderState state;
  std::uint64_t traces_stored = 0;  // in the database
  std::string database;             // empty: none
  std::string spool;                // where it was kept; empty: all is in the database
  std::vector<std::string> notes;
  std::optional<Error> problem;  // why the record isn't whole, or not yet in the database as told
};

class Recorder {
 public:
  // Returns when all that is published from then on is recorded. `bus` outlives it; its
  // on_connected() is the recorder's meanwhile. An Error where the bus, the database or the disk
  // can't be used: nothing is left of the experiment then.
  static Result<std::unique_ptr<Recorder>> start(bus::Bus& bus, const RecorderOptions& options);
  // Where it wasn't stopped, the spool is left as after a crash: the next one takes it in.
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  const wire::Experiment& experiment() const { return experiment_; }
  // Waits for one turn of the desk.
  RecorderState state();

  // What is recorded has failed: the experiment's STATUS in the end. Before stop().
  void fail() { has_failed_ = true; }
  // Once. Stops listening and stores all that has come; `give_up` is asked now and then whether to
  // leave the rest in the spool.
  Recorded stop(const std::function<bool()>& give_up = {});

 private:
  class ToSpool;

  Recorder(bus::Bus& bus, const RecorderOptions& options);
  Result<void> listen();
  Result<void> begin_recording();
  Time tick();
  void judge_spool(Recorded& recorded);
  void stop_listening();
  RecorderState count() const;
  std::string metadata(const Recorded& recorded) const;
  void end_recording(Recorded& recorded, const std::function<bool()>& give_up);

  bus::Bus& bus_;
  const RecorderOptions options_;
  const WallClock wall_clock_;
  wire::Experiment experiment_;
  RelaxedCounter bus_breaks_;
  std::vector<wire::NodeInfo> node_info_;
  Intake intake_;
  std::unique_ptr<store::Recording> kept_;
  std::unique_ptr<ToSpool> to_spool_;
  bool is_full_ = false;  // once it was, it ends as FAILED
  bool has_failed_ = false;
  net::Desk desk_;
};

}  // namespace galileo::fleet
