#include "apps/app_host.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "apps/process_tree.h"
#include "base/text.h"
#include "base/utf8.h"
#include "net/signals.h"
#include "wire/json.h"

// runner.py, put into the program by galileo_embed() in CMakeLists.txt.
extern const char galileo_app_runner[];
extern const char galileo_app_runner_end[];

namespace galileo::apps {
namespace {

constexpr Duration kLookEvery = std::chrono::milliseconds{100};
// Looking takes at most this share of a core: where processes are many, it is done more rarely.
constexpr int kLookShare = 50;
// Modules take their time to load, on small machines above all.
constexpr int kLoadTimes = 6;
// How long an end without a reason waits for the one that the parent process tells.
constexpr Duration kReasonWithin = std::chrono::seconds{1};
constexpr std::size_t kMessageMax = 4096;
constexpr const char* kMoreAllowed = "galileo_apps_memory and galileo_apps_processes allow more";
constexpr std::size_t kDescriptorsMost = 3;  // of an order: a line, and doors of control groups

void close_all(std::initializer_list<int> descriptors) {
  for (const int fd : descriptors) {
    if (fd >= 0) ::close(fd);
  }
}

// A file in memory with these bytes, read from its start.
int file_with(std::string_view bytes) {
  const int fd = memfd_create("galileo-app", MFD_CLOEXEC);
  while (fd >= 0 && !bytes.empty()) {
    const ssize_t size = ::write(fd, bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      ::close(fd);
      return -1;
    }
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  if (fd >= 0) lseek(fd, 0, SEEK_SET);
  return fd;
}

std::uint64_t number_in(const wire::Json& json, std::string_view key) {
  const wire::Json* const value = wire::find(json, key);
  const auto number = value ? parse_integer(value->text) : std::nullopt;
  return number && *number > 0 ? static_cast<std::uint64_t>(*number) : 0;
}

std::string end_text(std::uint64_t code, std::uint64_t signal) {
  if (signal == 0) return fmt::format("its process has ended, with exit code {}", code);
  return fmt::format("its process was ended by signal {} ({})", signal,
                     strsignal(static_cast<int>(signal)));
}

}  // namespace

AppHost::Pipe::~Pipe() {
  if (fd_ < 0) return;
  loop_->unwatch(fd_, *this);
  ::close(fd_);
}

void AppHost::Pipe::open(net::Loop& loop, int fd) {
  loop_ = &loop;
  fd_ = fd;
  // Where it can't be watched, it is read at each look.
  static_cast<void>(loop.watch(fd, *this).ok());
}

void AppHost::Pipe::on_io(std::uint32_t /*events*/) {
  std::array<char, std::size_t{16} * 1024> piece{};
  while (fd_ >= 0) {
    const ssize_t size = ::read(fd_, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;
    kept.take({piece.data(), static_cast<std::size_t>(size)});
  }
}

void AppHost::Control::on_io(std::uint32_t /*events*/) {
  host_.hear();
  host_.send_orders();
}

AppHost::AppHost(AppSetup setup) : setup_(std::move(setup)) {}

Result<std::unique_ptr<AppHost>> AppHost::start(AppSetup setup) {
  std::unique_ptr<AppHost> host(new AppHost(std::move(setup)));
  host->desk_.start("app", [&own = *host](Time now) { return own.look(now); });
  Result<void> started;
  host->desk_.call([&] {
    started = host->start_python();
    if (started.ok()) host->spares_.push_back(host->add_line());
  });
  TRY(std::move(started));
  TRY(host->wait_for_spares());
  return host;
}

AppHost::~AppHost() {
  desk_.stop([this] { end_all(); });
}

Result<void> AppHost::start_python() {
  int control[2] = {-1, -1};
  int output[2] = {-1, -1};
  int errors[2] = {-1, -1};
  const std::string config = fmt::format(
      R"({{"name": {}, "path": {}, "manifest": {}, "parameters": {}}})",
      wire::json_text(setup_.app.name), wire::json_text(setup_.app.path), setup_.app.manifest,
      trim(setup_.parameters).empty() ? std::string_view("{}") : setup_.parameters);
  const int input = file_with(config);
  if (input < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0 ||
      pipe2(output, O_CLOEXEC) != 0 || pipe2(errors, O_CLOEXEC) != 0) {
    const int error = errno;
    close_all({input, control[0], control[1], output[0], output[1], errors[0], errors[1]});
    return system_error("can't start a client app", setup_.app.name, error);
  }
  for (const int fd : {control[0], output[0], errors[0]}) fcntl(fd, F_SETFL, O_NONBLOCK);
  const auto started = start_held(
      {setup_.python, "-u", "-c", std::string(galileo_app_runner, galileo_app_runner_end)},
      {output[1], errors[1], control[1], input}, setup_.limits);
  close_all({input, control[1], output[1], errors[1]});
  if (!started.ok()) {
    close_all({control[0], output[0], errors[0]});
    return started.error();
  }
  pid_ = started->pid;
  hold_ = started->hold;
  if (setup_.limits.groups)
    groups_ = ControlGroups::make({setup_.limits.memory_bytes, setup_.limits.processes});
  control_fd_ = control[0];
  output_.open(desk_.loop(), output[0]);
  errors_.open(desk_.loop(), errors[0]);
  return desk_.loop().watch(control_fd_, control_);
}

Result<void> AppHost::prepare(std::size_t clients) {
  desk_.call([&] {
    promised_ += clients;
    while (spares_.size() < promised_) spares_.push_back(add_line());
  });
  return wait_for_spares();
}

Result<void> AppHost::wait_for_spares() {
  constexpr Duration kPause = std::chrono::milliseconds{2};
  while (true) {
    bool loaded = false;
    std::optional<Error> trouble;
    desk_.call([&] { loaded = are_loaded(trouble); });
    if (trouble) return named(*trouble);
    if (loaded) return {};
    if (net::signal_waits()) return Error{ErrorCode::kInterrupted, "ended by a signal", {}, {}, {}};
    net::pause_thread(kPause);
  }
}

bool AppHost::are_loaded(std::optional<Error>& trouble) const {
  bool all = true;
  for (const std::uint32_t client : spares_) {
    const AppLine& line = *lines_.at(client);
    if (line.trouble()) trouble = explained(client, *line.trouble());
    all = all && (line.is_loaded() || line.is_over());
  }
  return all;
}

std::uint32_t AppHost::begin(OnAppNews on_news) {
  std::uint32_t client = 0;
  desk_.call([&] {
    if (spares_.empty()) spares_.push_back(add_line());
    client = spares_.front();
    spares_.pop_front();
    if (promised_ > 0) --promised_;
    lines_.at(client)->take_listener([this, client, heard = std::move(on_news)](AppNews&& news) {
      if (news.trouble) news.trouble = named(explained(client, *news.trouble));
      heard(std::move(news));
    });
  });
  return client;
}

void AppHost::want(std::uint32_t client, std::uint32_t count) {
  desk_.post([this, client, count] {
    const auto line = lines_.find(client);
    if (line != lines_.end()) line->second->want(count, desk_.clock().now());
  });
}

void AppHost::end(std::uint32_t client) {
  desk_.post([this, client] {
    if (lines_.erase(client) == 0) return;
    closed_since_.erase(client);
    end_processes(client);
  });
}

void AppHost::end_processes(std::uint32_t client) {
  order({fmt::format(R"({{"do": "end", "client": {}}})", client)});
  if (groups_) groups_->end(client);
}

std::string AppHost::held_by() {
  bool by_groups = false;
  desk_.call([&] { by_groups = groups_ != nullptr; });
  return fmt::format("{}, its memory and processes by {}", hold_text(hold_),
                     by_groups ? "control groups" : "looking at them each 100 ms");
}

std::string AppHost::printed() {
  std::string text;
  desk_.call([&] { text = output_.kept.text() + errors_.kept.text(); });
  return text;
}

std::uint32_t AppHost::add_line() {
  const std::uint32_t client = clients_made_++;
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    trouble_ = trouble_.value_or(system_error("can't make a client of an app", "", errno));
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  auto line = std::make_unique<AppLine>(desk_.loop(), ends[0], desk_.clock().now());
  std::vector<int> descriptors{ends[1]};
  if (groups_ && !trouble_) {
    auto doors = groups_->begin(client);
    if (!doors.ok()) trouble_ = named(doors.error());
    if (doors.ok()) descriptors.insert(descriptors.end(), doors->begin(), doors->end());
  }
  if (trouble_) {
    line->fail(*trouble_);
    close_all({ends[1]});
  } else {
    order({fmt::format(R"({{"do": "begin", "client": {}}})", client), std::move(descriptors)});
  }
  lines_[client] = std::move(line);
  return client;
}

void AppHost::order(Order order) {
  orders_.push_back(std::move(order));
  send_orders();
}

void AppHost::send_orders() {
  while (!orders_.empty() && control_fd_ >= 0) {
    Order& next = orders_.front();
    iovec bytes{next.text.data(), next.text.size()};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kDescriptorsMost * sizeof(int))> space{};
    if (const std::size_t bytes_of_all = next.descriptors.size() * sizeof(int); bytes_of_all > 0) {
      message.msg_control = space.data();
      message.msg_controllen = CMSG_SPACE(bytes_of_all);
      cmsghdr* const head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = SOL_SOCKET;
      head->cmsg_type = SCM_RIGHTS;
      head->cmsg_len = CMSG_LEN(bytes_of_all);
      std::memcpy(CMSG_DATA(head), next.descriptors.data(), bytes_of_all);
    }
    const ssize_t sent = sendmsg(control_fd_, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    for (const int fd : next.descriptors) ::close(fd);
    orders_.pop_front();
  }
}

void AppHost::hear() {
  std::array<char, kMessageMax> message{};
  while (control_fd_ >= 0) {
    const ssize_t size = ::recv(control_fd_, message.data(), message.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (size <= 0) return check_python();
    on_exit({message.data(), static_cast<std::size_t>(size)});
  }
}

// A client's process has ended.
void AppHost::on_exit(std::string_view text) {
  const auto json = wire::parse_json(text);
  if (!json.ok()) return;
  const auto client = static_cast<std::uint32_t>(number_in(*json, "client"));
  const auto line = lines_.find(client);
  if (line == lines_.end()) return;
  closed_since_.erase(client);
  look_at_groups();
  // What it still said is read first, as that may be why.
  line->second->hear();
  fail_one(client, end_text(number_in(*json, "code"), number_in(*json, "signal")), {});
}

// What a generator stumbles over may be that the kernel holds it.
Error AppHost::explained(std::uint32_t client, Error trouble) const {
  const std::string held = groups_ ? groups_->trespass(client) : std::string();
  if (held.empty() || trouble.why.starts_with(held)) return trouble;
  trouble.why = held + (trouble.why.empty() ? "" : ": ") + trouble.why;
  trouble.hint = kMoreAllowed;
  return trouble;
}

Error AppHost::named(Error trouble) const {
  trouble.where = setup_.app.path;
  if (!trouble.what.starts_with("client app"))
    trouble.what = fmt::format("client app '{}': {}", setup_.app.name, trouble.what);
  return trouble;
}

std::string AppHost::last_words() const {
  constexpr std::size_t kShown = 2000;
  const std::string all = errors_.kept.bytes() > 0 ? errors_.kept.text() : output_.kept.text();
  const std::string_view text = trim(all);
  if (text.empty()) return {};
  return "; it said: " + make_utf8(text.size() > kShown ? text.substr(text.size() - kShown) : text);
}

void AppHost::fail_one(std::uint32_t client, const std::string& why, std::string hint) {
  AppLine& line = *lines_.at(client);
  if (line.is_over()) return;
  output_.on_io(0);
  errors_.on_io(0);
  line.fail(named(
      {ErrorCode::kUsage, "its generator has failed", {}, why + last_words(), std::move(hint)}));
}

void AppHost::fail_all(const Error& trouble) {
  if (trouble_) return;
  trouble_ = named(trouble);
  for (const auto& [client, line] : lines_) line->fail(*trouble_);
}

Time AppHost::look(Time now) {
  if (pid_ <= 0) return now + kLookEvery;
  output_.on_io(0);
  errors_.on_io(0);
  check_python();
  look_at_debts(now);
  groups_ ? look_at_groups() : look_at_use();
  const Duration took = desk_.clock().now() - now;
  return now + std::max(kLookEvery, took * kLookShare);
}

void AppHost::look_at_debts(Time now) {
  const Duration within = setup_.limits.answer_within;
  for (const auto& [client, line] : lines_) {
    if (line->is_over()) continue;
    if (line->is_closed() &&
        now - closed_since_.try_emplace(client, now).first->second > kReasonWithin)
      fail_one(client, "its process has closed its end of the line", {});
    const Time since = line->owes_since();
    if (since == kNever) continue;
    if (line->is_loaded() && now - since > within) {
      fail_one(client, fmt::format("next_request() gave nothing for {}", format_duration(within)),
               "an endless loop, or a wait? galileo_apps_timeout allows more");
    } else if (!line->is_loaded() && now - since > within * kLoadTimes) {
      fail_one(
          client,
          fmt::format("generator.py wasn't loaded within {}", format_duration(within * kLoadTimes)),
          "an endless loop, or a wait? galileo_apps_timeout allows more");
    } else {
      continue;
    }
    end_processes(client);
  }
}

// The kernel has held it; that client is over.
void AppHost::look_at_groups() {
  if (!groups_) return;
  groups_->sweep();
  for (const auto& [client, line] : lines_) {
    if (line->is_over()) continue;
    const std::string why = groups_->trespass(client);
    if (why.empty()) continue;
    line->fail(named({ErrorCode::kUsage,
                      "its generator was ended with all of its processes",
                      {},
                      why,
                      kMoreAllowed}));
    end_processes(client);
  }
}

// Who has left his client's process is below Python itself: there all of them count together.
void AppHost::look_at_use() {
  if (trouble_) return;
  const AppLimits& limits = setup_.limits;
  const auto clients = static_cast<std::uint32_t>(std::max<std::size_t>(1, lines_.size()));
  ProcessUse all;
  std::string why;
  const auto check = [&](const ProcessUse& use, std::uint32_t times, const char* who) {
    if (use.resident_bytes > limits.memory_bytes * times)
      why = fmt::format("{} held {} of memory, more than the {} that may be", who,
                        format_bytes(static_cast<double>(use.resident_bytes)),
                        format_bytes(static_cast<double>(limits.memory_bytes * times)));
    if (use.processes > limits.processes * times)
      why = fmt::format("{} had {} processes, more than the {} that may be", who, use.processes,
                        limits.processes * times);
  };
  for (const ProcessUse& use : children_of(pid_)) {
    all.resident_bytes += use.resident_bytes;
    all.processes += use.processes;
    check(use, 1, "a client's generator");
  }
  check(all, clients, "its clients' generators");
  if (why.empty()) return;
  end_all();
  fail_all({ErrorCode::kUsage, "it was ended with all of its processes", {}, why, kMoreAllowed});
}

// Whether it still runs; where it doesn't, no client does.
void AppHost::check_python() {
  int status = 0;
  if (pid_ <= 0 || waitpid(pid_, &status, WNOHANG) != pid_) return;
  pid_ = 0;
  errors_.on_io(0);
  fail_all({ErrorCode::kUsage,
            "Python has ended",
            {},
            end_text(WIFEXITED(status) ? static_cast<std::uint64_t>(WEXITSTATUS(status)) : 0,
                     WIFSIGNALED(status) ? static_cast<std::uint64_t>(WTERMSIG(status)) : 0) +
                last_words(),
            "Python 3.9 or newer is needed; galileo_apps_python names another one"});
  end_all();
}

void AppHost::end_all() {
  if (pid_ > 0) {
    if (hold_ == Hold::kNamespaces)
      kill(pid_, SIGKILL);
    else
      kill_session(pid_);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
  }
  for (const Order& left : orders_) {
    for (const int fd : left.descriptors) ::close(fd);
  }
  orders_.clear();
  groups_.reset();
  if (control_fd_ >= 0) {
    desk_.loop().unwatch(control_fd_, control_);
    ::close(control_fd_);
    control_fd_ = -1;
  }
}

}  // namespace galileo::apps
