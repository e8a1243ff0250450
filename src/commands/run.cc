// `galileo run FILE`: runs an experiment file on this machine.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/output.h"
#include "commands/bus_options.h"
#include "commands/commands.h"
#include "commands/exit_codes.h"
#include "commands/options.h"
#include "commands/run_options.h"
#include "commands/run_pods.h"
#include "net/signals.h"
#include "plan/file.h"

namespace galileo::commands {

int run(const Arguments& arguments) {
  std::string path;
  plan::FileOptions file;
  std::string bus_url;
  std::string keep;
  std::string otlp;
  bool dry_run = false;
  OutputOptions output;
  CLI::App app(
      "Run an experiment file: on this machine, or on the workers of a fleet when a bus is "
      "named.\n\n"
      "examples:\n"
      "  galileo run examples/hello/experiment.yaml --report report.html\n"
      "  galileo run examples/hello/experiment.yaml --bus redis://127.0.0.1:6379\n",
      "galileo run");
  app.add_option("FILE", path, "the experiment file (YAML)")->required();
  app.add_option("--set", file.set, "change a value of the file: clients[0].requests=100")
      ->expected(1)
      ->take_all();
  app.add_flag("--dry-run", dry_run, "print what would be done, and do nothing");
  app.add_option("--bus", bus_url,
                 "run it on the workers of this bus: redis://..., rediss://, unix://");
  bool no_wait = false;
  app.add_flag("--no-wait", no_wait, "end at once (92) where another run has the bus's workers");
  app.add_option("--keep", keep,
                 "so long pods stay when the run has failed, to be looked at: 30m [not at all]");
  app.add_option("--otlp", otlp,
                 "tell an OpenTelemetry collector of requests and counts: its URL, or env for "
                 "what OTEL_EXPORTER_OTLP_... say [what the file says]");
  add_output_options(app, output);
  if (const auto over = parse_options(app, arguments)) return *over;
  file.environment = environment;
  if (!keep.empty()) file.set.push_back("kubernetes.keep=" + keep);
  file.otlp = otlp;
  file.on_fleet = !bus_url.empty();
  const auto plan = plan::load_plan(path, file);
  if (!plan.ok()) return fail("run", plan.error());
  if (bus_url.empty()) bus_url = plan->bus;
  if (dry_run) {
    print_data(plan::describe(*plan, bus_url.empty() ? plan::Where::kHere : plan::Where::kFleet));
    const auto objects = objects_text(*plan);
    if (!objects.ok()) return fail("run", objects.error());
    print_data(*objects);
    return kFine;
  }
  if (bus_url.empty()) return run_and_print("run", *plan, output, arguments);
  net::hold_signals();  // the bus has threads of its own, the run hears of signals later
  const auto bus = connect_bus(bus_url);
  if (!bus.ok()) return fail("run", bus.error());
  output.bus = bus->get();
  output.waits_for_fleet = !no_wait;
  return run_and_print("run", *plan, output, arguments);
}

}  // namespace galileo::commands
