#include "fleet/trace_publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "bus/keys.h"
#include "fleet/trace_log.h"
#include "net/clock.h"
#include "store/recover.h"
#include "wire/trace_line.h"

namespace galileo::fleet {
namespace {

// Each look of an idle worker costs it a wake-up.
constexpr Duration kPublishEvery = std::chrono::milliseconds{50};
constexpr Duration kPublishAgainAfter = std::chrono::milliseconds{500};
// Sooner than the first request of a run that somebody has just begun to listen for.
constexpr Duration kKeepEvery = std::chrono::seconds{1};
// How long traces wait for listeners who were there.
constexpr Duration kPatience = std::chrono::seconds{10};
constexpr Duration kLookForListenersEvery = std::chrono::milliseconds{100};
constexpr Duration kSegmentLookEvery = std::chrono::milliseconds{250};
// One message: large enough that its own cost doesn't count, small enough for any server's limits.
constexpr std::size_t kTracesAtOnce = 1000;
constexpr std::size_t kBytesAtOnce = std::size_t{512} << 10;

// How far a segment has been published, beside it: what a process that was killed needn't send
// again.
std::string position_path(const std::string& segment) {
  return segment + ".published";
}

std::uint64_t kept_position(const std::string& segment) {
  const auto text = read_whole_file(position_path(segment), 64);
  if (!text.ok()) return 0;
  const auto number = parse_integer(trim(*text));
  return number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

// "<worker>-<boot>-<n>.spool".
std::string boot_of(const std::string& segment) {
  const std::string stem = std::filesystem::path(segment).stem().string();
  const std::size_t end = stem.rfind('-');
  const std::size_t begin = end == std::string::npos ? end : stem.rfind('-', end - 1);
  return begin == std::string::npos ? std::string() : stem.substr(begin + 1, end - begin - 1);
}

}  // namespace

// What goes out next: collects what a reader hands on, in the form that is wanted.
class TracePublisher::Outgoing final : public store::SpoolVisitor {
 public:
  void on_trace(const wire::Trace& trace, const wire::Names& names) override {
    ++traces;
    if (as_batch) batch.add(trace, names);
    if (!as_lines) return;
    const std::size_t from = lines.size();
    line.trace = wire::resolve(trace, names);
    line.has_response = trace.status >= 0;
    // A line of the old wire names no server that didn't answer; a batch does.
    if (trace.status < 0) line.trace.server.clear();
    wire::append_trace_line(lines, line);
    ends.push_back(lines.size());
    bytes += lines.size() - from;
  }
  bool full() const { return traces >= kTracesAtOnce || bytes + batch.bytes() >= kBytesAtOnce; }
  void clear() {
    traces = bytes = 0;
    lines.clear();
    ends.clear();
    message.clear();
  }

  bool as_batch = false;
  bool as_lines = true;
  std::size_t traces = 0;
  std::size_t bytes = 0;
  wire::TraceBatchWriter batch;
  std::string message;  // the batch, once it is made
  std::string lines;    // one after the other
  wire::TraceLine line;
  std::vector<std::size_t> ends;
};

struct TracePublisher::Segment {
  std::string path;
  bool is_ours = false;
  std::unique_ptr<store::SpoolReader> reader;
};

TracePublisher::TracePublisher(bus::Bus& bus, const Options& options)
    : bus_(bus), options_(options), outgoing_(std::make_unique<Outgoing>()) {}

TracePublisher::~TracePublisher() {
  stop(Duration{0});
}

void TracePublisher::start() {
  desk_.start("publisher", [this](Time) { return tick(); });
}

Time TracePublisher::tick() {
  const bool more = publish_some();
  const Duration wait = more ? Duration{0} : may_have_arrived_ ? kPublishAgainAfter : kPublishEvery;
  return desk_.clock().now() + wait;
}

bool TracePublisher::stop(Duration deadline) {
  if (!desk_.is_running()) return true;
  bool done = false;
  desk_.stop([&] {
    const net::Clock& clock = desk_.clock();
    const Time until = clock.now() + deadline;
    while (clock.now() < until) {
      if (publish_some()) continue;
      done = !may_have_arrived_ && outgoing_->traces == 0 &&
             spool_segments(options_.folder, options_.worker, options_.boot).empty();
      if (done) break;
      net::pause_thread(kPublishEvery);
    }
  });
  return done;
}

// The next piece of the spool onto the bus. False: nothing was there, or it couldn't be sent (now).
bool TracePublisher::publish_some() {
  if (outgoing_->traces == 0) {
    if (!segment_ && !next_segment()) return false;
    if (!has_more()) return false;
    if (!read_some()) return !segment_;  // a segment is over: on with the next
  }
  const bool sent =
      (!outgoing_->as_batch || send_batch()) && (!outgoing_->as_lines || send_lines());
  may_have_arrived_ = !sent;
  if (!sent) return false;
  traces_.add(outgoing_->traces);
  outgoing_->clear();
  keep_position();
  return true;
}

// Whether the segment is worth a look: something came, or it is time to see whether it is over. A
// worker without work asks neither the disk nor the bus each time.
bool TracePublisher::has_more() {
  const Time now = desk_.clock().now();
  if (segment_->reader->may_have_more().value_or(true)) {
    look_who_listens(now);
  } else if (now - segment_looked_ < kSegmentLookEvery) {
    return false;
  }
  segment_looked_ = now;
  return true;
}

// Reads the next piece of the segment, and deletes the segment at its end. False: there was none.
bool TracePublisher::read_some() {
  // Asked before reading: what is written between the two is seen by the read.
  const bool is_closed = !store::is_being_written(segment_->path);
  outgoing_->as_batch = batches_wanted_;
  outgoing_->as_lines = lines_wanted_;
  auto state = Result<store::SpoolReader::State>(store::SpoolReader::State::kMore);
  while (!outgoing_->full() && state.ok() && *state == store::SpoolReader::State::kMore)
    state = segment_->reader->read(*outgoing_, 100);
  if (outgoing_->traces > 0) return true;
  if (!is_closed || !state.ok()) return false;
  const auto more = segment_->reader->skip_damage();
  if (!more.ok() || *more) return false;
  std::error_code ignored;
  std::filesystem::remove(segment_->path, ignored);
  std::filesystem::remove(position_path(segment_->path), ignored);
  segment_.reset();
  return false;
}

bool TracePublisher::next_segment() {
  for (const std::string& path : spool_segments(options_.folder, options_.worker, options_.boot)) {
    const bool is_ours = boot_of(path) == options_.boot;
    if (!is_ours && store::is_being_written(path)) continue;  // another process of that name
    auto reader = store::SpoolReader::open(path);
    if (!reader.ok()) continue;
    segment_ = std::make_unique<Segment>();
    segment_->path = path;
    segment_->is_ours = is_ours;
    segment_->reader = std::move(*reader);
    if (const std::uint64_t position = kept_position(path); !is_ours && position > 0) {
      if (!segment_->reader->skip_to(position).ok())
        segment_->reader = std::move(*store::SpoolReader::open(path));
    }
    return true;
  }
  return false;
}

// Named subscribers only: our own recorder takes lines by a pattern.
void TracePublisher::look_who_listens(Time now) {
  if (looked_ != Time{} && now - looked_ < kLookForListenersEvery) return;
  const auto channels = bus_.channels(std::string(bus::kAllResults));
  looked_ = desk_.clock().now();
  if (!channels.ok()) return;
  const auto listens = [&](std::string_view channel) {
    return std::find(channels->begin(), channels->end(), channel) != channels->end();
  };
  batches_wanted_ = listens(bus::kTraceBatches);
  lines_wanted_ = !batches_wanted_ || listens(bus::kTraces);
}

bool TracePublisher::send_batch() {
  if (outgoing_->message.empty()) {
    if (outgoing_->batch.traces() == 0) return true;
    wire::TraceBatchHead head{options_.worker, options_.boot, batches_.load() + 1,
                              !segment_->is_ours};
    outgoing_->message = outgoing_->batch.take(head);
  } else if (may_have_arrived_) {
    wire::mark_resent(outgoing_->message);
  }
  const auto sent = bus_.publish(bus::kTraceBatches, outgoing_->message);
  if (!sent.ok() || (*sent == 0 && listeners_may_return())) return false;
  if (*sent > 0) heard_ = desk_.clock().now();
  batches_.add(1);
  outgoing_->as_batch = false;  // the lines may still fail and be tried again
  return true;
}

bool TracePublisher::send_lines() {
  std::vector<std::string_view> messages;
  messages.reserve(outgoing_->ends.size());
  std::size_t from = 0;
  for (const std::size_t end : outgoing_->ends) {
    messages.push_back(std::string_view(outgoing_->lines).substr(from, end - from));
    from = end;
  }
  const auto sent = bus_.publish_all(bus::kTraces, messages);
  if (!sent.ok() || sent->empty()) return sent.ok();
  if (sent->back() == 0 && listeners_may_return()) return false;
  if (sent->back() > 0) heard_ = desk_.clock().now();
  return true;
}

// Somebody has listened until lately: after a break of the bus listeners need a moment to be there
// again.
bool TracePublisher::listeners_may_return() const {
  return heard_ != Time{} && desk_.clock().now() - heard_ < kPatience;
}

void TracePublisher::keep_position() {
  const Time now = desk_.clock().now();
  if (now - kept_ < kKeepEvery) return;
  kept_ = now;
  // Not worth an error: without it a little more is sent again after a crash.
  static_cast<void>(write_whole_file(position_path(segment_->path),
                                     fmt::format("{}\n", segment_->reader->position())));
}

}  // namespace galileo::fleet
