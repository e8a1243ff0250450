#include "gateway/targets.h"

#include <algorithm>

namespace galileo::gateway {
namespace {

// The policy over these weights, going on where the one before stands.
Result<std::unique_ptr<route::Policy>> policy_over(const std::string& name,
                                                   const std::vector<route::Host>& hosts,
                                                   const route::Policy* before,
                                                   const std::vector<std::size_t>& was,
                                                   SharedPlace* place) {
  if (hosts.empty()) return std::unique_ptr<route::Policy>();
  auto policy = TRY(route::make_policy(name, hosts));
  if (before) policy->go_on_from(*before, was);
  if (place) policy->share(*place);
  return policy;
}

// Another key for each further choice of a request, so that the choice is another one too.
std::uint64_t key_of_attempt(std::uint64_t key, std::size_t attempt) {
  return key + attempt * 0x9e3779b97f4a7c15u;
}

}  // namespace

Result<void> Function::set(const std::string& policy, std::vector<Member> members,
                           FunctionPlaces* places) {
  std::vector<std::size_t> was;
  std::vector<route::Host> hosts;
  std::vector<route::Host> applications;
  bool has_application = false;
  // Weights that are all 0 count as equal ones.
  if (std::all_of(members.begin(), members.end(),
                  [](const Member& one) { return one.weight <= 0; }))
    for (Member& member : members) member.weight = 1;
  for (Member& member : members) {
    std::size_t before = 0;  // a target may be there twice
    while (before < members_.size() && (members_[before].target != member.target ||
                                        std::find(was.begin(), was.end(), before) != was.end()))
      ++before;
    const bool is_new = before == members_.size();
    member.id = is_new ? ++last_id_ : members_[before].id;
    was.push_back(is_new ? route::kNewHost : before);
    hosts.push_back({member.target->name(), member.weight});
    const bool is_application = !member.target->is_gateway();
    applications.push_back({member.target->name(), is_application ? member.weight : 0});
    has_application = has_application || (is_application && member.weight > 0);
  }
  if (!has_application) applications.clear();
  const bool goes_on = policy == policy_;
  auto all = TRY(policy_over(policy, hosts, goes_on ? all_.get() : nullptr, was,
                             places ? &places->all : nullptr));
  applications_ = TRY(policy_over(policy, applications, goes_on ? applications_.get() : nullptr,
                                  was, places ? &places->applications : nullptr));
  all_ = std::move(all);
  policy_ = policy;
  members_ = std::move(members);
  return {};
}

bool Function::may_have(const Wish& wish, const Member& member, bool ejected_too) const {
  Target& target = *member.target;
  if (wish.tried && std::find(wish.tried->begin(), wish.tried->end(), &target) != wish.tried->end())
    return false;
  if (!ejected_too && target.is_last_resort(wish.ask.now)) return false;
  return wish.under_way_max == 0 || !target.share ||
         target.share->under_way.load() < wish.under_way_max;
}

std::size_t Function::pick(const Wish& wish, route::Policy& policy) {
  // The policy's own choice first, some times over: its proportions hold among who is left.
  for (std::size_t attempt = 0; attempt <= 2 * members_.size(); ++attempt) {
    const std::size_t chosen =
        policy.pick({wish.ask.random, key_of_attempt(wish.ask.key, attempt), wish.ask.now});
    if (may_have(wish, members_[chosen], false)) return chosen;
  }
  // Then anybody, and rather one that was ejected than nobody.
  for (const bool ejected_too : {false, true}) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      const Member& member = members_[i];
      if (member.weight <= 0 || (wish.applications_only && member.target->is_gateway())) continue;
      if (may_have(wish, member, ejected_too)) return i;
    }
  }
  return members_.size();
}

bool Function::begin(const Wish& wish, Exchange& exchange) {
  route::Policy* const policy = (wish.applications_only ? applications_ : all_).get();
  if (!policy) return false;
  while (true) {
    const std::size_t chosen = pick(wish, *policy);
    if (chosen == members_.size()) return false;
    const Member& member = members_[chosen];
    // Another loop may have taken the last place meanwhile.
    if (wish.under_way_max > 0 && member.target->share &&
        !member.target->share->under_way.take(wish.under_way_max))
      continue;
    exchange = {this, member.target, chosen, member.id, wish.ask.now};
    ++member.target->uses;
    ++under_way_;
    for (route::Policy* const told : {all_.get(), applications_.get()}) {
      if (told) told->began(chosen);
    }
    return true;
  }
}

void Function::end(Exchange& exchange, route::Outcome::End end, Time now) {
  --under_way_;
  --exchange.target->uses;
  if (exchange.target->share) exchange.target->share->under_way.give_back();
  std::size_t index = exchange.index;
  if (index >= members_.size() || members_[index].id != exchange.id) {
    const auto found = std::find_if(members_.begin(), members_.end(),
                                    [&](const Member& member) { return member.id == exchange.id; });
    index = static_cast<std::size_t>(found - members_.begin());
  }
  if (index < members_.size()) {
    for (route::Policy* const told : {all_.get(), applications_.get()}) {
      if (told) told->ended(index, {now - exchange.began, end, now});
    }
  }
  exchange.function = nullptr;
}

}  // namespace galileo::gateway
