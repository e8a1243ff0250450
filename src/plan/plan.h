// What an experiment file says, checked and expanded: everything that a run needs, nothing that it
// would have to look up. Plain values; made by plan/file (or by `galileo load` from its
// flags), read by experiment/run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/time.h"
#include "load/workload.h"
#include "plan/cluster_change.h"
#include "plan/pods.h"
#include "telemetry/instrument.h"

namespace galileo::plan {

// A program started before the first phase and stopped after the last: of this machine, or as pods.
struct Application {
  std::string name;
  std::optional<Pods> pods;          // then only ready_timeout counts of what follows
  bool is_beside = false;            // a controller under test: after all others are ready
  std::vector<std::string> command;  // argv; "galileo" as the first word is this program
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  std::string directory;                                         // to start it in; empty: ours
  std::string ready;  // "host:port" that must accept, or "http://host:port/path" that must answer
  Duration ready_timeout = std::chrono::seconds{30};
  Duration stop_timeout = std::chrono::seconds{10};  // SIGTERM, then SIGKILL after this
};

// What is done once while a phase goes on: at a time, or when a condition holds for the first time.
struct Action {
  // An event of the experiment's own.
  struct PutEvent {
    std::string name;
    std::string value;
  };
  // From then on this arrival says when the requests of the phase's clients of that name are due.
  // At a time: it is among their ClientSpec::changes too, so that it comes to the nanosecond.
  struct ChangeArrival {
    std::string client;  // ClientSpec::name
    load::ArrivalSpec arrival;
  };

  using ChangeCluster = plan::ChangeCluster;

  std::optional<Duration> at;  // since the start of the phase; none: when `condition` holds
  std::string condition;       // as a threshold, of what has been measured of the run so far
  std::variant<PutEvent, ChangeArrival, ChangeCluster> what;
};

// Phases run one after another; the next starts when the last one's clients are done.
struct Phase {
  std::string name = "main";
  std::vector<load::ClientSpec> clients;
  std::optional<Duration> duration;  // ends clients that have no end of their own
  std::vector<Action> actions;
};

// A process that is running already and is to be watched.
struct WatchedProcess {
  std::string name;      // subsystem of its samples
  std::int64_t pid = 0;  // or
  std::string pid_file;  // a file that holds it
};

// What is measured beside the load: by this machine's instruments, or by the daemons of a fleet.
struct Telemetry {
  bool enabled = true;
  Duration period = std::chrono::milliseconds{500};
  std::vector<std::string> instruments;   // names of telemetry/instruments.def; empty: the defaults
  std::vector<std::string> applications;  // names of Applications to watch as processes
  std::vector<WatchedProcess> processes;
  std::vector<telemetry::WatchedFile> files;
  std::vector<telemetry::WatchedPage> pages;
  std::vector<std::string> page_metrics;  // patterns; empty: all
  std::vector<telemetry::WatchedCommand> commands;
  std::vector<std::string> nodes;  // of a bus, whose daemons are meant; empty: all
};

// Who is told of the run while it goes on, by OpenTelemetry's protocol.
struct Otlp {
  std::string endpoint;  // "http://127.0.0.1:4318"; the paths come behind it
  std::vector<std::pair<std::string, std::string>> headers;  // may be secrets
  double spans = 1;  // this share of the requests, by their trace ids
  bool metrics = true;
};

// What the run must keep to.
struct PlannedThreshold {
  std::string expression;                // "p95(latency) < 50ms", checked for syntax on load
  bool abort = false;                    // end the run once it can't be met any more,
  std::optional<Duration> lasting = {};  // or once it has been crossed for that long
};

// All that a run does. load_plan() gives only plans that hold together; who makes one by hand
// answers for it: each client's service is among `services`, phases and applications have names of
// their own, no phase is called "warmup", and each but the last one ends.
struct Plan {
  std::string name;
  std::string creator;
  std::uint64_t seed = 0;
  bool seed_given = false;  // else it was drawn, and is kept with the run
  std::vector<Application> applications;
  std::vector<load::ServiceSpec> services;
  std::vector<Phase> phases;
  Duration warmup{0};  // requests due before this, since the first phase began, count as warm-up
  load::Limits limits;
  std::optional<double> traceparent;  // of clients that don't say it themselves (load::Request)
  std::optional<Otlp> otlp;
  Telemetry telemetry;
  std::optional<Cluster> cluster;  // there where an application is pods, or manifests are given
  std::vector<PlannedThreshold> thresholds;
  std::string bus;       // URL of the bus whose workers run it; empty: this machine does
  std::string metadata;  // of the user's, a JSON object; empty: none
  std::string source_path;
  std::string source_text;  // the file as it was read
};

// What a plan will do, on average over all seeds, where that is known: how many requests as fast as
// possible make, and how long requests without an end last, nobody knows.
struct Expectation {
  std::uint64_t clients = 0;
  std::optional<std::uint64_t> requests;
  std::optional<Duration> duration;  // without start and stop of the applications
};

Expectation expect(const Plan& plan);

// The service whose route leads to the application's pods, through the gateway of a zone.
std::string service_of(const std::string& application, const std::string& zone);

// The same of one client of a group.
struct ClientExpectation {
  std::optional<double> requests;
  std::optional<Duration> duration;  // from its own start on
};

ClientExpectation expect(const load::ClientSpec& client, const Phase& phase);

// Requests a second that all clients of a phase together make due, at most over the phases; nothing
// where that isn't known: of a closed loop, a list, a rate that changes.
std::optional<double> even_rps(const Plan& plan);

// Event loops that send the plan's requests on one machine: as many as `limits` says. If it doesn't
// say: one where few requests a second are planned, since a core that is woken seldom is dear to
// wake, and a second loop wakes a second one; else one a core.
unsigned load_loops(const Plan& plan);

// "at 10.0s: event deploy", "when p99(latency) > 200ms: constant_rate(50) for client web".
std::string describe(const Action& action);

// "expovariate(100)", "steps up to ...": an arrival in a few words.
std::string describe(const load::ArrivalSpec& arrival);

// The names of all checks, each once, in the order of the plan.
std::vector<std::string> check_names(const Plan& plan);
// False where some client takes any certificate of a host that it speaks TLS with.
bool verifies_certificates(const Plan& plan);

// Will all clients of the phase be done some time?
bool ends(const Phase& phase);

// The expanded plan as a readable text, as `--dry-run` prints it.
enum class Where : unsigned char { kHere, kFleet };
std::string describe(const Plan& plan, Where where = Where::kHere);

// The expanded plan as JSON, saved with the experiment's metadata. Passwords aren't in it: values
// of Authorization and Cookie headers and bodies are left out, and values of the applications'
// variables.
std::string to_json(const Plan& plan);

}  // namespace galileo::plan
