#include "chaos/agent.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/log.h"
#include "base/spawn.h"
#include "base/text.h"
#include "base/utf8.h"
#include "bus/keys.h"
#include "chaos/programs.h"
#include "chaos/stress_words.h"
#include "net/clock.h"
#include "net/loop.h"
#include "wire/prometheus.h"

namespace galileo::chaos {
namespace {

using Kind = wire::FaultOrder::Kind;
using State = wire::FaultReport::State;

constexpr Duration kLookEvery = std::chrono::milliseconds{200};
constexpr Duration kIdleLookEvery = std::chrono::seconds{2};
constexpr Duration kTryStress = std::chrono::milliseconds{500};
constexpr Duration kTryStressMost = std::chrono::seconds{3};
constexpr std::size_t kFaultsMax = 200;
constexpr std::size_t kIdMax = 200;
constexpr std::size_t kFileMax = std::size_t{1} << 20;

Error refused(std::string why, std::string hint = {}) {
  return Error{ErrorCode::kUsage, "the fault isn't started", {}, std::move(why), std::move(hint)};
}

// What tc says where there is nothing to take away: the device went, or somebody was quicker.
bool is_gone(const std::string& said) {
  for (const char* words : {"No such file", "Cannot find", "No such device", "handle of zero",
                            "Invalid handle", "Parent Qdisc doesn't exist"}) {
    if (said.find(words) != std::string::npos) return true;
  }
  return false;
}

bool is_filter_of_clsact(const TcCommand& command) {
  return command.undo[0] == "filter" &&
         (command.undo[4] == "egress" || command.undo[4] == "ingress");
}

// The name under which the kernel counts what it does.
std::string counted_kind(const TcCommand& command) {
  return is_filter_of_clsact(command) ? "clsact" : command.kind;
}

}  // namespace

Agent::Agent(bus::Bus& bus, AgentOptions options, std::function<void()> on_stop)
    : bus_(bus),
      options_(std::move(options)),
      on_stop_(std::move(on_stop)),
      path_(options_.folder + "/started"),
      book_(options_.lease) {}

Result<std::unique_ptr<Agent>> Agent::start(bus::Bus& bus, AgentOptions options,
                                            std::function<void()> on_stop) {
  std::unique_ptr<Agent> agent(new Agent(bus, std::move(options), std::move(on_stop)));
  TRY(agent->begin());
  return agent;
}

Result<void> Agent::begin() {
  TRY(make_folders(options_.folder));
  const std::string lock = options_.folder + "/lock";
  static_cast<void>(open_file(lock, FileMode::kCreate).ok());  // where it isn't there yet
  lock_ = TRY(open_file(lock, FileMode::kWrite));
  if (!lock_->lock())
    return Error{ErrorCode::kUsage,
                 "another fault agent runs here",
                 lock,
                 {},
                 "end it, or give this one another --state"};
  desk_.start("faults", [this](Time now) { return look(now); });
  std::optional<Error> failed;
  desk_.call([&] {
    clean_up();
    if (const auto kept = keep(); !kept.ok()) failed = kept.error();
    bus_seen_ = desk_.clock().now();
  });
  if (failed) return std::move(*failed);
  subscription_ = TRY(bus_.subscribe(
      {bus::fault_channel(options_.node)}, {}, [this](std::string_view, std::string_view message) {
        desk_.post([this, text = std::string(message)] { on_message(text); });
      }));
  return {};
}

Agent::~Agent() {
  subscription_.reset();
  desk_.stop([this] {
    for (Fault* fault : book_.all()) end(*fault, "the agent ends");
  });
}

// What one that was killed has left: by the same network and the same processes, or not at all.
void Agent::clean_up() {
  const auto text = read_whole_file(path_, kFileMax);
  if (!text.ok()) return;
  std::vector<Undo> undos = parse_undos(*text);
  std::reverse(undos.begin(), undos.end());
  for (const Undo& one : undos) {
    if (one.group > 1 && start_of(options_.proc, static_cast<pid_t>(one.group)) != one.group_start)
      continue;
    Network network;
    if (!one.words.empty()) {
      auto found = one.address.empty() ? own_network() : find_network(options_.proc, one.address);
      if (!found.ok() || found->identity() != one.network) continue;
      network = std::move(*found);
    }
    const std::string why = undo(one, &network);
    log(why.empty() ? LogLevel::kInfo : LogLevel::kWarning,
        "undone what an agent that was killed had started",
        {{"fault", fmt::format("{}", fmt::join(one.words, " "))}, {"left", why}});
    wire::FaultOrder order;
    order.id = one.id;
    order.of = one.of;
    report(order, State::kEnded, "the agent was killed");
  }
}

// At the desk. What can end by itself or be forgotten is looked at often, else there is nothing.
Time Agent::look(Time now) {
  if (bus_.connected()) bus_seen_ = now;
  for (const auto& [fault, why] : book_.due(now)) end(*fault, why);
  if (now - bus_seen_ > options_.lease) {
    for (Fault* fault : book_.all()) end(*fault, "the bus is away");
  }
  for (Fault* fault : book_.all()) {
    const auto group = static_cast<pid_t>(fault->undo.group);
    siginfo_t ended{};
    if (group > 1 &&
        waitid(P_PID, static_cast<id_t>(group), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        ended.si_pid == group)
      end(*fault, fmt::format("it ended by itself ({} {})",
                              ended.si_code == CLD_EXITED ? "status" : "signal", ended.si_status));
  }
  return now + (book_.size() > 0 ? kLookEvery : kIdleLookEvery);
}

void Agent::on_message(const std::string& message) {
  if (message == "__POISON__") return;  // others of the family end so, on whatever channel
  orders_.add(1);
  if (trim(message) == wire::kStopAgent) {
    log(LogLevel::kInfo, "told to stop");
    return on_stop_();
  }
  const auto order = wire::parse_fault_order(message);
  if (!order.ok() || order->id.size() > kIdMax || order->of.size() > kIdMax) {
    refused_.add(1);
    log(LogLevel::kWarning, "no order of mine",
        {{"why", order.ok() ? "its id is too long" : one_line(order.error().to_text())}});
    wire::FaultOrder unknown;
    return report(unknown, State::kRefused,
                  order.ok() ? "its id is too long" : order.error().to_text());
  }
  obey(*order);
  desk_.set_next(desk_.clock().now() + kLookEvery);
}

void Agent::obey(const wire::FaultOrder& order) {
  Result<void> done;
  switch (order.kind) {
    case Kind::kRenew:
      return report(order, State::kRenewed, {},
                    {{"faults", static_cast<double>(book_.renew(order.of, desk_.clock().now()))}});
    case Kind::kEnd:
      for (Fault* fault : book_.of(order.of)) end(*fault, "its experiment ends");
      return report(order, State::kEnded, "all of its experiment");
    case Kind::kTry: {
      const auto effect = try_out(order);
      if (effect.ok()) return report(order, State::kTried, {}, *effect);
      done = effect.error();
      break;
    }
    case Kind::kStart:
      if (book_.find(order))
        done = refused("it is there already");
      else if (book_.size() >= kFaultsMax)
        done = refused(fmt::format("there are {} already", kFaultsMax));
      else
        done = order.name == wire::kTc ? start_tc(order) : start_stress(order);
      break;
    case Kind::kStop:
      // tc's is another command line, as its scripts send it.
      if (Fault* const fault = book_.find(order))
        end(*fault, "asked");
      else
        done = order.name == wire::kTc && !order.words.empty() ? take_away(order)
                                                               : refused("nothing of it is there");
      break;
  }
  if (done.ok()) return;
  refused_.add(1);
  log(LogLevel::kWarning, "not done",
      {{"order", one_line(order.name)}, {"why", one_line(done.error().to_text())}});
  report(order, State::kRefused, done.error().to_text());
}

Result<void> Agent::start_tc(const wire::FaultOrder& order) {
  TcCommand command = TRY(check_tc(order.words));
  if (command.takes_away) return take_away(order);
  Network network =
      TRY(order.network.empty() ? own_network() : find_network(options_.proc, order.network));
  if (device_of(command) == kDeviceWord) {
    if (network.device().empty())
      return refused("DEV stands for the device of a pod's address, and no network is named");
    command = on_device(std::move(command), network.device());
  }
  if (book_.find_undo(command.undo, order.network))
    return refused("something of mine is at that place already");
  Fault& fault = book_.add(order, {command.undo, order.network, network.identity(), 0, 0, {}, {}},
                           desk_.clock().now());
  auto started = [&]() -> Result<void> {
    TRY(keep());  // before the act
    const Inside inside = TRY(Inside::enter(network));
    static_cast<void>(TRY(run_tc(command.words)));
    return {};
  }();
  if (!started.ok()) {
    book_.remove(fault);
    static_cast<void>(keep().ok());
    return started;
  }
  networks_.emplace(&fault, std::move(network));
  started_.add(1);
  log(LogLevel::kInfo, "started",
      {{"tc", fmt::format("{}", fmt::join(command.words, " "))}, {"network", order.network}});
  report(order, State::kStarted, {});
  return {};
}

// A del of somebody's own: of what this agent has added alone.
Result<void> Agent::take_away(const wire::FaultOrder& order) {
  const TcCommand command = TRY(check_tc(order.words));
  Fault* const fault = command.takes_away ? book_.find_undo(command.undo, order.network) : nullptr;
  if (!fault) return refused("nothing of mine is there");
  end(*fault, "asked");
  return {};
}

// stress-ng as it is told, or our burner with the same numbers; either begins as a part of this
// program, which sees to it that the kernel ends it with us.
Result<pid_t> Agent::begin_stress(const wire::FaultOrder& order, std::vector<std::string>& words) {
  if (order.name != wire::kStress)
    return refused(fmt::format("'{}' isn't known", shortened(one_line(order.name), 40)),
                   "tc or stress-ng");
  const StressCommand stress = TRY(check_stress(order.options));
  words = {options_.program, "chaos", "--under", fmt::format("{}", getpid())};
  if (options_.has_stress_ng) {
    words.emplace_back("stress-ng");
    words.insert(words.end(), stress.words.begin(), stress.words.end());
  } else {
    if (!stress.beyond.empty())
      return refused(fmt::format("stress-ng isn't installed here, and '{}' isn't known without it",
                                 stress.beyond.front()),
                     "cpu, cpu-load, vm, vm-bytes, vm-keep and timeout are");
    words.insert(words.end(),
                 {"burn", fmt::format("{}", stress.cpus ? static_cast<int>(*stress.cpus) : -1),
                  fmt::format("{}", stress.load_pct), fmt::format("{}", stress.memory),
                  fmt::format("{}", to_seconds(stress.timeout))});
  }
  pid_t group = 0;
  if (const int error = spawn(words, {}, group); error != 0)
    return system_error("can't start it", options_.program, error);
  return group;
}

Result<void> Agent::start_stress(const wire::FaultOrder& order) {
  std::vector<std::string> words;
  const pid_t group = TRY(begin_stress(order, words));
  Fault& fault = book_.add(order, {{}, {}, 0, group, start_of(options_.proc, group), {}, {}},
                           desk_.clock().now());
  if (const auto kept = keep(); !kept.ok()) {
    end_group(group);
    book_.remove(fault);
    return kept;
  }
  started_.add(1);
  log(LogLevel::kInfo, "started", {{"stress", fmt::format("{}", fmt::join(words, " "))}});
  report(order, State::kStarted, {});
  return {};
}

Result<Effect> Agent::try_out(const wire::FaultOrder& order) {
  if (order.name != wire::kTc) return try_stress(order);
  const TcCommand command = TRY(check_tc(order.words));
  if (command.takes_away) return refused("a del can't be tried");
  std::vector<TcCommand> before;
  if (is_filter_of_clsact(command))
    before.push_back(TRY(check_tc({"qdisc", "add", "dev", "lo", "clsact"})));
  return try_tc(before, command);
}

Result<Effect> Agent::try_stress(const wire::FaultOrder& order) {
  std::vector<std::string> words;
  const pid_t group = TRY(begin_stress(order, words));
  const auto memory = static_cast<double>(TRY(check_stress(order.options)).memory);
  const net::RealClock clock;
  const Time began = clock.now();
  GroupUse use;
  Duration lasted{0};
  // Much memory isn't there at once.
  do {
    net::pause_thread(kTryStress);
    use = use_of_group(options_.proc, group);
    lasted = clock.now() - began;
  } while (use.memory < memory && lasted < kTryStressMost);
  end_group(group);
  return Effect{
      {"cpu_s", to_seconds(use.cpu)}, {"wall_s", to_seconds(lasted)}, {"memory_bytes", use.memory}};
}

Effect Agent::effect_of(const Fault& fault) {
  const Duration lasted = desk_.clock().now() - fault.started;
  if (fault.undo.words.empty()) {
    const GroupUse use = use_of_group(options_.proc, static_cast<pid_t>(fault.undo.group));
    return {{"cpu_s", to_seconds(use.cpu)},
            {"wall_s", to_seconds(lasted)},
            {"memory_bytes", use.memory}};
  }
  const auto network = networks_.find(&fault);
  const auto command = check_tc(fault.order.words);
  if (network == networks_.end() || !command.ok()) return {};
  const auto inside = Inside::enter(network->second);
  if (!inside.ok()) return {};
  const auto told = run_tc({"-s", "-j", "qdisc", "show", "dev", fault.undo.words[3]});
  const auto counts = told.ok() ? parse_tc_counts(*told, counted_kind(*command)) : std::nullopt;
  if (!counts) return {};
  return {{"packets", counts->packets},
          {"drops", counts->drops},
          {"overlimits", counts->overlimits},
          {"wall_s", to_seconds(lasted)}};
}

// Why something of it is still there; empty: nothing is.
std::string Agent::undo(const Undo& undo, const Network* network) {
  if (undo.group > 1) end_group(static_cast<pid_t>(undo.group));
  if (undo.words.empty()) return {};
  const auto inside = Inside::enter(*network);
  if (!inside.ok()) return inside.error().to_text();
  const auto done = run_tc(undo.words);
  return done.ok() || is_gone(done.error().why) ? std::string() : done.error().to_text();
}

void Agent::end(Fault& fault, const std::string& why) {
  Effect effect = effect_of(fault);
  const auto network = networks_.find(&fault);
  const std::string left =
      undo(fault.undo, network == networks_.end() ? nullptr : &network->second);
  const wire::FaultOrder order = fault.order;
  networks_.erase(&fault);
  book_.remove(fault);
  ended_.add(1);
  if (const auto kept = keep(); !kept.ok())
    log(LogLevel::kWarning, "what was started can't be kept", {{"why", kept.error().to_text()}});
  log(left.empty() ? LogLevel::kInfo : LogLevel::kWarning, "ended",
      {{"fault", one_line(order.name)}, {"why", why}, {"left", left}});
  report(order, State::kEnded, left.empty() ? why : fmt::format("{}; it stays: {}", why, left),
         std::move(effect));
}

Result<void> Agent::keep() {
  return write_whole_file(path_, to_text(book_.undos()));
}

void Agent::report(const wire::FaultOrder& order, State state, const std::string& why,
                   Effect effect) {
  if (!bus_.connected()) return;  // nobody would hear it, and faults don't wait for it
  wire::FaultReport report;
  report.state = state;
  report.node = options_.node;
  report.id = order.id;
  report.of = order.of;
  report.name = order.name;
  report.at = net::RealClock::wall_now();
  report.why = one_line(why);
  report.effect = std::move(effect);
  static_cast<void>(bus_.publish(bus::kFaultReports, wire::to_text(report)).ok());
}

std::string Agent::metrics() const {
  std::string text;
  const auto add = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    wire::append_metric(text, "galileo_chaos_" + std::string(name), "counter", help, value);
  };
  wire::append_metric(text, "galileo_chaos_up", "gauge", "1 while the bus is connected.",
                      bus_.connected() ? 1 : 0);
  add("orders_total", "Messages on its channel.", orders_.load());
  add("refused_total", "Those that were refused.", refused_.load());
  add("started_total", "Faults started.", started_.load());
  add("ended_total", "Faults ended.", ended_.load());
  return text;
}

}  // namespace galileo::chaos
