// Tells others of a run while it goes on: its state four times a second, points and events, on a
// channel and in keys of the bus (docs/wire/daemon.md), so that a page that comes later has what
// one has that was there. Whatever the bus does, the run isn't held up: it is told at a thread of
// its own, and what can't be told is left out.
//
// Made by whoever begins the run, before it, and outlives it; tell_last() once it is over.
#pragma once

#include <deque>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "bus/bus.h"
#include "commands/live_series.h"
#include "experiment/run_observer.h"
#include "experiment/run_watcher.h"
#include "net/desk.h"

namespace galileo::commands {

class LiveChannel final : public experiment::RunObserver, public experiment::RunWatcher {
 public:
  struct Options {
    std::string holder;
    std::uint64_t claim = 0;
    Wall deadline = kNoWall;
    std::string cant_steer;  // why its rate can't be set; empty: it can
  };
  // `bus` outlives it, and is asked by this alone while it is busy; best fenced.
  LiveChannel(bus::Bus& bus, wire::Experiment experiment, Options options);
  ~LiveChannel() override;

  // What has become of it.
  struct Last {
    std::string status;
    std::string verdict;
    std::string reason;
    std::optional<LiveTotals> totals;  // none: as far as it was told
  };
  // The last word. Waits for the bus.
  void tell_last(const Last& last);
  void note_stopping();

 private:
  // Of the run, at the collector's desk.
  void begin(const wire::Experiment& experiment, const plan::Plan& plan) override;
  void on_trace(const wire::Trace& trace, const wire::Names& names) override;
  void on_turn() override;
  std::vector<std::string> end() override;
  // On the run's thread.
  void on_begun(const wire::Experiment& experiment) override;
  void on_state(const experiment::RunState& state) override;
  void on_sending_over() override;
  void on_event(const wire::Event& event) override;
  void on_waiting(const experiment::Waiting& waiting) override;
  void on_storing(const experiment::Storing& storing) override;

  // At the desk.
  Time tick(Time now);
  void tell(nlohmann::ordered_json message, const std::vector<std::string>& lists);
  void tell_points(const std::vector<LivePoint>& points);
  void tell_state(Wall now);
  LiveTotals totals() const;
  void flush();
  nlohmann::ordered_json state_json(Wall now);

  bus::Bus& bus_;
  const std::string id_;
  const Options options_;
  // Of the collector's desk.
  LiveCounts gathered_;
  Time handed_over_{};
  // Of the desk.
  wire::Experiment experiment_;
  LiveCounts quarter_;
  LiveSeries series_;
  std::uint64_t number_ = 0;
  std::optional<experiment::RunState> state_;
  std::optional<experiment::Waiting> waiting_;
  std::optional<experiment::Storing> storing_;
  bool sending_is_over_ = false;
  bool is_stopping_ = false;
  std::size_t events_told_ = 0;
  std::size_t events_left_out_ = 0;
  Last last_;
  std::vector<bus::Change> unsaid_;
  net::Desk desk_;
};

}  // namespace galileo::commands
