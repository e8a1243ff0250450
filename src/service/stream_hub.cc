#include "service/stream_hub.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "wire/json.h"

namespace galileo::service {
namespace {

constexpr std::size_t kStreamsMax = 4000;
// What is kept for streams that come again.
constexpr std::uint64_t kKeptMax = std::uint64_t{8} << 20;
// How far a stream may be behind, and how much of it lies in this process.
constexpr std::uint64_t kBehindMax = std::uint64_t{192} << 10;
constexpr std::size_t kUnsentMax = std::size_t{64} << 10;

std::string_view name_of(StreamHub::Kind kind) {
  switch (kind) {
    case StreamHub::Kind::kExperiment:
      return "experiment";
    case StreamHub::Kind::kRemoved:
      return "removed";
    case StreamHub::Kind::kLive:
      return "live";
    case StreamHub::Kind::kPoint:
      return "point";
    case StreamHub::Kind::kEvent:
      return "event";
  }
  return "event";
}

bool may_be_left_out(StreamHub::Kind kind) {
  return kind == StreamHub::Kind::kLive || kind == StreamHub::Kind::kPoint;
}

std::string array_of(const std::map<std::string, std::string>& texts, const std::string& only) {
  std::string json = "[";
  for (const auto& [id, text] : texts) {
    if (only.empty() || only == id) json += (json.size() > 1 ? "," : "") + text;
  }
  return json + "]";
}

}  // namespace

void StreamHub::show(std::map<std::string, std::string> experiments,
                     const std::vector<std::string>& removed) {
  for (const auto& [id, json] : experiments) {
    const auto before = experiments_.find(id);
    if (before == experiments_.end() || before->second != json) add(Kind::kExperiment, id, json);
  }
  for (const std::string& id : removed)
    add(Kind::kRemoved, id, fmt::format(R"({{"id": {}}})", wire::json_text(id)));
  experiments_ = std::move(experiments);
  std::erase_if(live_, [&](const auto& one) { return !experiments_.contains(one.first); });
  advance_all();
}

void StreamHub::tell(Kind kind, const std::string& experiment, const std::string& json) {
  if (kind == Kind::kLive) live_[experiment] = json;
  add(kind, experiment, json);
  advance_all();
}

void StreamHub::add(Kind kind, const std::string& experiment, const std::string& json) {
  Event made{++last_, kind, experiment, frame(name_of(kind), last_, json), bytes_};
  bytes_ += made.text.size();
  events_.push_back(std::move(made));
  while (events_.size() > 1 && bytes_ - events_.front().begin > kKeptMax) events_.pop_front();
}

std::string StreamHub::frame(std::string_view name, std::uint64_t number,
                             const std::string& json) const {
  return fmt::format("id: {}-{}\nevent: {}\ndata: {}\n\n", epoch_, number, name, json);
}

std::string StreamHub::snapshot(const std::string& only) const {
  return frame("snapshot", last_,
               fmt::format(R"({{"experiments":{},"live":{}}})", array_of(experiments_, only),
                           array_of(live_, only)));
}

bool StreamHub::enter(net::ServerConnection& connection, const std::string& only,
                      std::string_view last_id, const Caller& caller) {
  if (streams_.size() >= kStreamsMax) return false;
  Stream stream{only, last_ + 1, caller};
  std::string first = "retry: 1000\n\n";
  const std::size_t dash = last_id.rfind('-');
  const auto number =
      dash == std::string_view::npos ? std::nullopt : parse_integer(last_id.substr(dash + 1));
  const bool is_ours = number && last_id.substr(0, dash) == epoch_ && *number >= 0 &&
                       static_cast<std::uint64_t>(*number) <= last_;
  if (is_ours) {
    stream.next = static_cast<std::uint64_t>(*number) + 1;
  } else {
    if (!last_id.empty()) first += frame("reset", last_, R"({"reason": "unknown epoch"})");
    first += snapshot(only);
  }
  const std::uint64_t id = connection.id();
  streams_.insert_or_assign(id, std::move(stream));
  connection.begin(200, {{"Content-Type", "text/event-stream"},
                         {"Cache-Control", "no-store"},
                         {"X-Accel-Buffering", "no"},
                         {"X-Content-Type-Options", "nosniff"}});
  if (net::ServerConnection* const its = server_.find(id)) its->send(first);
  advance(id);
  return true;
}

std::uint64_t StreamHub::bytes_behind(std::uint64_t next) const {
  return next > last_ ? 0 : bytes_ - event(next).begin;
}

// The newest states of all that it follows, and what can't be left out, in place of all that came.
std::string StreamHub::skipped(Stream& stream) {
  std::string kept;
  std::map<std::string, const Event*> newest;
  std::uint64_t passed = 0;
  for (std::uint64_t n = stream.next; n <= last_; ++n) {
    const Event& one = event(n);
    if (!stream.only.empty() && stream.only != one.experiment) continue;
    if (!may_be_left_out(one.kind)) {
      kept += one.text;
      continue;
    }
    ++passed;
    if (one.kind == Kind::kLive) newest[one.experiment] = &one;
  }
  stream.next = last_ + 1;
  if (passed > newest.size()) {
    left_out_ += passed - newest.size();
    kept += frame("gap", last_, fmt::format(R"({{"left_out": {}}})", passed - newest.size()));
  }
  for (const auto& [id, one] : newest) kept += one->text;
  return kept;
}

std::string StreamHub::next_of(Stream& stream) {
  if (stream.next > last_) return {};
  if (stream.next < events_.front().number) {
    stream.next = last_ + 1;
    return frame("reset", last_, R"({"reason": "too far behind"})") + snapshot(stream.only);
  }
  if (bytes_behind(stream.next) > kBehindMax) return skipped(stream);
  while (stream.next <= last_) {
    const Event& one = event(stream.next++);
    if (stream.only.empty() || stream.only == one.experiment) return one.text;
  }
  return {};
}

void StreamHub::advance(std::uint64_t connection) {
  while (true) {
    // What is sent may end the connection, and the stream with it.
    const auto found = streams_.find(connection);
    net::ServerConnection* const its = server_.find(connection);
    if (found == streams_.end() || !its || its->unsent() >= kUnsentMax) return;
    const std::string text = next_of(found->second);
    if (text.empty()) return;
    its->send(text);
  }
}

void StreamHub::advance_all() {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, stream] : streams_) ids.push_back(id);
  for (const std::uint64_t id : ids) advance(id);
}

void StreamHub::beat() {
  std::vector<std::uint64_t> ids;
  for (const auto& [id, stream] : streams_) ids.push_back(id);
  for (const std::uint64_t id : ids) {
    net::ServerConnection* const its = server_.find(id);
    if (its && its->unsent() < kUnsentMax) its->send(":\n\n");
  }
}

void StreamHub::keep_only(const std::function<bool(const Caller&)>& may) {
  std::vector<std::uint64_t> over;
  for (const auto& [id, stream] : streams_) {
    if (!may(stream.caller)) over.push_back(id);
  }
  for (const std::uint64_t id : over) {
    streams_.erase(id);
    if (net::ServerConnection* const its = server_.find(id)) its->end();
  }
}

}  // namespace galileo::service
