// `galileo target`: a small HTTP application to load. Every path answers; the delay of each answer
// is drawn from a distribution, a share of them may be errors.
#include <fmt/format.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <memory>
#include <vector>

#include "base/output.h"
#include "base/random.h"
#include "base/text.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/options.h"
#include "load/distribution.h"
#include "net/http_server.h"
#include "net/resolver.h"
#include "net/signals.h"
#include "wire/unix_time.h"

namespace galileo::commands {
namespace {

struct TargetOptions {
  std::string listen = "127.0.0.1:8080";
  std::string delay = "0";
  std::string busy = "0";
  std::uint64_t size_bytes = 2;
  int status = 200;
  double errors = 0;  // share of answers, 0 to 1
  int error_status = 500;
  unsigned threads = 1;
  std::uint64_t seed = 1;
};

// How long an answer takes: a fixed time or a draw.
struct Delay {
  Duration fixed{0};
  std::optional<load::Distribution> drawn;  // seconds

  Duration next(Random& random) const {
    return drawn ? std::max(seconds(drawn->draw(random)), Duration{0}) : fixed;
  }
};

Result<Delay> parse_delay(const std::string& text) {
  if (text.find('(') != std::string::npos)
    return Delay{Duration{0}, TRY(load::parse_distribution(text))};
  return Delay{TRY(parse_duration(text)), std::nullopt};
}

// A loop that computes answers nobody else and hears no signal.
constexpr Duration kBusyMax = std::chrono::seconds{10};

// By this thread's own CPU clock: the same work for each answer, however busy the machine is.
void compute_for(Duration cpu) {
  const Duration until = net::RealClock::thread_cpu() + std::min(cpu, kBusyMax);
  volatile unsigned work = 0;
  while (net::RealClock::thread_cpu() < until) {
    for (unsigned i = 0; i < 1000; ++i) work = work + i;
  }
}

// The application on one loop.
class Application final : public net::HttpService {
 public:
  Application(net::Loop& loop, const TargetOptions& options, const Delay& delay, const Delay& busy,
              std::uint64_t stream)
      : loop_(loop),
        options_(options),
        delay_(delay),
        busy_(busy),
        random_(options.seed, stream),
        body_(options.size_bytes, 'x'),
        server_(loop.timers(), loop.clock(), *this) {}

  net::HttpServer& server() { return server_; }

 private:
  // An answer that waits for its time.
  struct Pending {
    explicit Pending(Application& application)
        : timer([this, &application](Time) { application.answer_pending(*this); }) {}
    std::uint64_t connection = 0;
    Wall began{};
    net::Timer timer;
  };

  void on_request(net::ServerConnection& connection) override {
    const Wall began = net::RealClock::wall_now();
    Wall ended = began;
    if (const Duration cpu = busy_.next(random_); cpu.count() > 0) {
      compute_for(cpu);
      ended = net::RealClock::wall_now();
    }
    const Duration delay = delay_.next(random_);
    if (delay.count() == 0) return answer(connection, began, ended);
    if (free_.empty()) {
      all_.push_back(std::make_unique<Pending>(*this));
      free_.push_back(all_.back().get());
    }
    Pending& pending = *free_.back();
    free_.pop_back();
    pending.connection = connection.id();
    pending.began = began;
    loop_.timers().set(pending.timer, loop_.clock().now() + delay);
  }

  void answer_pending(Pending& pending) {
    free_.push_back(&pending);
    if (net::ServerConnection* connection = server_.find(pending.connection))
      answer(*connection, pending.began, net::RealClock::wall_now());
  }

  void answer(net::ServerConnection& connection, Wall began, Wall ended) {
    const bool error = options_.errors > 0 && random_.unit() < options_.errors;
    const bool head = connection.method() == "HEAD";
    Made& answer = made(error, connection.keep_alive(), head);
    stamp(answer.message, answer.start, began);
    stamp(answer.message, answer.end, ended);
    connection.answer(answer.message);
  }

  // The whole answer, made once for each of its kinds; only its stamps are written anew.
  struct Made {
    std::string message;
    std::size_t start = 0;  // places of the stamps
    std::size_t end = 0;
  };
  Made& made(bool error, bool keep_alive, bool head) {
    Made& answer = made_[(error ? 4u : 0u) + (keep_alive ? 2u : 0u) + (head ? 1u : 0u)];
    if (!answer.message.empty()) return answer;
    answer.message = wire::http1::serialize_response(
        error ? options_.error_status : options_.status,
        {{"Content-Type", "text/plain"}, {"X-Start", kNoStamp}, {"X-End", kNoStamp}}, body_,
        keep_alive, head);
    answer.start = answer.message.find(kNoStamp);
    answer.end = answer.message.find(kNoStamp, answer.start + 1);
    return answer;
  }

  // When the function began and ended, as OpenFaaS' watchdog says it: what analyses of function
  // experiments go by.
  static constexpr const char* kNoStamp = "0000000000.0000000";
  void stamp(std::string& message, std::size_t at, Wall time) {
    stamp_.clear();
    wire::append_unix_time(stamp_, time, 7);
    message.replace(at, stamp_.size(), stamp_);
  }

  net::Loop& loop_;
  const TargetOptions& options_;
  const Delay& delay_;
  const Delay& busy_;
  Random random_;
  const std::string body_;
  std::array<Made, 8> made_;
  std::string stamp_;
  std::vector<std::unique_ptr<Pending>> all_;
  std::vector<Pending*> free_;
  net::HttpServer server_;
};

// One accepting loop hands the connections round to `threads` serving ones.
Result<void> serve(const TargetOptions& options, const Delay& delay, const Delay& busy) {
  auto resolved = net::resolve_listen(options.listen, "127.0.0.1");
  if (!resolved.ok()) resolved.error().where = "--listen";
  const net::Address address = TRY(std::move(resolved));
  net::raise_open_files_limit();
  net::Loop loop;
  const net::Signals signals(loop, [&loop](int) { loop.stop(); });
  std::vector<std::unique_ptr<net::LoopThread>> threads;
  std::vector<std::unique_ptr<Application>> applications;
  for (unsigned i = 0; i < options.threads; ++i) {
    threads.push_back(std::make_unique<net::LoopThread>(fmt::format("target-{}", i)));
    applications.push_back(
        std::make_unique<Application>(threads[i]->loop(), options, delay, busy, i));
  }
  std::size_t turn = 0;
  net::TcpListener listener(loop, [&](int fd) {
    const std::size_t at = turn++ % threads.size();
    Application& application = *applications[at];
    net::Loop& serving = threads[at]->loop();
    serving.post([&application, &serving, fd] { application.server().adopt(serving, fd); });
  });
  TRY(listener.listen(address));
  print_talk(fmt::format("galileo target: listening on {}, delay {}\n",
                         TRY(listener.local_address()).to_text(), options.delay));
  loop.run();
  for (auto& thread : threads) thread->join();
  return {};
}

Result<void> check(const TargetOptions& options) {
  const auto wrong = [](std::string why) {
    return Error{ErrorCode::kUsage, std::move(why), {}, {}, "see galileo target --help"};
  };
  if (options.errors < 0 || options.errors > 1) return wrong("--errors must be from 0 to 1");
  if (options.status < 200 || options.status > 599)
    return wrong("--status must be from 200 to 599");
  if (options.threads < 1 || options.threads > 256) return wrong("--threads must be from 1 to 256");
  if (options.size_bytes > (std::uint64_t{1} << 30)) return wrong("--size must be at most 1G");
  return {};
}

}  // namespace

int target(const Arguments& arguments) {
  TargetOptions options;
  std::string size = "2";
  CLI::App app(
      "A small HTTP application to load: every path answers, and X-Start and X-End say when it\n"
      "began and ended (unix seconds).\n\nexample:\n"
      "  galileo target --listen 127.0.0.1:8080 --delay 'lognormvariate(-6.9, 0.3)'\n",
      "galileo target");
  app.add_option("--listen,-l", options.listen, "host:port to listen on, or a port of 127.0.0.1")
      ->capture_default_str();
  app.add_option("--delay", options.delay,
                 "time before each answer: 5ms, or a distribution in seconds")
      ->capture_default_str();
  app.add_option("--busy", options.busy,
                 "CPU time that each answer takes before that, at most 10s: as --delay")
      ->capture_default_str();
  app.add_option("--size", size, "bytes of each answer's body: 100, 10k")->capture_default_str();
  app.add_option("--status", options.status, "status of the answers")->capture_default_str();
  app.add_option("--errors", options.errors, "share of answers that are errors, 0 to 1");
  app.add_option("--error-status", options.error_status, "status of the answers that are errors")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "serving threads")->capture_default_str();
  app.add_option("--seed", options.seed, "seed of delays and errors")->capture_default_str();
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto bytes = parse_count(size);
  if (!bytes.ok()) return fail("target", bytes.error());
  options.size_bytes = *bytes;
  if (const auto checked = check(options); !checked.ok()) return fail("target", checked.error());
  const auto delay = parse_delay(options.delay);
  if (!delay.ok()) return fail("target", delay.error());
  const auto busy = parse_delay(options.busy);
  if (!busy.ok()) return fail("target", busy.error());
  const auto served = serve(options, *delay, *busy);
  return served.ok() ? static_cast<int>(kFine) : fail("target", served.error());
}

}  // namespace galileo::commands
