// An experiment that a session records from its bus: it runs from start() to stop(), or to the end
// of the session, which sets its END and STATUS all the same.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "bus/bus.h"
#include "commands/session_parts.h"
#include "fleet/recorder.h"

namespace galileo::commands {

class SessionRecording {
 public:
  // What is recorded and where is the request's to say. Over `own`, the bus of this process alone,
  // or over a connection of its own to the shared one.
  static Result<std::unique_ptr<SessionRecording>> start(
      bus::Bus* own, const std::optional<bus::BusOptions>& shared, SessionRequest& request);
  ~SessionRecording();  // stops it, where that hasn't been done
  SessionRecording(const SessionRecording&) = delete;
  SessionRecording& operator=(const SessionRecording&) = delete;

  nlohmann::ordered_json about() const;
  // Once. First takes what workers still publish, for some tenths of a second, or 3 s where there
  // is no end of it. What isn't in the database after `patience` more stays in the spool. `failed`:
  // its STATUS.
  nlohmann::ordered_json stop(Duration patience, bool failed = false);

 private:
  SessionRecording() = default;
  void take_what_is_under_way(Duration most);
  fleet::Recorded end(Duration patience);

  std::unique_ptr<bus::Bus> shared_;
  std::unique_ptr<fleet::Recorder> recorder_;  // null once it is stopped
};

}  // namespace galileo::commands
