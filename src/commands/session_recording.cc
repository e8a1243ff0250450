#include "commands/session_recording.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "commands/recorder_text.h"
#include "commands/run_options.h"
#include "commands/spool_options.h"
#include "net/clock.h"
#include "net/loop.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

// For the rows that are still on their way when whoever recorded is gone.
constexpr Duration kPatienceAtEnd = std::chrono::seconds{20};
// No trace for so long: none is under way.
constexpr Duration kQuiet = std::chrono::milliseconds{500};
constexpr Duration kLateAtMost = std::chrono::seconds{3};
constexpr Duration kLook = std::chrono::milliseconds{20};

Result<fleet::RecorderOptions> take_options(SessionRequest& request) {
  fleet::RecorderOptions options;
  options.version = GALILEO_VERSION;
  options.name = TRY(request.take_text("name"));
  options.creator =
      TRY(request.take_text("creator", fmt::format("galileo-recorder-{}", getppid())));
  const Json metadata = request.take_json("metadata");
  const auto database = TRY(request.take_text("db"));
  TRY(request.end());
  if (!metadata.is_null() && !metadata.is_object())
    return wrong_request("'metadata' must be an object");
  for (const char* key : {"recorder", "notes"})
    if (metadata.contains(key))
      return wrong_request(fmt::format("'metadata' can't have '{}', which is the recorder's", key));
  if (metadata.is_object())
    options.metadata = metadata.dump(-1, ' ', false, Json::error_handler_t::replace);
  options.kept.database = TRY(whole_database(database.empty() ? default_database() : database));
  options.kept.spool_limit = TRY(spool_limit({}));
  return options;
}

}  // namespace

Result<std::unique_ptr<SessionRecording>> SessionRecording::start(
    bus::Bus* own, const std::optional<bus::BusOptions>& shared, SessionRequest& request) {
  const auto options = TRY(take_options(request));
  std::unique_ptr<SessionRecording> recording(new SessionRecording());
  if (shared) recording->shared_ = TRY(bus::connect(*shared));
  recording->recorder_ = TRY(fleet::Recorder::start(shared ? *recording->shared_ : *own, options));
  return recording;
}

SessionRecording::~SessionRecording() {
  if (recorder_) static_cast<void>(end(kPatienceAtEnd));
}

Json SessionRecording::about() const {
  const wire::Experiment& experiment = recorder_->experiment();
  return {{"id", experiment.id}, {"name", experiment.name}, {"creator", experiment.creator}};
}

// Nobody says how many traces are still to come: workers publish them some tenths of a second after
// the answer (docs/how-to/fleet.md).
void SessionRecording::take_what_is_under_way(Duration most) {
  const net::RealClock clock;
  const Time end = clock.now() + most;
  std::uint64_t seen = recorder_->state().counts.traces;
  for (Time changed = clock.now(); clock.now() < std::min(end, changed + kQuiet);) {
    net::pause_thread(kLook);
    const std::uint64_t now = recorder_->state().counts.traces;
    if (std::exchange(seen, now) != now) changed = clock.now();
  }
}

fleet::Recorded SessionRecording::end(Duration patience) {
  take_what_is_under_way(std::min(patience, kLateAtMost));
  const net::RealClock clock;
  const Time until = clock.now() + patience;
  const std::unique_ptr<fleet::Recorder> recorder = std::move(recorder_);
  return recorder->stop([&] { return clock.now() >= until; });
}

Json SessionRecording::stop(Duration patience, bool failed) {
  if (failed) recorder_->fail();
  const fleet::Recorded recorded = end(patience);
  Json json = Json::parse(recorder_json(recorded));
  if (recorded.problem) json["problem"] = json_of(*recorded.problem);
  return json;
}

}  // namespace galileo::commands
