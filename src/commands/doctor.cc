// `galileo doctor`: looks whether a laboratory has what a run needs, and says the mend of what
// isn't so.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/output.h"
#include "commands/bus_options.h"
#include "commands/commands.h"
#include "commands/etcd_flags.h"
#include "commands/exit_codes.h"
#include "commands/json_output.h"
#include "commands/kubernetes_access.h"
#include "commands/options.h"
#include "commands/run_options.h"
#include "experiment/cluster_needs.h"
#include "experiment/examination.h"
#include "experiment/leftovers.h"
#include "net/signals.h"
#include "plan/file.h"
#include "store/store.h"
#include "telemetry/machine.h"

namespace galileo::commands {
namespace {

using experiment::Finding;
using Level = Finding::Level;

struct DoctorFlags {
  std::string file;
  std::string bus;
  std::string kubeconfig;
  std::string context;
  std::string name_space;
  std::string database;
  EtcdFlags etcd;
  bool clean = false;
  bool json = false;
};

Finding fault_of(const std::string& about, const Error& error) {
  Error told = error;
  told.hint.clear();
  return {Level::kFault, about, told.to_text(), error.hint};
}

const char* level_text(Level level) {
  switch (level) {
    case Level::kFine:
      return "fine";
    case Level::kWarning:
      return "warning";
    case Level::kFault:
      return "fault";
  }
  return "";
}

class Doctor {
 public:
  explicit Doctor(const DoctorFlags& flags) : flags_(flags) {}

  void look() {
    read_file();
    look_at_bus();
    look_at_etcd();
    look_at_database();
    look_at_cluster();
    if (cluster_ && bus_facts_) add(experiment::findings_of(*cluster_, *bus_facts_));
    if (plan_ && cluster_ && bus_facts_)
      add(experiment::findings_of_faults(*plan_, *cluster_, *bus_facts_));
  }

  int print() const {
    bool is_fine = true;
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    std::string text;
    for (const Finding& finding : findings_) {
      is_fine = is_fine && finding.level != Level::kFault;
      all.push_back({{"level", level_text(finding.level)},
                     {"about", finding.about},
                     {"text", finding.text},
                     {"mend", finding.mend}});
      text += fmt::format("{:<8} {}: {}\n", level_text(finding.level), finding.about, finding.text);
      if (!finding.mend.empty()) text += fmt::format("         -> {}\n", finding.mend);
    }
    if (flags_.json)
      print_json(all);
    else
      print_data(text);
    return is_fine ? kFine : kUnreachable;
  }

 private:
  void add(std::vector<Finding> findings) {
    for (Finding& finding : findings) findings_.push_back(std::move(finding));
  }

  void read_file() {
    if (flags_.file.empty()) return;
    plan::FileOptions options;
    options.environment = environment;
    options.on_fleet = true;
    auto plan = plan::load_plan(flags_.file, options);
    if (!plan.ok()) return findings_.push_back(fault_of("file", plan.error()));
    plan_ = std::move(*plan);
    findings_.push_back({Level::kFine, "file", flags_.file, ""});
  }

  void look_at_bus() {
    auto bus = connect_bus(flags_.bus.empty() && plan_ ? plan_->bus : flags_.bus);
    if (!bus.ok()) return findings_.push_back(fault_of("bus", bus.error()));
    bus_ = std::move(*bus);
    const auto facts = experiment::look_at_bus(*bus_);
    if (!facts.ok()) return findings_.push_back(fault_of("bus", facts.error()));
    findings_.push_back({Level::kFine, "bus", facts->where, ""});
    add(experiment::findings_of(*facts));
    bus_facts_ = *facts;
  }

  void look_at_etcd() {
    const auto options = experiment_etcd_options(flags_.etcd);
    const auto looked =
        options.ok() ? experiment::look_at_etcd(*options) : Result<void>(options.error());
    if (!looked.ok()) return findings_.push_back(fault_of("etcd", looked.error()));
    findings_.push_back({Level::kFine, "etcd", options->endpoints.front(), ""});
  }

  void look_at_database() {
    const auto url = whole_database(flags_.database);
    const auto store = url.ok() ? store::open_store(*url, store::OpenMode::kExisting)
                                : Result<std::unique_ptr<store::Store>>(url.error());
    if (!store.ok() && store.error().code == ErrorCode::kNotFound)
      return findings_.push_back(
          {Level::kFine, "database", "not there yet: the first run makes it", ""});
    if (!store.ok()) return findings_.push_back(fault_of("database", store.error()));
    findings_.push_back({Level::kFine, "database", flags_.database, ""});
  }

  void look_at_cluster() {
    const auto looked = [&]() -> Result<void> {
      const kubernetes::Access access = TRY(kubernetes_access(flags_.kubeconfig, flags_.context));
      const std::string name_space =
          flags_.name_space.empty() ? access.name_space : flags_.name_space;
      const auto calls = TRY(experiment::ClusterCalls::make(access, {}));
      if (flags_.clean) TRY(clean(*calls, name_space));
      cluster_ = TRY(experiment::look_at_cluster(*calls, access.server(), name_space));
      if (!plan_) return {};
      if (const auto needs = experiment::check_needs(*plan_, *calls); !needs.ok())
        findings_.push_back(fault_of("file", needs.error()));
      return {};
    }();
    if (!looked.ok()) return findings_.push_back(fault_of("cluster", looked.error()));
    add(experiment::findings_of(*cluster_));
  }

  Result<void> clean(experiment::ClusterCalls& calls, const std::string& name_space) {
    const experiment::Outside outside{TRY(experiment_etcd_options(flags_.etcd)), bus_.get()};
    for (const std::string& line :
         TRY(experiment::clean_leftovers(calls, name_space, telemetry::hostname(), outside, true)))
      findings_.push_back({Level::kFine, "clean", line, ""});
    return {};
  }

  const DoctorFlags& flags_;
  std::optional<plan::Plan> plan_;
  std::unique_ptr<bus::Bus> bus_;
  std::optional<experiment::BusFacts> bus_facts_;
  std::optional<experiment::ClusterFacts> cluster_;
  std::vector<Finding> findings_;
};

}  // namespace

int doctor(const Arguments& arguments) {
  DoctorFlags flags;
  flags.database = default_database();
  CLI::App app(
      "Look whether a laboratory has what a run needs: bus, workers, etcd, database, and the\n"
      "cluster with its rights, labels, gateways, telemetry and what killed runs have left.\n"
      "Each fault comes with its mend; the exit code is 92 where there is one.\n\n"
      "examples:\n"
      "  galileo doctor --bus redis://127.0.0.1:6379 --kubeconfig ~/.kube/config\n"
      "  galileo doctor experiment.yaml --bus redis://127.0.0.1:6379\n"
      "  galileo doctor --clean\n",
      "galileo doctor");
  app.add_option("FILE", flags.file, "an experiment file, whose needs are looked at too");
  app.add_option("--bus", flags.bus, "the bus [galileo_redis_host and its like]");
  app.add_option("--kubeconfig", flags.kubeconfig, "which cluster [as kubectl finds it]");
  app.add_option("--context", flags.context, "of the kubeconfig [its current one]");
  app.add_option("-n,--namespace", flags.name_space, "where pods are made [the context's]");
  app.add_option("--db", flags.database, "the database, as of run")->capture_default_str();
  add_etcd_options(app, flags.etcd);
  app.add_flag("--clean", flags.clean,
               "remove what killed runs have left, and what is kept of those that failed, first");
  app.add_flag("--json", flags.json, "as JSON");
  if (const auto over = parse_options(app, arguments)) return *over;
  Doctor all(flags);
  all.look();
  return all.print();
}

}  // namespace galileo::commands
