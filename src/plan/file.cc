#include "plan/file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "analysis/summary.h"
#include "base/file.h"
#include "base/output.h"
#include "base/text.h"
#include "plan/fields.h"
#include "plan/file_applications.h"
#include "plan/file_clients.h"
#include "plan/file_events.h"
#include "plan/file_kubernetes.h"
#include "plan/file_limits.h"
#include "plan/file_manifests.h"
#include "plan/file_metadata.h"
#include "plan/file_overrides.h"
#include "plan/file_services.h"
#include "plan/file_tracing.h"
#include "plan/plan.h"
#include "plan/profile.h"
#include "plan/successes.h"
#include "plan/threshold_abort.h"
#include "plan/threshold_check.h"

// The document goes through these hands: yaml.cc makes a tree of it, file_overrides.cc puts --set
// and the environment's variables in, and then each part is read from the tree, with every problem
// added to one list.

namespace galileo::plan {
namespace {

constexpr std::size_t kFileMax = std::size_t{1} << 20;
constexpr std::uint64_t kSeedMax = 9'000'000'000'000'000'000;

class Reader {
 public:
  Reader(Problems& problems, const FileOptions& options, const Fields& file)
      : problems_(problems), options_(options), file_(file) {}

  Plan read() {
    Plan plan;
    plan.name = file_.required("name");
    const auto user = options_.environment ? options_.environment("USER") : std::nullopt;
    plan.creator = file_.text("creator").value_or(user.value_or(""));
    if (const auto seed = file_.count("seed", 0, kSeedMax)) {
      plan.seed = *seed;
      plan.seed_given = true;
    }
    plan.bus = file_.text("bus").value_or("");
    plan.applications = read_applications(file_);
    read_kubernetes(plan);
    read_services(plan);
    plan.traceparent = read_traceparent(file_);
    read_phases(plan);
    plan.otlp = read_otlp(file_, plan.traceparent, options_);
    plan.warmup = file_.duration("warmup").value_or(Duration{0});
    const wire::YamlNode* const limits = file_.find("limits");
    if (limits) plan.limits = read_limits(problems_, *limits);
    take_common_successes(plan);
    // The hops of a request are told by its answer's headers.
    if (plan.cluster && (!limits || !limits->find("keep_headers"))) plan.limits.keep_headers = true;
    plan.telemetry = read_telemetry(file_, plan.applications);
    if (options_.on_fleet || !plan.bus.empty())
      check_for_fleet();
    else if (!plan.telemetry.nodes.empty())
      problems_.add(file_.find("telemetry")->find("nodes")->place,
                    "telemetry.nodes are the daemons of a bus, and none is named",
                    "leave it out, or name the bus: bus: redis://..., or --bus");
    plan.metadata = read_metadata(file_);
    read_all_events(plan);
    const wire::YamlNode* const cluster = file_.find("kubernetes");
    if (plan.cluster && (!cluster || !cluster->find("on_pod_failure")))
      plan.cluster->on_pod_failure = usual_on_pod_failure(plan);
    read_thresholds(plan);
    return plan;
  }

 private:
  static bool has_pods_of(const Plan& plan) {
    return std::any_of(plan.applications.begin(), plan.applications.end(),
                       [](const Application& application) { return application.pods.has_value(); });
  }

  void read_kubernetes(Plan& plan) {
    const bool has_pods = has_pods_of(plan);
    if (!has_pods && !file_.has("kubernetes")) return;
    const std::size_t before = problems_.count();
    plan.cluster = read_cluster(file_, options_);
    if (problems_.count() != before) return;
    if (has_pods) return check_given_pods(file_, plan);
    if (!plan.cluster->manifests.empty()) return;
    plan.cluster.reset();
    problems_.add(file_.place("kubernetes"), "no application of the file is on Kubernetes",
                  "give one of them a kubernetes: {image: ...}");
  }

  void read_services(Plan& plan) {
    const wire::YamlNode* services = file_.find("services");
    if (services && services->kind != wire::YamlNode::Kind::kMap)
      return file_.wrong_type(*services, "services", "a map of names to services");
    if (!services && (has_pods_of(plan) || file_.misspelt("services"))) return;
    if (!services || services->keys.empty())
      return problems_.add(file_.place("services"), "the file has no service",
                           "add services: {name: {hosts: {\"127.0.0.1:8080\": 1}}}");
    for (std::size_t i = 0; i < services->keys.size(); ++i) {
      const auto& [name, place] = services->keys[i];
      plan.services.push_back(read_service(problems_, name, place, services->items[i]));
    }
  }

  // The clients of the file are one phase.
  void read_phases(Plan& plan) {
    if (file_.has("clients") && file_.has("phases"))
      problems_.add(file_.place("phases"), "the file can't have clients and phases",
                    "put the clients into the phases");
    const std::size_t before = problems_.count();
    if (file_.has("clients")) {
      plan.phases.emplace_back();
      plan.phases.back().clients = read_clients(file_, plan, options_);
    }
    std::vector<std::string> names;
    file_.each("phases", [&](const wire::YamlNode& node, const std::string& where) {
      const Fields fields(problems_, node, where, MapKind::phase);
      plan.phases.push_back(read_phase(fields, plan));
      check_phase_name(fields, plan.phases.back().name, names);
    });
    check_ends(plan);
    std::size_t clients = 0;
    for (const Phase& phase : plan.phases) clients += phase.clients.size();
    if (clients == 0 && problems_.count() == before && !file_.misspelt("clients") &&
        !file_.misspelt("phases"))
      problems_.add(file_.place(file_.has("phases") ? "phases" : "clients"),
                    "the file has no clients",
                    "add clients: [{service: ..., rate: 100, duration: 10s}]");
  }

  // After the rest: their conditions name parts of it.
  void read_all_events(Plan& plan) {
    if (!problems_.empty()) return;
    if (!file_.has("phases")) return read_events(file_, plan, plan.phases.front());
    if (file_.has("events"))
      problems_.add(file_.place("events"), "the file can't have events and phases",
                    "put the events into the phases");
    std::size_t index = 0;
    file_.each("phases", [&](const wire::YamlNode& node, const std::string& where) {
      read_events(Fields(problems_, node, where, MapKind::phase), plan, plan.phases[index++]);
    });
    check_ends(plan);
  }

  Phase read_phase(const Fields& fields, Plan& plan) {
    Phase phase;
    phase.name = fields.required_name("name");
    phase.duration = fields.positive_duration("duration");
    phase.clients = read_clients(fields, plan, options_);
    if (!fields.has("clients")) fields.missing("clients");
    return phase;
  }

  void check_phase_name(const Fields& phase, const std::string& name,
                        std::vector<std::string>& names) {
    if (name == analysis::Summary::kWarmup)
      problems_.add(phase.place("name"), "a phase can't be called warmup",
                    "that is the name of what warmup leaves out");
    if (!name.empty() && std::find(names.begin(), names.end(), name) != names.end())
      problems_.add(phase.place("name"), fmt::format("two phases are called '{}'", name));
    names.push_back(name);
  }

  // The next phase begins when all clients of one are done: each of them must be some time.
  void check_ends(const Plan& plan) {
    if (!problems_.empty()) return;
    for (std::size_t i = 0; i + 1 < plan.phases.size(); ++i) {
      if (!ends(plan.phases[i]))
        problems_.add(file_.find("phases")->items[i].place,
                      fmt::format("the phase '{}' never ends, so '{}' never begins",
                                  plan.phases[i].name, plan.phases[i + 1].name),
                      "give it a duration, or its clients requests or a duration");
    }
  }

  // What of the file no worker can be told: it would be another run than on one machine.
  void check_for_fleet() {
    const auto refuse = [&](const std::string& what, const wire::YamlNode* node,
                            std::string_view hint) {
      if (node) problems_.add(node->place, what + " is each worker's own on a fleet", hint);
    };
    const auto refuse_limit = [&](const char* key, std::string_view hint) {
      const wire::YamlNode* const limits = file_.find("limits");
      refuse(fmt::format("limits.{}", key), limits ? limits->find(key) : nullptr, hint);
    };
    refuse_limit("threads", "leave it out, and start the workers with --threads");
    refuse_limit("connections", "leave it out, and start the workers with --connections");
    refuse_limit("address_family", "leave it out, and start the workers with --ipv4 or --ipv6");
    const wire::YamlNode* const services = file_.find("services");
    if (!services || services->kind != wire::YamlNode::Kind::kMap) return;
    for (std::size_t i = 0; i < services->keys.size(); ++i) {
      const wire::YamlNode* const balancer = services->items[i].find("balancer");
      if (balancer && balancer->scalar != load::ServiceSpec{}.balancer)
        refuse(fmt::format("services.{}.balancer", services->keys[i].text), balancer,
               "leave it out: workers choose hosts by weighted round robin");
    }
  }

  void read_thresholds(Plan& plan) {
    const bool is_sound = problems_.empty();
    file_.each("thresholds", [&](const wire::YamlNode& node, const std::string& where) {
      if (node.kind != wire::YamlNode::Kind::kScalar && node.kind != wire::YamlNode::Kind::kMap)
        return problems_.add(node.place, fmt::format("{} must be a text or a map, not {}", where,
                                                     wire::kind_text(node)));
      const std::size_t before = problems_.count();
      const PlannedThreshold planned = read_threshold(node, where);
      if (problems_.count() != before) return;
      // Where the rest of the file is wrong, its names say little.
      const auto checked = [&]() -> Result<void> {
        const analysis::Threshold threshold = TRY(analysis::parse_threshold(planned.expression));
        if (!is_sound) return {};
        TRY(check_threshold(threshold, plan));
        return check_abort(threshold, planned, plan);
      }();
      if (!checked.ok()) problems_.add(node.place, where, checked.error());
      plan.thresholds.push_back(planned);
    });
  }

  // A text, or a map with what else is to become of it.
  PlannedThreshold read_threshold(const wire::YamlNode& node, const std::string& where) {
    if (node.kind == wire::YamlNode::Kind::kScalar) return {node.scalar};
    const Fields fields(problems_, node, where, MapKind::aborting);
    PlannedThreshold planned{fields.required("expression")};
    planned.abort = fields.boolean("abort").value_or(false);
    planned.lasting = fields.positive_duration("for");
    return planned;
  }

  Problems& problems_;
  const FileOptions& options_;
  const Fields& file_;
};

// As `kubectl apply -f` takes them: a folder's own, not those of folders in it.
Result<std::vector<std::string>> manifest_files(const std::filesystem::path& folder,
                                                const std::string& name) {
  const std::filesystem::path path = folder / name;
  std::error_code error;
  if (name == "-" || !std::filesystem::is_directory(path, error))
    return std::vector<std::string>{name};
  std::vector<std::string> files;
  auto at = std::filesystem::directory_iterator(path, error);
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    const std::filesystem::path file = at->path().filename();
    const std::string ending = file.extension().string();
    const bool is_manifest = ending == ".yaml" || ending == ".yml" || ending == ".json";
    if (is_manifest && !file.string().starts_with('.'))
      files.push_back((std::filesystem::path(name) / file).string());
  }
  if (error) return system_error("can't read the folder of manifests", name, error.value());
  std::sort(files.begin(), files.end());
  if (!files.empty()) return files;
  return Error{ErrorCode::kNotFound,
               "the folder holds no manifest",
               name,
               "no file's name ends in .yaml, .yml or .json",
               {}};
}

}  // namespace

Result<Plan> parse_plan(std::string_view text, const std::string& path,
                        const FileOptions& options) {
  std::vector<std::string> settings;
  for (const std::string& setting : options.set) settings.push_back(setting_name(setting));
  Problems problems(path, settings);
  auto root = wire::parse_yaml(text);
  if (!root) {
    const wire::YamlFault& fault = root.error();
    problems.add(fault.place, fault.why, fault.hint);
    return problems.to_error();
  }
  if (root->kind == wire::YamlNode::Kind::kNull) {
    problems.add({}, "the file is empty", "examples/hello/experiment.yaml is one to begin with");
    return problems.to_error();
  }
  for (std::size_t i = 0; i < options.set.size(); ++i)
    apply_setting(problems, *root, options.set[i], static_cast<int>(i));
  expand_environment(problems, *root, options.environment);
  const Fields file(problems, *root, "", MapKind::file);
  if (root->kind != wire::YamlNode::Kind::kMap) return problems.to_error();
  Plan plan = Reader(problems, options, file).read();
  if (!problems.empty()) return problems.to_error();
  plan.source_path = path;
  plan.source_text = text;
  return plan;
}

Result<Plan> read_plan(const wire::YamlNode& document, const std::vector<std::string>& flags,
                       const FileOptions& options) {
  Problems problems("", flags);
  const Fields file(problems, document, "", MapKind::file);
  Plan plan = Reader(problems, options, file).read();
  if (!problems.empty()) return problems.to_error();
  return plan;
}

Result<FileOptions::Found> find_file_in(const std::string& folder, const std::string& path) {
  FileOptions::Found found;
  found.path = (std::filesystem::path(folder) / path).string();
  bool enough = false;
  const auto read = read_in_pieces(found.path, [&](std::string_view piece) -> Result<void> {
    found.beginning += piece.substr(0, kBeginning - found.beginning.size());
    enough = found.beginning.size() == kBeginning;
    if (!enough) return {};
    return Error{ErrorCode::kInterrupted, "no more is wanted", {}, {}, {}};
  });
  if (!read.ok() && !enough) return read.error();
  return found;
}

FileOptions with_files_of(const std::string& folder, const FileOptions& options) {
  FileOptions with_files = options;
  with_files.files_of = [folder](const std::string& name) { return manifest_files(folder, name); };
  with_files.find_file = [folder](const std::string& name) { return find_file_in(folder, name); };
  with_files.path_of = [folder](const std::string& name) {
    return (std::filesystem::path(folder) / name).string();
  };
  with_files.read_file = [folder](const std::string& name) {
    return read_input(name == "-" ? name : (std::filesystem::path(folder) / name).string(),
                      kProfileFileMax);
  };
  return with_files;
}

Result<Plan> load_plan(const std::string& path, const FileOptions& options) {
  auto text = read_input(path, kFileMax);
  if (!text.ok()) {
    Error error = text.error();
    error.what = "can't read the experiment file";
    error.code = ErrorCode::kUsage;
    if (error.hint.empty()) error.hint = "examples/hello/experiment.yaml is one to begin with";
    return error;
  }
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return parse_plan(*text, path == "-" ? "stdin" : path, with_files_of(folder, options));
}

}  // namespace galileo::plan
