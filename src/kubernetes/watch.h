// All objects of a collection and what becomes of them: listed once, then watched from the list's
// version on. A watch that ends, falls silent for a minute or breaks goes on from the last version
// that it knows, with the server's bookmarks in quiet times; where the server's history doesn't
// reach back that far, all is listed anew and told as what has changed. Holds of each object its
// uid and version only. Lives on its Api's loop; not destroyed from one of its handlers.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/random.h"
#include "base/repeats.h"
#include "kubernetes/api.h"
#include "kubernetes/listing.h"
#include "kubernetes/watch_lines.h"
#include "net/timers.h"

namespace galileo::kubernetes {

// It asks the server to end a watch after some 50 s, each time another number, so that many
// watches don't begin anew at once: the server sends a bookmark before, and a watch that says
// nothing for a minute is known to be dead. What fails is tried again from 200 ms on up to each
// 5 s, for ever: whoever wants to give up destroys it.
class Watch {
 public:
  // All on the loop, none before the constructor has returned.
  struct Handlers {
    // It is there, or has changed; never twice with one version.
    std::function<void(const nlohmann::json& object)> on_object;
    // One that was told is there no longer. `last`: its last state; null where its end was missed.
    std::function<void(const std::string& uid, const nlohmann::json* last)> on_gone;
    // All that was there has been told; again after each new list.
    std::function<void()> on_synced;
    // It can't be watched now, and why; empty: it can again.
    std::function<void(const std::string& why)> on_trouble = {};
    // The history was lost: what came and went since it was heard last isn't known. A list follows.
    std::function<void(const std::string& why)> on_gap = {};
  };

  // Begins when the loop runs. `api` outlives it.
  Watch(Api& api, std::string path, std::string label_selector, std::string field_selector,
        Handlers handlers);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // How often it has listed, and what was too large to be read since the begin.
  std::uint64_t lists() const { return lists_; }
  std::uint64_t skipped() const { return skipped_; }
  std::size_t known() const { return known_.size(); }

 private:
  struct Known {
    std::string version;
    std::uint64_t list = 0;  // that it was seen in, or after
  };

  void go_on();
  void list();
  void listed(Result<Listing::End> end);
  void watch();
  bool on_line(std::string_view line);
  void watch_ends(const Result<ApiAnswer>& answer);
  void note(const nlohmann::json& object);
  void lose(const nlohmann::json& last);
  void expire(const std::string& why);
  void refused(const std::string& why, bool is_of_version);
  void again();
  void rest(const std::string& why);
  void set_trouble(const std::string& why);
  void count_skipped();

  Api& api_;
  const std::string path_;
  const std::string label_selector_;
  const std::string field_selector_;
  const Handlers handlers_;
  std::unordered_map<std::string, Known> known_;  // by uid
  std::optional<Listing> listing_;
  WatchLines lines_;
  std::string version_;  // that a watch goes on from; empty: it must be listed first
  std::uint64_t lists_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t skipped_lines_ = 0;
  std::uint64_t call_ = 0;  // of the watch under way
  Time began_{};            // it
  bool is_open_ = false;    // the server has begun to answer it
  int refused_ = 0;         // watches in a row
  std::string trouble_;
  std::string said_;  // by the server, of the watch that it ends
  Pauses pauses_{std::chrono::milliseconds{200}, std::chrono::seconds{5}};
  Random random_;
  net::Timer go_on_;
};

}  // namespace galileo::kubernetes
