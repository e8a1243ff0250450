// What controllers have given a worker to make requests of: descriptions with all that these need,
// by run. Contents are kept once, whichever runs have them, and go with the last of these. Lives on
// the worker's control loop.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "fleet/contents.h"
#include "load/request_source.h"
#include "load/workload.h"

namespace galileo::fleet {

// A description that can be sent.
struct TakenRequest {
  load::Request request;  // its files are where they lie here
  // Who makes the requests, until its first clients take it along; none of fixed ones and apps.
  std::unique_ptr<load::RequestSources> sources;
  std::vector<Duration> times;  // RequestSources::times()
};

class TakenRequests {
 public:
  // Where these bytes lie; empty: they aren't here.
  std::string path_of(const std::string& hash) const {
    const auto found = contents_.find(hash);
    return found == contents_.end() ? std::string() : found->second->path();
  }
  void keep(const std::string& hash, std::unique_ptr<UnnamedFile> file) {
    contents_.try_emplace(hash, std::move(file));
  }
  // What the run has now, at the time `now`; the contents are here.
  void put(const std::string& run, std::map<std::string, TakenRequest> requests,
           std::set<std::string> contents, Time now) {
    runs_[run] = {std::move(requests), std::move(contents), now};
    drop_unused();
  }
  // Null where the run doesn't have it.
  TakenRequest* find(const std::string& run, const std::string& hash) {
    const auto of = runs_.find(run);
    if (of == runs_.end()) return nullptr;
    const auto found = of->second.requests.find(hash);
    return found == of->second.requests.end() ? nullptr : &found->second;
  }
  void forget(const std::string& run) {
    runs_.erase(run);
    drop_unused();
  }
  // Runs that have had what they have since before `then`.
  std::vector<std::string> older_than(Time then) const {
    std::vector<std::string> old;
    for (const auto& [run, of] : runs_) {
      if (of.since < then) old.push_back(run);
    }
    return old;
  }
  std::size_t contents() const { return contents_.size(); }

 private:
  struct OfRun {
    std::map<std::string, TakenRequest> requests;  // by the description's hash
    std::set<std::string> contents;
    Time since{};
  };

  void drop_unused() {
    std::erase_if(contents_, [&](const auto& content) {
      return std::none_of(runs_.begin(), runs_.end(), [&](const auto& run) {
        return run.second.contents.contains(content.first);
      });
    });
  }

  std::map<std::string, std::unique_ptr<UnnamedFile>> contents_;  // by hash
  std::map<std::string, OfRun> runs_;
};

}  // namespace galileo::fleet
