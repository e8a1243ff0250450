// What becomes of pods, as events: the old pod adapter's five (pod/create, pending, running,
// shutdown, delete; docs/wire/adapter.md), and further ones of ours about their containers,
// placement and ends, which have no "pod" in their names, since readers of the family take every
// name that has for one of the five.
//
// Told of each object that is there or has changed, of each that has gone, and when all that was
// there at first has been told. A pod that is known already is compared with what was told of it,
// so that what was missed meanwhile is told late and once. No clock, no socket: `now` is when we
// heard of it; the API server's times are whole seconds and stand beside it. Lives on one loop.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/time.h"
#include "pods/pod.h"
#include "wire/sample.h"

namespace galileo::pods {

using TakeEvent = std::function<void(wire::Event&&)>;

// Which of several things that come one after another have been told: of the last two.
class LastTwo {
 public:
  // False: it is one of them.
  bool take(std::uint64_t mark) {
    if (mark == newer_ || mark == older_) return false;
    older_ = newer_;
    newer_ = mark;
    return true;
  }

 private:
  std::uint64_t newer_ = 0;
  std::uint64_t older_ = 0;
};

class PodEvents {
 public:
  explicit PodEvents(TakeEvent take) : take_(std::move(take)) {}

  void on_object(const Pod& pod, Wall now);
  // `last`: how it was at its end; null: that was missed, and the last that was heard of it is
  // told.
  void on_gone(const std::string& uid, const Pod* last, Wall now);
  // All that is there has been told. The first time: `pod/running` of each that runs, then
  // `pod/create` of each, in their order, as the old adapter begins.
  void on_synced(Wall now);

  std::size_t size() const { return known_.size(); }
  bool is_synced() const { return is_synced_; }

 private:
  struct KnownContainer {
    std::string name;
    std::int64_t restarts = 0;
    LastTwo ends;
    LastTwo troubles;
  };
  struct Known {
    std::string text;  // as pod/delete needs it
    bool is_pending = false;
    bool is_running = false;  // heard, or told once it is synced
    bool is_ending = false;   // the deletion stamp was seen, of one that was no longer pending
    bool is_placed = false;
    bool is_evicted = false;
    std::uint64_t unplaced_why = 0;
    std::uint64_t failed_why = 0;
    std::vector<KnownContainer> containers;
  };

  void tell(std::string_view name, std::string text, Wall now);
  // One of ours.
  void tell_of(const Pod& pod, std::string_view name, const nlohmann::ordered_json& text, Wall now);
  void tell_life(const Pod& pod, Known& known, bool is_new, Wall now);
  void tell_placement(const Pod& pod, Known& known, Wall now);
  void tell_failure(const Pod& pod, Known& known, Wall now);
  void tell_containers(const Pod& pod, Known& known, Wall now);
  void tell_container(const Pod& pod, const ContainerStatus& status, KnownContainer& known,
                      Wall now);
  void note_past(const Pod& pod, Known& known) const;

  const TakeEvent take_;
  std::unordered_map<std::string, Known> known_;  // by uid
  bool is_synced_ = false;
  // Of the first list: the uids, in its order, and what is told of them behind it.
  std::vector<std::string> order_;
  std::vector<std::pair<std::string, wire::Event>> troubles_;
};

}  // namespace galileo::pods
