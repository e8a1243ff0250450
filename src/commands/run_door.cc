#include "commands/run_door.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/log.h"
#include "commands/exit_codes.h"
#include "commands/leased_run.h"
#include "commands/options.h"
#include "commands/run_folder.h"
#include "commands/session_parts.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/signals.h"
#include "net/tcp.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

// With the time that the end takes, a run whose owner was killed is over 30 s later.
constexpr double kLeaseS = 20;
constexpr double kLeaseMaxS = 7 * 24 * 3600;
// What is under way when nobody owns the run any more has this long; then all ends at once.
constexpr Duration kEndWithin = std::chrono::seconds{5};
constexpr std::int64_t kWaitMaxMs = 60'000;
// An experiment file has at most 1 MiB, and JSON may write a letter of it in six.
constexpr std::size_t kLineMax = std::size_t{8} << 20;

class RunDoor;

// One connection. A request is answered before the next one is looked at.
class RunCaller final : private net::StreamHandler {
 public:
  RunCaller(RunDoor& door, net::Loop& loop, int fd);

  bool is_connected() const { return stream_ != nullptr; }
  bool is_owner() const { return is_owner_; }
  bool is_gone() const { return is_gone_; }
  // Something about the run has changed.
  void look() {
    if (!is_gone_) go_on();
  }

 private:
  enum class Waits : unsigned char { kNot, kBegun, kChange };

  void on_stream(net::StreamEvents events) override;
  void read();
  void go_on();
  void flush();
  void leave();
  void take(const std::string& line);
  Result<Json> answer(std::string_view call, SessionRequest& request);
  Result<Json> begin(SessionRequest& request);
  Result<Json> follow(SessionRequest& request);
  bool answer_waiting();
  void tell(const Result<Json>& answered);

  RunDoor& door_;
  net::Loop& loop_;
  std::unique_ptr<net::Stream> stream_;
  net::Timer timer_;
  std::string in_;
  std::string out_;
  Waits waits_ = Waits::kNot;
  std::int64_t since_ = 0;
  bool is_time_over_ = false;
  bool is_owner_ = false;
  bool is_gone_ = false;
};

class RunDoor {
 public:
  explicit RunDoor(net::Loop& loop);
  ~RunDoor();
  RunDoor(const RunDoor&) = delete;
  RunDoor& operator=(const RunDoor&) = delete;

  void enter(int fd);
  void on_signal();

  LeasedRun& run() { return run_; }
  // Where others find the run; empty before it has begun.
  const std::string& socket() const { return socket_; }
  Result<void> begin(AskedRun asked, double lease_s);
  void on_owner() { loop_.timers().cancel(lease_timer_); }
  void on_gone();

 private:
  void on_change();
  void on_lease_over(Time now);
  bool is_owned() const;

  net::Loop& loop_;
  std::string hidden_;  // the socket's path until the run has an id
  std::string socket_;
  Duration lease_{0};
  bool is_ending_ = false;
  net::Timer lease_timer_;
  net::TcpListener listener_;
  std::vector<std::unique_ptr<RunCaller>> callers_;
  LeasedRun run_;
};

RunCaller::RunCaller(RunDoor& door, net::Loop& loop, int fd)
    : door_(door), loop_(loop), stream_(net::adopt_socket(loop, fd, *this)), timer_([this](Time) {
        is_time_over_ = true;
        go_on();
      }) {}

void RunCaller::on_stream(net::StreamEvents events) {
  if (is_gone_) return;
  if (events.readable || events.closed) read();
  go_on();
  // What it has asked for before it went was done.
  if (events.closed) leave();
}

void RunCaller::read() {
  char part[1 << 14];
  while (true) {
    const net::Transfer got = stream_->read(part, sizeof part);
    if (got.status == net::Transfer::Status::kWouldBlock) return;
    if (got.status != net::Transfer::Status::kDone) return leave();
    in_.append(part, got.bytes);
    if (in_.size() <= kLineMax) continue;
    in_.clear();
    return leave();
  }
}

// As far as it goes without waiting for the run or for the other end.
void RunCaller::go_on() {
  while (true) {
    flush();
    if (!out_.empty() || (waits_ != Waits::kNot && !answer_waiting())) return;
    if (!out_.empty()) continue;
    const std::size_t end = in_.find('\n');
    if (end == std::string::npos) return;
    const std::string line = in_.substr(0, end);
    in_.erase(0, end + 1);
    take(line);
  }
}

void RunCaller::flush() {
  while (!out_.empty() && !is_gone_) {
    const net::Transfer put = stream_->write(out_);
    if (put.status == net::Transfer::Status::kWouldBlock) return;
    if (put.status != net::Transfer::Status::kDone) return leave();
    out_.erase(0, put.bytes);
  }
}

void RunCaller::leave() {
  if (std::exchange(is_gone_, true)) return;
  loop_.timers().cancel(timer_);
  door_.on_gone();
}

void RunCaller::take(const std::string& line) {
  Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return tell(wrong_request("it is no JSON object"));
  SessionRequest request(std::move(json));
  const auto call = request.take_text("call");
  const auto answered = call.ok() ? answer(*call, request) : Result<Json>(call.error());
  if (waits_ == Waits::kNot || !answered.ok()) tell(answered);
}

Result<Json> RunCaller::answer(std::string_view call, SessionRequest& request) {
  if (call == "begin") return begin(request);
  if (call == "follow") return follow(request);
  if (call == "stop") {
    const bool now = TRY(request.take_bool("now", false));
    TRY(request.end());
    door_.run().stop(now);
    return Json::object();
  }
  if (call == "attach") {
    TRY(request.end());
    is_owner_ = true;
    door_.on_owner();
    return Json{{"id", door_.run().experiment().id}, {"socket", door_.socket()}};
  }
  if (call == "result") {
    TRY(request.end());
    return door_.run().result();
  }
  return wrong_request(fmt::format("there is no call '{}' of a run", call));
}

Result<Json> RunCaller::begin(SessionRequest& request) {
  const double lease_s = TRY(request.take_number("lease_s", kLeaseS));
  AskedRun asked = TRY(take_run(request));
  TRY(request.end());
  if (!(lease_s >= 0 && lease_s <= kLeaseMaxS))
    return wrong_request("'lease_s' is a number of seconds, of a week at most");
  TRY(door_.begin(std::move(asked), lease_s));
  is_owner_ = true;
  waits_ = Waits::kBegun;
  return Json();
}

Result<Json> RunCaller::follow(SessionRequest& request) {
  since_ = TRY(request.take_integer("since", 0));
  const std::int64_t wait_ms = TRY(request.take_integer("wait_ms", 0));
  TRY(request.end());
  if (wait_ms < 0 || wait_ms > kWaitMaxMs)
    return wrong_request(fmt::format("'wait_ms' is from 0 to {}", kWaitMaxMs));
  waits_ = Waits::kChange;
  is_time_over_ = wait_ms == 0;
  if (wait_ms > 0)
    loop_.timers().set(timer_, loop_.clock().now() + std::chrono::milliseconds{wait_ms});
  return Json();
}

// False: what it waits for isn't there yet.
bool RunCaller::answer_waiting() {
  LeasedRun& run = door_.run();
  if (waits_ == Waits::kBegun) {
    if (!run.has_begun() && !run.is_over()) return false;
    waits_ = Waits::kNot;
    if (!run.has_begun()) {
      const auto why = run.result();
      tell(why.ok() ? Result<Json>(wrong_request("it has no id")) : why);
      return true;
    }
    tell(Json{{"id", run.experiment().id}, {"socket", door_.socket()}});
    return true;
  }
  if (run.number() <= since_ && !run.is_over() && !is_time_over_) return false;
  waits_ = Waits::kNot;
  loop_.timers().cancel(timer_);
  tell(run.state(since_));
  return true;
}

void RunCaller::tell(const Result<Json>& answered) {
  out_ = answer_line(answered);
}

RunDoor::RunDoor(net::Loop& loop)
    : loop_(loop),
      lease_timer_([this](Time now) { on_lease_over(now); }),
      listener_(loop, [this](int fd) { enter(fd); }),
      run_(loop, [this] { on_change(); }) {}

RunDoor::~RunDoor() {
  for (const std::string& path : {hidden_, socket_}) {
    if (!path.empty()) unlink(path.c_str());
  }
}

void RunDoor::enter(int fd) {
  auto caller = std::make_unique<RunCaller>(*this, loop_, fd);
  if (caller->is_connected()) callers_.push_back(std::move(caller));
}

// Others may connect before it has begun, but nobody finds it: the socket gets its name with the
// id. So it listens from the first moment on in which it is seen.
Result<void> RunDoor::begin(AskedRun asked, double lease_s) {
  if (run_.is_asked()) return wrong_request("this session has a run already");
  const std::string folder = TRY(run_folder());
  const std::string hidden = fmt::format("{}/.{}", folder, getpid());
  unlink(hidden.c_str());  // of a process that had our number
  TRY(listener_.listen(TRY(net::unix_address(hidden))));
  hidden_ = hidden;
  lease_ = seconds(lease_s);
  run_.begin(std::move(asked));
  return {};
}

void RunDoor::on_change() {
  if (socket_.empty() && run_.has_begun()) {
    const std::string folder = hidden_.substr(0, hidden_.rfind('/'));
    socket_ = fmt::format("{}/{}.sock", folder, run_.experiment().id);
    // Who has begun it is told where it is, whatever it is called.
    if (rename(hidden_.c_str(), socket_.c_str()) != 0) socket_ = hidden_;
  }
  for (std::size_t i = 0; i < callers_.size(); ++i) callers_[i]->look();
  on_gone();
}

bool RunDoor::is_owned() const {
  return std::any_of(callers_.begin(), callers_.end(),
                     [](const auto& one) { return one->is_owner() && !one->is_gone(); });
}

// Not at once: whoever has gone is being called.
void RunDoor::on_gone() {
  loop_.post([this] {
    std::erase_if(callers_, [](const auto& one) { return one->is_gone(); });
    if (callers_.empty() && (run_.is_over() || !run_.is_asked())) return loop_.stop();
    if (run_.is_asked() && !is_owned() && !is_ending_ && !lease_timer_.is_set())
      loop_.timers().set(lease_timer_, loop_.clock().now() + lease_);
  });
}

// What was recorded goes into its database however long that takes: no other end would be better.
void RunDoor::on_lease_over(Time now) {
  if (run_.is_over() || run_.sending_is_over()) return;
  log(LogLevel::kWarning,
      is_ending_ ? "what is under way is given up" : "nobody owns this run; it is ended",
      {{"experiment", run_.experiment().id}});
  run_.stop(is_ending_);
  if (!std::exchange(is_ending_, true)) loop_.timers().set(lease_timer_, now + kEndWithin);
}

void RunDoor::on_signal() {
  if (!run_.is_asked()) return loop_.stop();
  run_.stop(run_.is_stopping());
}

// The standard input, under another number: what is opened later doesn't get this one, and what is
// started later doesn't have the connection.
Result<int> take_first_connection() {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM)
    return Error{ErrorCode::kUsage,
                 "--listen needs a connection",
                 {},
                 "the standard input is no stream socket",
                 "docs/wire/session.md says who starts it"};
  const int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
    return system_error("can't take the standard input", {}, errno);
  close(nothing);
  return fd;
}

}  // namespace

int serve_run() {
  const auto first = take_first_connection();
  if (!first.ok()) return fail("session", first.error());
  net::Loop loop;
  RunDoor door(loop);
  // Before any other thread, so that they all leave signals to it.
  const net::Signals signals(loop, [&](int) { door.on_signal(); });
  door.enter(*first);
  loop.run();
  return kFine;
}

}  // namespace galileo::commands
