// The pods of an experiment, as the events on its bus told of them: who each was, on which node,
// from when to when, and which addresses and containers were its. Takes the events as they come:
// twice, late, or of pods that were there before. Bounded. Lives on one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "wire/pod_event.h"
#include "wire/sample.h"

namespace galileo::analysis {

class PodLives {
 public:
  static constexpr std::size_t kPodsMax = 5000;  // further ones are left out, and counted
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  struct Container {
    std::string name;
    std::string image;
    int port = -1;
    std::vector<std::string> ids;  // one a run of it
  };
  struct Pod {
    std::string uid;
    std::string name;
    std::string name_space;
    std::string node;      // empty: not placed, or not told
    std::string ip;        // the same
    std::string host_ip;   // the same
    std::string function;  // by its label; empty: it has none
    std::string zone;      // by its label; see zone_of()
    bool is_gateway = false;
    std::vector<Container> containers;
    Wall seen = kNoWall;     // first told of
    Wall running = kNoWall;  // first told to run, with an address
    Wall ended = kNoWall;    // told to shut down, to have failed or to be gone, whatever came first

    // It serves a function; workers, whose function is `client`, and gateways don't.
    bool is_of_application() const {
      return !function.empty() && function != "client" && !is_gateway;
    }
  };

  // Events of pods and their containers; others are passed over, those that can't be read counted.
  void add(const wire::Event& event);
  // The labels of a node, which have its zone.
  void add(const wire::NodeInfo& info);

  const std::vector<Pod>& all() const { return pods_; }
  bool empty() const { return pods_.empty(); }
  // Null: it wasn't told of.
  const Pod* of_uid(std::string_view uid) const;
  // By the pod's label, else by its node's; empty: neither says.
  const std::string& zone_of(const Pod& pod) const;
  const std::string& zone_of_node(const std::string& node) const;
  // The pod that had "ip:port" at that time, as far as was told: an address is used again. kNone:
  // nobody did.
  std::size_t at_address(std::string_view address, Wall at) const;
  // A pod that had an address, and from when it was told to.
  struct Held {
    std::size_t pod = kNone;
    Wall from = kNoWall;
  };
  // Who can have answered at "ip:port", in the order in which that was told.
  std::vector<Held> holders(std::string_view address) const;

  struct Place {
    std::size_t pod = kNone;
    std::size_t container = 0;
  };
  // Whose container that is, by the 64 digits of its id.
  Place of_container(std::string_view id) const;

  std::uint64_t malformed() const { return malformed_; }
  std::uint64_t left_out() const { return left_out_; }  // pods

 private:
  // Looks for a text without making one of it.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  template <class T>
  using ByText = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  void add_pod(const wire::PodEvent& told, Wall at);
  void add_container(Pod& pod, std::size_t place, const wire::PodContainer& told);
  void add_id(std::size_t pod, std::size_t container, const std::string& id);
  template <class Take>
  void each_holder(std::string_view address, Take&& take) const;

  std::vector<Pod> pods_;
  ByText<std::size_t> by_uid_;
  ByText<Place> by_id_;
  ByText<std::vector<Held>> by_ip_;
  std::map<std::string, std::string> zones_;  // of nodes
  std::uint64_t malformed_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace galileo::analysis
