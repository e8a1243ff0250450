// The targets of functions and the choice among them. Private to the room; live on their proxy's
// loop, but for what is shared.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/counters.h"
#include "gateway/weights.h"
#include "net/address.h"
#include "route/policy.h"

namespace galileo::gateway {

class Upstream;

// What all loops count together of a target and of a function, where there are limits. Made by the
// gateway, and there as long as it is.
struct TargetShare {
  SharedCount under_way;
};
struct FunctionShare {
  SharedRate rate;
};

// Where the loops stand in a function's order, which they go through together, as long as its
// weights stay: of all its targets, and of those that are no gateways.
struct FunctionPlaces {
  SharedPlace all;
  SharedPlace applications;
};

// A host:port and its connections.
class Target {
 public:
  Target(std::string name, bool is_gateway) : name_(std::move(name)), is_gateway_(is_gateway) {}
  const std::string& name() const { return name_; }
  bool is_gateway() const { return is_gateway_; }
  bool ejected(Time now) const { return now < ejected_until; }
  // It isn't chosen where another can be: it rests, or its name leads nowhere.
  bool is_last_resort(Time now) const { return unresolved || ejected(now); }

  std::vector<net::Address> addresses;
  bool unresolved = false;  // there are none, as far as was asked
  std::size_t address_turn = 0;
  std::vector<Upstream*> idle;  // the last one used is taken first
  std::size_t uses = 0;         // functions that it serves, and exchanges with it
  TargetShare* share = nullptr;
  unsigned failures = 0;   // one after the other
  unsigned ejections = 0;  // likewise
  Time ejected_until{};

 private:
  const std::string name_;
  const bool is_gateway_;
};

// A function's targets and the choice among them; stays the same one when its weights change.
class Function {
 public:
  struct Member {
    Target* target = nullptr;
    double weight = 0;
    std::uint64_t id = 0;  // another one when a target comes back
  };
  // A request at a target of the function.
  struct Exchange {
    Function* function = nullptr;  // null: none
    Target* target = nullptr;
    std::size_t index = 0;  // of the member, as long as the weights don't change
    std::uint64_t id = 0;
    Time began{};
  };
  // What a choice goes by, and who isn't to be chosen.
  struct Wish {
    route::Ask ask;
    bool applications_only = false;               // it came from a gateway
    const std::vector<Target*>* tried = nullptr;  // for this request
    std::uint64_t under_way_max = 0;              // at a target; 0: any number
  };

  // Targets that stay keep what the policy knows of them. The policy has been checked by the caller
  // (parse_targets() does): an Error is one of its.
  Result<void> set(const std::string& policy, std::vector<Member> members,
                   FunctionPlaces* places = nullptr);
  const std::vector<Member>& members() const { return members_; }
  bool serves(bool applications_only) const { return applications_only ? !!applications_ : !!all_; }

  // Chooses and counts the request as begun there. False: nobody may have it.
  bool begin(const Wish& wish, Exchange& exchange);
  void end(Exchange& exchange, route::Outcome::End end, Time now);
  std::size_t under_way() const { return under_way_; }

  FunctionShare* share = nullptr;
  bool removed = false;  // is there only for what is under way

 private:
  bool may_have(const Wish& wish, const Member& member, bool ejected_too) const;
  // The index of one that may have the request, members_.size() where there is none.
  std::size_t pick(const Wish& wish, route::Policy& policy);

  std::string policy_;
  std::vector<Member> members_;
  std::uint64_t last_id_ = 0;
  std::unique_ptr<route::Policy> all_;           // null: there are no targets
  std::unique_ptr<route::Policy> applications_;  // of those that are no gateways, likewise
  std::size_t under_way_ = 0;
};

}  // namespace galileo::gateway
