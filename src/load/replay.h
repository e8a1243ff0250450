// A recorded log as requests that are due again at their times: what of it is sent, and when.
//
// Order and times. A log is written as requests end, by several writers, often by the whole second.
// Times are sorted; whole seconds are spread inside of their second, as a seed draws it and in the
// order of the lines; a time that is a request's end is set back by how long the log says that it
// took. Then the first one is due at 0, and all times are divided by the speed: the count is the
// same at any speed.
//
// Less of it. Each request stays by a draw of its own. Of counts N in windows with mean m and
// variance v, drawn so with probability p, the mean is p m and the variance p^2 v + p (1 - p) m, so
// that (v - m) / m^2, by what the log is burstier than chance, stays what it was. Every tenth
// request instead would even the bursts out.
//
// More of it. Copies of the log are laid over each other, each shifted in a circle by a draw. Of n
// that don't know of each other mean and variance both grow n times, and the index of dispersion
// v / m stays. Chance may lay one rush hour upon another, so shifts are drawn again, up to 64
// times, until the dispersion in windows of 1, 10 and 60 s is within 5 % of the log's; else the
// best of them are taken, and what became of it is told.
//
// Passive values and pure functions; the list is made on one thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "load/profile_figures.h"
#include "load/request_list.h"
#include "wire/request_log.h"

namespace galileo::load {

inline constexpr double kReplaySpeedMin = 0.1;
inline constexpr double kReplaySpeedMax = 100;
inline constexpr std::uint32_t kReplayCopiesMax = 1000;
inline constexpr std::size_t kReplayRequestsMax = 50'000'000;

struct ReplayOptions {
  // What is sent for a method that needs a body where the log has none (POST, PUT, PATCH).
  enum class Bodies : unsigned char { kEmpty, kSkip, kGiven };

  double speed = 1;
  double share = 1;  // of its requests, above 0
  std::uint32_t copies = 1;
  std::uint64_t seed = 0;
  Bodies bodies = Bodies::kEmpty;
  std::string body;  // of kGiven
  bool keep_secrets = false;
  bool keep_host = false;  // the header Host as the log has it
};

struct ReplayCounts {
  std::uint64_t read = 0;                                        // records: sent and skipped
  std::uint64_t sent = 0;                                        // of them, before share and copies
  std::array<std::uint64_t, wire::kRecordFaultCount> skipped{};  // by reason
  std::uint64_t out_of_order = 0;
  std::uint64_t whole_seconds = 0;  // times that were spread
  std::uint64_t set_back = 0;       // ends, by how long they took
  std::uint64_t ends = 0;           // ends whose begin the log doesn't tell
  std::uint64_t secrets = 0;        // dropped
  std::uint64_t lengths = 0;        // headers of lengths, which are ours
  std::uint64_t bodies = 0;         // that the log hadn't, and were chosen
  // The first record that couldn't be read, and which it was; 0: there was none.
  std::uint64_t unread_number = 0;
  std::string unread_text;
  wire::RecordFault unread_fault = wire::RecordFault::none;

  std::uint64_t all_skipped() const;
  std::uint64_t unread() const;
};

struct Replay {
  RequestList list;              // in the order of their times, by speed, share and copies
  std::uint32_t given_body = 0;  // ReplayOptions::body in the list; 0: no request has it
  ReplayCounts counts;
  Duration log_length{0};  // from the first request to the last, at speed 1
  Wall begins = kNoWall;
  // The index of dispersion of what is sent over the log's, in windows of 1, 10 and 60 s of the
  // log's time; of copies only, and where both are known.
  std::array<std::optional<double>, kDispersionWindows_s.size()> dispersion_ratio{};
};

// Takes a log's records, and makes a replay of them. Used once.
class ReplayMaker final : public wire::RecordSink {
 public:
  explicit ReplayMaker(ReplayOptions options) : options_(std::move(options)) {}
  void request(wire::RecordedRequest& request) override;
  void skipped(wire::RecordFault fault, std::uint64_t number, std::string_view record) override;
  // An Error: there is nothing to send, more than half of the records can't be read, there are too
  // many. `record_word`: what a record of the log is called, as in "line 7".
  Result<Replay> finish(std::string_view record_word = "record");

 private:
  struct Moment {
    Wall at = kNoWall;
    Duration took{0};  // that it is to be set back by
    std::uint32_t entry = 0;
    bool whole_second = false;
  };

  void spread_seconds();
  void set_back();
  void thin();
  Result<void> lay_copies(Replay& replay);

  const ReplayOptions options_;
  RequestList list_;
  std::uint32_t given_body_ = 0;
  ReplayCounts counts_;
  std::vector<Moment> moments_;
};

// "60 without a request; 6 an answer".
std::string skipped_text(const ReplayCounts& counts);
// What of the counts a person should know: a line each, none where the log was plain.
std::vector<std::string> replay_notes(const Replay& replay, const ReplayOptions& options);

// The seconds between every `of`-th of the requests that are due at these times, from that of
// `index` on; the first since the start.
std::vector<double> gaps_of_share(const std::vector<Duration>& times, std::size_t index,
                                  std::size_t of);
// The seconds between the list's requests, the first since the start.
std::vector<double> gaps_of(const RequestList& list);

}  // namespace galileo::load
