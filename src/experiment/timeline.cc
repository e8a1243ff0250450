#include "experiment/timeline.h"

#include <algorithm>
#include <utility>

namespace galileo::experiment {

Timeline::Timeline(net::Timers& timers, Holds holds, Act act)
    : timers_(timers),
      holds_(std::move(holds)),
      act_(std::move(act)),
      timer_([this](Time now) { on_turn(now); }) {}

Result<void> Timeline::take(const plan::Phase& phase) {
  std::vector<Entry> entries;
  for (const plan::Action& action : phase.actions) {
    Entry entry;
    entry.action = &action;
    if (!action.at) entry.condition = TRY(analysis::parse_threshold(action.condition));
    entries.push_back(std::move(entry));
  }
  entries_ = std::move(entries);
  return {};
}

void Timeline::begin(Time start) {
  start_ = start;
  for (Entry& entry : entries_) {
    if (entry.action->at) entry.due = start + *entry.action->at;
  }
  set_timer(start);
}

std::vector<const plan::Action*> Timeline::end() {
  timers_.cancel(timer_);
  std::vector<const plan::Action*> left;
  for (const Entry& entry : entries_) {
    if (!entry.done) left.push_back(entry.action);
  }
  entries_.clear();
  return left;
}

void Timeline::on_turn(Time now) {
  std::vector<Entry*> due;
  for (Entry& entry : entries_) {
    if (!entry.done && entry.due <= now) due.push_back(&entry);
  }
  std::sort(due.begin(), due.end(), [](const Entry* a, const Entry* b) {
    return std::pair(a->due, a) < std::pair(b->due, b);
  });
  for (Entry* entry : due) {
    entry->done = true;
    act_(*entry->action, now);
  }
  for (Entry& entry : entries_) {
    if (entry.done || entry.due != kNever || !holds_(entry.condition)) continue;
    entry.done = true;
    act_(*entry.action, now);
  }
  set_timer(now);
}

// A look lies on a multiple of its period since the start.
void Timeline::set_timer(Time now) {
  Time next = kNever;
  for (const Entry& entry : entries_) {
    if (entry.done) continue;
    const auto looks = now < start_ ? 0 : (now - start_) / kLookEvery;
    next = std::min(next, entry.due != kNever ? entry.due : start_ + kLookEvery * (looks + 1));
  }
  if (next != kNever) timers_.set(timer_, next);
}

}  // namespace galileo::experiment
