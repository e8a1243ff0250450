#include "load/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "base/random.h"
#include "base/text.h"
#include "load/recorded_secrets.h"
#include "load/superposition.h"

namespace galileo::load {
namespace {

using wire::RecordFault;

// Streams of one seed, so that one choice doesn't change another's draws.
constexpr std::uint64_t kSpreadStream = 0x73707265;
constexpr std::uint64_t kShareStream = 0x73686172;
constexpr std::size_t kShownOfRecord = 200;
constexpr double kDispersionKept = 0.1;  // of it that far from the log's nothing is said

bool needs_body(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

std::size_t place_of(RecordFault fault) {
  return static_cast<std::size_t>(fault);
}

Error no_replay(std::string why, std::string hint) {
  return Error{ErrorCode::kUsage, {}, {}, std::move(why), std::move(hint)};
}

}  // namespace

std::uint64_t ReplayCounts::all_skipped() const {
  return std::accumulate(skipped.begin(), skipped.end(), std::uint64_t{0});
}

std::uint64_t ReplayCounts::unread() const {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < skipped.size(); ++i) {
    if (wire::is_unread(static_cast<RecordFault>(i))) count += skipped[i];
  }
  return count;
}

void ReplayMaker::request(wire::RecordedRequest& request) {
  ++counts_.read;
  counts_.lengths += request.had_length ? 1 : 0;
  const bool lacks_body = !request.has_body && needs_body(request.method);
  const bool is_given = lacks_body && options_.bodies == ReplayOptions::Bodies::kGiven;
  if (lacks_body && options_.bodies == ReplayOptions::Bodies::kSkip) {
    ++counts_.skipped[place_of(RecordFault::no_body)];
    return;
  }
  ++counts_.sent;
  if (!options_.keep_secrets) counts_.secrets += drop_recorded_secrets(request);
  if (lacks_body) {
    ++counts_.bodies;
    request.has_body = true;
    if (is_given) request.body = options_.body;
  }
  if (options_.keep_host && !request.host.empty() && wire::http1::is_header_value(request.host))
    request.headers.insert(request.headers.begin(), {"Host", request.host});
  if (!moments_.empty() && request.at < moments_.back().at) ++counts_.out_of_order;
  Moment moment{request.at, Duration{0}, static_cast<std::uint32_t>(moments_.size()),
                request.whole_second};
  if (request.mark == wire::TimeMark::kEnd) {
    ++(request.took == kNoDuration ? counts_.ends : counts_.set_back);
    moment.took = std::max(request.took, Duration{0});
  }
  if (moments_.size() == kReplayRequestsMax) return;  // finish() refuses
  moments_.push_back(moment);
  list_.add(Duration{0}, request.method, request.target, request.headers,
            request.has_body ? &request.body : nullptr);
  if (is_given) given_body_ = list_.entries().back().body;
}

void ReplayMaker::skipped(RecordFault fault, std::uint64_t number, std::string_view record) {
  ++counts_.read;
  ++counts_.skipped[place_of(fault)];
  if (!wire::is_unread(fault) || counts_.unread_number > 0) return;
  counts_.unread_number = number;
  counts_.unread_fault = fault;
  counts_.unread_text = record.substr(0, kShownOfRecord);
}

// In each second as many draws as it has lines, in their order.
void ReplayMaker::spread_seconds() {
  Random random(options_.seed, kSpreadStream);
  std::vector<double> draws;
  for (std::size_t i = 0; i < moments_.size();) {
    std::size_t end = i;
    draws.clear();
    for (; end < moments_.size() && moments_[end].at == moments_[i].at; ++end) {
      if (moments_[end].whole_second) draws.push_back(random.unit());
    }
    std::sort(draws.begin(), draws.end());
    std::size_t draw = 0;
    for (; i < end; ++i) {
      if (!moments_[i].whole_second) continue;
      moments_[i].at += Duration{static_cast<std::int64_t>(draws[draw++] * 1e9)};
      ++counts_.whole_seconds;
    }
  }
}

void ReplayMaker::set_back() {
  for (Moment& moment : moments_) moment.at -= moment.took;
}

void ReplayMaker::thin() {
  if (options_.share >= 1) return;
  Random random(options_.seed, kShareStream);
  std::erase_if(moments_, [&](const Moment&) { return random.unit() >= options_.share; });
}

Result<void> ReplayMaker::lay_copies(Replay& replay) {
  std::vector<Duration> times;
  times.reserve(moments_.size());
  for (const Moment& moment : moments_) times.push_back(moment.at - replay.begins);
  Superposition laid = superpose(times, replay.log_length, options_.copies, options_.seed);
  replay.dispersion_ratio = laid.dispersion_ratio;
  std::vector<RequestList::Entry> entries;
  entries.reserve(laid.moments.size());
  for (const Superposition::Moment& moment : laid.moments) {
    RequestList::Entry entry = list_.entries()[moments_[moment.of].entry];
    entry.at = Duration{std::llround(static_cast<double>(moment.at.count()) / options_.speed)};
    entries.push_back(entry);
  }
  list_.entries() = std::move(entries);
  return {};
}

Result<Replay> ReplayMaker::finish(std::string_view record_word) {
  if (counts_.unread() * 2 > counts_.read)
    return no_replay(
        fmt::format("{} of {} records can't be read; the first one is {} {}: {}: {}",
                    format_count(counts_.unread()), format_count(counts_.read), record_word,
                    format_count(counts_.unread_number),
                    wire::record_fault_text(counts_.unread_fault), counts_.unread_text),
        "name its format with --format, or its fields with --field");
  if (moments_.empty()) return no_replay("there is no request in it that can be sent", {});
  if (moments_.size() == kReplayRequestsMax ||
      static_cast<double>(moments_.size()) * options_.share * options_.copies >
          static_cast<double>(kReplayRequestsMax))
    return no_replay(
        fmt::format("that makes more than {} requests", format_count(kReplayRequestsMax)),
        "take a share of it, fewer copies, or a part of the file");
  list_.close();
  const auto by_time = [](const Moment& a, const Moment& b) {
    return std::tie(a.at, a.entry) < std::tie(b.at, b.entry);
  };
  std::sort(moments_.begin(), moments_.end(), by_time);
  spread_seconds();
  set_back();
  std::sort(moments_.begin(), moments_.end(), by_time);
  Replay replay;
  replay.begins = moments_.front().at;
  replay.log_length = moments_.back().at - moments_.front().at;
  thin();
  if (moments_.empty()) return no_replay("the share of it holds no request", "take a larger one");
  TRY(lay_copies(replay));
  replay.counts = std::move(counts_);
  replay.list = std::move(list_);
  replay.given_body = given_body_;
  return replay;
}

std::string skipped_text(const ReplayCounts& counts) {
  std::string text;
  for (std::size_t i = 0; i < counts.skipped.size(); ++i) {
    if (counts.skipped[i] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : "; ", format_count(counts.skipped[i]),
                        wire::record_fault_text(static_cast<RecordFault>(i)));
  }
  return text;
}

std::vector<std::string> replay_notes(const Replay& replay, const ReplayOptions& options) {
  const ReplayCounts& counts = replay.counts;
  std::vector<std::string> notes;
  const auto say = [&](std::uint64_t count, std::string_view text) {
    if (count > 0) notes.push_back(fmt::format("{} {}", format_count(count), text));
  };
  say(counts.out_of_order, "records were out of order: sorted by their times");
  say(counts.set_back, "times are ends: set back by how long the log says that they took");
  say(counts.ends,
      "times are ends, and how long they took the log doesn't say: sent that much late");
  say(counts.whole_seconds,
      "times are whole seconds: spread inside of them by the seed; what is finer isn't the log's");
  say(counts.lengths, "requests had a length or coding of their own: ours are sent");
  if (counts.bodies > 0) {
    const bool given = options.bodies == ReplayOptions::Bodies::kGiven;
    say(counts.bodies, given ? "bodies aren't in the log: the given one is sent"
                             : "bodies aren't in the log: empty ones are sent");
  }
  say(counts.secrets, "credentials were dropped (headers, parameters): --keep-secrets keeps them");
  for (std::size_t i = 0; i < kDispersionWindows_s.size(); ++i) {
    const auto& ratio = replay.dispersion_ratio[i];
    if (ratio && std::abs(*ratio - 1) > kDispersionKept)
      notes.push_back(fmt::format(
          "in windows of {} s the copies' index of dispersion is {:.2f} times the log's: no shifts "
          "were found that keep it",
          kDispersionWindows_s[i], *ratio));
  }
  return notes;
}

std::vector<double> gaps_of_share(const std::vector<Duration>& times, std::size_t index,
                                  std::size_t of) {
  std::vector<double> gaps;
  gaps.reserve(times.size() / of + 1);
  Duration last{0};
  for (std::size_t i = index; i < times.size(); i += of) {
    gaps.push_back(static_cast<double>((times[i] - last).count()) / 1e9);
    last = times[i];
  }
  return gaps;
}

std::vector<double> gaps_of(const RequestList& list) {
  std::vector<double> gaps;
  gaps.reserve(list.size());
  Duration last{0};
  for (const RequestList::Entry& entry : list.entries()) {
    gaps.push_back(static_cast<double>((entry.at - last).count()) / 1e9);
    last = entry.at;
  }
  return gaps;
}

}  // namespace galileo::load
