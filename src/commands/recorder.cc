// `galileo recorder`: one experiment from what is published on the bus, until it is told to stop.
#include "fleet/recorder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/output.h"
#include "commands/bus_options.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/options.h"
#include "commands/recorder_text.h"
#include "commands/run_options.h"
#include "commands/spool_options.h"
#include "net/signals.h"

namespace galileo::commands {
namespace {

constexpr Duration kLineEvery = std::chrono::seconds{1};
constexpr int kSilentLines = 10;  // of these the last is told though nothing has come

struct RecorderFlags {
  fleet::RecorderOptions options;
  std::string bus;
  SpoolFlags spool;
  bool json = false;
  bool quiet = false;
};

// Waits for a signal; a line a second where something came, and every ten where nothing did.
class Watch {
 public:
  Watch(net::Loop& control, fleet::Recorder& recorder)
      : control_(control), recorder_(recorder), timer_([this](Time now) { on_timer(now); }) {}

  void run(bool quiet) {
    if (!quiet) control_.timers().set(timer_, control_.clock().now() + kLineEvery);
    control_.run();
    control_.timers().cancel(timer_);
  }

 private:
  void on_timer(Time now) {
    const fleet::RecorderState recording = recorder_.state();
    if (recording.counts != told_.counts || ++silent_ == kSilentLines) {
      print_talk(fmt::format("galileo recorder: {}\n", progress_line(recording, told_)));
      told_ = recording;
      silent_ = 0;
    }
    control_.timers().set(timer_, now + kLineEvery);
  }

  net::Loop& control_;
  fleet::Recorder& recorder_;
  net::Timer timer_;
  fleet::RecorderState told_;
  int silent_ = 0;
};

int record(const RecorderFlags& flags) {
  net::Loop control;
  int signals_seen = 0;
  // Before any other thread, so that they all leave signals to it.
  const net::Signals signals(control, [&](int) {
    ++signals_seen;
    control.stop();
  });
  const auto where = bus_options(flags.bus);
  if (!where.ok()) return fail("recorder", where.error());
  const auto bus = bus::connect(*where);
  if (!bus.ok()) return fail("recorder", bus.error());
  fleet::RecorderOptions options = flags.options;
  options.on_full = [&control] { control.post([&control] { control.stop(); }); };
  const auto recorder = fleet::Recorder::start(**bus, options);
  if (!recorder.ok()) return fail("recorder", recorder.error());
  if (!flags.quiet)
    print_talk(fmt::format("galileo recorder: recording {} from {}; SIGINT or SIGTERM ends it\n",
                           (*recorder)->experiment().id, (*bus)->where()));
  Watch(control, **recorder).run(flags.quiet);
  // A second signal: what isn't in the database yet stays in the spool.
  const fleet::Recorded recorded = (*recorder)->stop([&] {
    control.run_pending();
    return signals_seen > 1;
  });
  print_data(flags.json ? recorder_json(recorded) : recorder_summary(recorded));
  if (recorded.problem) return fail("recorder", *recorded.problem);
  return recorded.database.empty() || recorded.spool.empty() ? kFine : kNotStored;
}

}  // namespace

int recorder(const Arguments& arguments) {
  RecorderFlags flags;
  fleet::RecorderOptions& options = flags.options;
  options.creator = fmt::format("galileo-recorder-{}", getpid());
  options.kept.database = default_database();
  options.version = GALILEO_VERSION;
  CLI::App app(
      "Record an experiment from what is published on the bus, until SIGINT or SIGTERM.\n\n"
      "example:\n"
      "  galileo recorder --name first --bus redis://10.0.0.1:6379 --db lab.sqlite\n",
      "galileo recorder");
  app.add_option("--name", options.name, "name of the experiment [its id]");
  app.add_option("--creator", options.creator, "who made it")->capture_default_str();
  app.add_option(
         "--db", options.kept.database,
         "database: a path, or a URL as in docs/how-to/databases.md; none: keep the spool only")
      ->capture_default_str();
  app.add_option("--spool", options.kept.spool_folder, "folder of the spool [beside the database]");
  add_spool_options(app, flags.spool, "the recording ends, as FAILED");
  app.add_option("--node", options.nodes, "take this node's telemetry only; may be given again")
      ->expected(1)
      ->take_all();
  add_bus_option(app, flags.bus);
  app.add_flag("--json", flags.json, "the summary as JSON");
  app.add_flag("-q,--quiet", flags.quiet, "no lines while it records");
  if (const auto over = parse_options(app, arguments)) return *over;
  const auto database = whole_database(options.kept.database);
  if (!database.ok()) return fail("recorder", database.error());
  options.kept.database = *database;
  const auto limit = spool_limit(flags.spool);
  if (!limit.ok()) return fail("recorder", limit.error());
  options.kept.spool_limit = *limit;
  return record(flags);
}

}  // namespace galileo::commands
