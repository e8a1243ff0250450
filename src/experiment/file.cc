#include "experiment/file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "experiment/fields.h"
#include "experiment/file_clients.h"
#include "experiment/thresholds.h"
#include "net/address.h"
#include "route/policy.h"
#include "route/router.h"
#include "telemetry/instrument.h"

// The document goes through these hands: yaml.cc makes a tree of it, expand() puts environment
// variables in, apply_set() what --set says, and then each part is read from the tree with every
// problem added to one list.

namespace galileo::experiment {
namespace {

constexpr std::size_t kFileMax = std::size_t{1} << 20;
constexpr std::size_t kProfileFileMax = std::size_t{512} << 20;

// ${NAME}, ${NAME:-default} and $$ in every scalar.
class Expander {
 public:
  Expander(Problems& problems, const FileOptions& options)
      : problems_(problems), options_(options) {}

  void expand(YamlNode& node) {
    if (node.kind == YamlNode::Kind::kScalar) node.scalar = expanded(node);
    for (YamlNode& item : node.list) expand(item);
    for (auto& [key, value] : node.map) expand(value);
  }

 private:
  std::string expanded(const YamlNode& node) {
    const std::string& text = node.scalar;
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '$' || i + 1 >= text.size() || (text[i + 1] != '{' && text[i + 1] != '$')) {
        out += text[i];
      } else if (text[i + 1] == '$') {
        out += '$';
        ++i;
      } else {
        const std::size_t end = text.find('}', i);
        if (end == std::string::npos) {
          problems_.add(node, "'${' has no '}'", "write ${NAME}, or $$ for a dollar");
          return text;
        }
        out += variable(node, text.substr(i + 2, end - i - 2));
        i = end;
      }
    }
    return out;
  }

  std::string variable(const YamlNode& node, const std::string& inside) {
    const std::size_t colon = inside.find(":-");
    const std::string name = inside.substr(0, colon);
    const auto value = options_.environment ? options_.environment(name) : std::nullopt;
    if (value && !(value->empty() && colon != std::string::npos)) return *value;
    if (colon != std::string::npos) return inside.substr(colon + 2);
    problems_.add(node, fmt::format("the environment variable {} isn't set", name),
                  fmt::format("set it, or give a default: ${{{}:-value}}", name));
    return {};
  }

  Problems& problems_;
  const FileOptions& options_;
};

// The steps of a path: "clients[0].requests" is clients, 0, requests.
std::vector<std::string> path_steps(std::string_view path) {
  std::vector<std::string> steps(1);
  for (const char c : path) {
    if (c == '.' || c == '[')
      steps.emplace_back();
    else if (c != ']')
      steps.back() += c;
  }
  return steps;
}

YamlNode* step_into(YamlNode& node, const std::string& step) {
  if (node.kind == YamlNode::Kind::kList) {
    const auto index = parse_integer(step);
    if (!index || *index < 0 || *index >= static_cast<std::int64_t>(node.list.size()))
      return nullptr;
    return &node.list[static_cast<std::size_t>(*index)];
  }
  if (node.kind == YamlNode::Kind::kScalar || step.empty()) return nullptr;
  node.kind = YamlNode::Kind::kMap;
  if (YamlNode* found = node.find(step)) return found;
  node.key_places.emplace_back(0, 0);
  node.map.emplace_back(step, YamlNode{});
  return &node.map.back().second;
}

void apply_set(Problems& problems, YamlNode& root, const std::string& setting) {
  const std::size_t equals = setting.find('=');
  const std::string path = setting.substr(0, equals);
  const auto value = equals == std::string::npos ? Result<YamlNode>(YamlNode{})
                                                 : parse_yaml(setting.substr(equals + 1));
  if (equals == std::string::npos || path.empty() || !value.ok()) {
    problems.add(0, 0, fmt::format("--set '{}' isn't of the form key=value", setting),
                 "write for example --set clients[0].requests=100");
    return;
  }
  YamlNode* node = &root;
  for (const std::string& step : path_steps(path)) {
    node = step_into(*node, step);
    if (!node) {
      problems.add(0, 0, fmt::format("--set {}: there is no '{}' to go into", path, step));
      return;
    }
  }
  const auto [line, column] = std::pair(node->line, node->column);
  *node = *value;
  node->line = line;
  node->column = column;
}

// Words as a shell splits them: blanks, quotes, backslashes; nothing is expanded.
std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool open = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (open) words.push_back(std::exchange(word, {}));
      open = false;
      continue;
    }
    open = true;
    if (c == '\\' && quote != '\'' && i + 1 < text.size())
      word += text[++i];
    else if (quote != 0 && c == quote)
      quote = 0;
    else if (quote == 0 && (c == '"' || c == '\''))
      quote = c;
    else
      word += c;
  }
  if (open) words.push_back(word);
  return words;
}

class Reader {
 public:
  Reader(Problems& problems, const FileOptions& options) : problems_(problems), options_(options) {}

  void read(const YamlNode& root, Plan& plan) {
    const Fields fields(problems_, root, "",
                        {"name", "creator", "seed", "applications", "services", "clients", "phases",
                         "warmup", "limits", "telemetry", "thresholds"});
    plan.name = fields.required("name");
    const auto user = options_.environment ? options_.environment("USER") : std::nullopt;
    plan.creator = fields.text("creator").value_or(user.value_or(""));
    if (const auto seed = fields.count("seed")) {
      plan.seed = *seed;
      plan.seed_given = true;
    }
    each(fields, "applications", [&](const YamlNode& node, const std::string& where) {
      plan.applications.push_back(read_application(node, where));
    });
    read_services(fields, plan);
    read_phases(fields, plan);
    plan.warmup = fields.duration("warmup").value_or(Duration{0});
    if (const YamlNode* limits = fields.find("limits")) plan.limits = read_limits(*limits);
    read_telemetry(fields, plan);
    read_thresholds(fields, plan);
    check_names(root, plan);
  }

 private:
  template <class F>
  void each(const Fields& fields, const char* key, F&& f) {
    const YamlNode* list = fields.find(key);
    if (!list) return;
    if (list->kind != YamlNode::Kind::kList) return fields.wrong_type(*list, key, "a list");
    for (std::size_t i = 0; i < list->list.size(); ++i)
      f(list->list[i], fmt::format("{}[{}]", fields.where(key), i));
  }

  Application read_application(const YamlNode& node, const std::string& where) {
    const Fields fields(
        problems_, node, where,
        {"name", "command", "environment", "directory", "ready", "ready_timeout", "stop_timeout"});
    Application application;
    application.name = fields.required("name");
    if (application.name.find('/') != std::string::npos)
      problems_.add(node, fields.where("name") + " can't hold a '/'");
    const YamlNode* command = fields.find("command");
    if (command && command->kind == YamlNode::Kind::kScalar)
      application.command = split_words(command->scalar);
    else
      application.command = fields.words("command").value_or(std::vector<std::string>());
    if (application.command.empty())
      problems_.add(command ? *command : node, fields.where("command") + " is missing",
                    "give the program and its arguments as a list");
    if (const YamlNode* environment = fields.find("environment")) {
      for (const auto& [key, value] : environment->map)
        application.environment.emplace_back(key, value.scalar);
      if (environment->kind != YamlNode::Kind::kMap)
        fields.wrong_type(*environment, "environment", "a map");
    }
    application.directory = fields.text("directory").value_or("");
    application.ready = fields.text("ready").value_or("");
    const bool is_url = application.ready.find("://") != std::string::npos;
    if (!application.ready.empty() && !is_url) check_host(*fields.find("ready"), application.ready);
    application.ready_timeout =
        fields.duration("ready_timeout").value_or(application.ready_timeout);
    application.stop_timeout = fields.duration("stop_timeout").value_or(application.stop_timeout);
    return application;
  }

  void check_host(const YamlNode& node, const std::string& host) {
    const auto parsed = net::parse_host_port(host, 80);
    if (!parsed.ok()) problems_.add(node, parsed.error().what, parsed.error().hint);
  }

  void read_services(const Fields& fields, Plan& plan) {
    const YamlNode* services = fields.find("services");
    if (!services || (services->kind == YamlNode::Kind::kMap && services->map.empty())) {
      problems_.add(services ? *services : fields.node(), "the file has no service",
                    "add services: {name: {hosts: {\"127.0.0.1:8080\": 1}}}");
      return;
    }
    if (services->kind != YamlNode::Kind::kMap)
      return fields.wrong_type(*services, "services", "a map of names to services");
    for (const auto& [name, node] : services->map) {
      plan.services.push_back(read_service(name, node));
    }
  }

  load::ServiceSpec read_service(const std::string& name, const YamlNode& node) {
    const Fields fields(problems_, node, "services." + name,
                        {"hosts", "router", "balancer", "static_host"});
    load::ServiceSpec service;
    service.name = name;
    service.router = fields.text("router").value_or(service.router);
    service.balancer = fields.text("balancer").value_or(service.balancer);
    service.static_host = fields.text("static_host").value_or("");
    read_hosts(fields, service);
    const auto router = route::router_named(service.router);
    if (!router.ok())
      problems_.add(*fields.find("router"), fields.where("router"), router.error());
    else if (*router == route::Router::StaticRouter) {
      const auto parsed = route::parse_static_host(service.static_host);
      if (!parsed.ok()) problems_.add(node, fields.where("static_host"), parsed.error());
    }
    const auto names = route::policy_names();
    if (std::find(names.begin(), names.end(), service.balancer) == names.end())
      problems_.add(*fields.find("balancer"),
                    fmt::format("unknown balancer '{}'", service.balancer),
                    hint_for_unknown(service.balancer, names));
    return service;
  }

  void read_hosts(const Fields& fields, load::ServiceSpec& service) {
    const YamlNode* hosts = fields.find("hosts");
    const bool needs_hosts = service.router != "StaticRouter" && service.router != "DebugRouter";
    if (!hosts) {
      if (needs_hosts) problems_.add(fields.node(), fields.where("hosts") + " is missing");
      return;
    }
    if (hosts->kind == YamlNode::Kind::kMap) {
      for (const auto& [host, weight] : hosts->map) {
        const auto number = parse_number(weight.scalar);
        if (!number || *number < 0)
          problems_.add(weight, fmt::format("the weight of {} must be a number from 0 up, not {}",
                                            host, kind_text(weight)));
        check_host(weight, host);
        service.hosts.emplace_back(host, number.value_or(1));
      }
    } else {
      for (const std::string& host : fields.words("hosts").value_or(std::vector<std::string>())) {
        check_host(*hosts, host);
        service.hosts.emplace_back(host, 1);
      }
    }
    double sum = 0;
    for (const auto& [host, weight] : service.hosts) sum += weight;
    if (needs_hosts && sum <= 0)
      problems_.add(*hosts, fields.where("hosts") + " has no host with a weight above 0");
  }

  void read_phases(const Fields& fields, Plan& plan) {
    if (fields.has("clients") && fields.has("phases"))
      problems_.add(*fields.find("phases"), "the file can't have clients and phases",
                    "put the clients into the phases");
    if (fields.has("clients")) plan.phases.push_back(read_phase(fields, "main"));
    each(fields, "phases", [&](const YamlNode& node, const std::string& where) {
      const Fields phase(problems_, node, where, {"name", "duration", "clients"});
      plan.phases.push_back(read_phase(phase, phase.required("name")));
    });
    std::size_t clients = 0;
    for (const Phase& phase : plan.phases) clients += phase.clients.size();
    if (clients == 0)
      problems_.add(fields.node(), "the file has no clients",
                    "add clients: [{service: ..., rate: 100, duration: 10s}]");
  }

  Phase read_phase(const Fields& fields, std::string name) {
    Phase phase;
    phase.name = std::move(name);
    if (phase.name == Summary::kWarmup)
      problems_.add(fields.node(), "a phase can't be called warmup",
                    "that is the name of what warmup leaves out");
    if (phase.name != "main" || fields.has("name")) phase.duration = fields.duration("duration");
    each(fields, "clients", [&](const YamlNode& node, const std::string& where) {
      phase.clients.push_back(read_client(problems_, node, where, options_));
    });
    return phase;
  }

  load::Limits read_limits(const YamlNode& node) {
    const Fields fields(
        problems_, node, "limits",
        {"threads", "connections", "connect_timeout", "request_timeout", "grace", "body_max",
         "head_max", "address_family", "redirects", "keep_headers", "keep_response"});
    load::Limits limits;
    const auto count = [&](const char* key, std::uint32_t value, std::uint64_t most) {
      const std::uint64_t given = fields.count(key).value_or(value);
      if (given > most)
        problems_.add(*fields.find(key),
                      fmt::format("{} is more than {}", fields.where(key), most));
      return static_cast<std::uint32_t>(std::min(given, most));
    };
    limits.threads = count("threads", limits.threads, 1024);
    limits.connections_max = std::max(1u, count("connections", limits.connections_max, 1'000'000));
    limits.connect_timeout = fields.duration("connect_timeout").value_or(limits.connect_timeout);
    limits.request_timeout = fields.duration("request_timeout").value_or(limits.request_timeout);
    limits.grace = fields.duration("grace").value_or(limits.grace);
    limits.body_max = fields.count("body_max").value_or(limits.body_max);
    limits.head_max = count("head_max", limits.head_max, 1u << 24);
    limits.redirects_max = count("redirects", limits.redirects_max, 100);
    limits.keep_headers = fields.boolean("keep_headers").value_or(false);
    limits.keep_response = count("keep_response", 0, 1u << 20);
    const std::string family = fields.text("address_family").value_or("any");
    limits.address_family = family == "ipv4" ? 4 : family == "ipv6" ? 6 : 0;
    if (family != "any" && limits.address_family == 0)
      problems_.add(*fields.find("address_family"),
                    fmt::format("unknown address family '{}'", family), "use any, ipv4 or ipv6");
    return limits;
  }

  void read_telemetry(const Fields& top, Plan& plan) {
    const YamlNode* node = top.find("telemetry");
    if (!node) return;
    if (node->kind == YamlNode::Kind::kScalar) {
      plan.telemetry.enabled = top.boolean("telemetry").value_or(true);
      return;
    }
    const Fields fields(problems_, *node, "telemetry", {"period", "instruments", "processes"});
    Telemetry& telemetry = plan.telemetry;
    telemetry.period = fields.duration("period").value_or(telemetry.period);
    if (telemetry.period < std::chrono::milliseconds{10})
      problems_.add(*fields.find("period"), "telemetry.period is below 10ms",
                    "give a period from 10ms up");
    if (const auto names = fields.words("instruments")) telemetry.instruments = *names;
    const std::vector<std::string> known = telemetry::instrument_names();
    for (const std::string& name : telemetry.instruments) {
      if (std::find(known.begin(), known.end(), name) == known.end())
        problems_.add(*fields.find("instruments"), fmt::format("unknown instrument '{}'", name),
                      hint_for_unknown(name, known));
    }
    each(fields, "processes", [&](const YamlNode& item, const std::string& where) {
      if (item.kind == YamlNode::Kind::kScalar) {
        telemetry.applications.push_back(item.scalar);
        check_application(item, plan);
        return;
      }
      const Fields process(problems_, item, where, {"name", "pid", "pid_file"});
      telemetry.processes.push_back({process.required("name"),
                                     static_cast<std::int64_t>(process.count("pid").value_or(0)),
                                     process.text("pid_file").value_or("")});
      if (process.has("pid") == process.has("pid_file"))
        problems_.add(item, where + " needs pid or pid_file");
    });
  }

  void check_application(const YamlNode& node, const Plan& plan) {
    std::vector<std::string> names;
    for (const Application& application : plan.applications) {
      if (application.name == node.scalar) return;
      names.push_back(application.name);
    }
    problems_.add(node, fmt::format("no application is called '{}'", node.scalar),
                  names.empty() ? "name a running process as {name: ..., pid: ...}"
                                : hint_for_unknown(node.scalar, names));
  }

  void read_thresholds(const Fields& fields, Plan& plan) {
    each(fields, "thresholds", [&](const YamlNode& node, const std::string& where) {
      if (node.kind != YamlNode::Kind::kScalar) {
        problems_.add(node, fmt::format("{} must be a text, not {}", where, kind_text(node)));
        return;
      }
      const auto threshold = parse_threshold(node.scalar);
      if (!threshold.ok()) problems_.add(node, where, threshold.error());
      plan.thresholds.push_back(node.scalar);
    });
  }

  // What refers to what, and names that must be there once.
  void check_names(const YamlNode& root, Plan& plan) {
    std::vector<std::string> services;
    for (const load::ServiceSpec& service : plan.services) services.push_back(service.name);
    std::set<std::string> applications;
    for (const Application& application : plan.applications) {
      if (!application.name.empty() && !applications.insert(application.name).second)
        problems_.add(root, fmt::format("two applications are called '{}'", application.name));
    }
    std::set<std::string> phases;
    for (Phase& phase : plan.phases) {
      if (!phases.insert(phase.name).second)
        problems_.add(root, fmt::format("two phases are called '{}'", phase.name));
      std::set<std::string> clients;
      for (load::ClientSpec& client : phase.clients) {
        if (!services.empty() && !client.service.empty() &&
            std::find(services.begin(), services.end(), client.service) == services.end())
          problems_.add(root, fmt::format("no service is called '{}'", client.service),
                        hint_for_unknown(client.service, services));
        // Two groups of one service are told apart by number, so that client ids are unique.
        std::string name = client.name;
        for (int n = 2; !clients.insert(name).second; ++n)
          name = fmt::format("{}-{}", client.name, n);
        client.name = "local:" + name;
      }
    }
  }

  Problems& problems_;
  const FileOptions& options_;
};

}  // namespace

Result<Plan> parse_plan(std::string_view text, const std::string& path,
                        const FileOptions& options) {
  Problems problems(path);
  auto root = parse_yaml(text);
  if (!root.ok()) {
    const Error& error = root.error();
    problems.add(0, 0, (error.where.empty() ? "" : error.where + ": ") + error.why);
    return problems.to_error();
  }
  Expander(problems, options).expand(*root);
  for (const std::string& setting : options.set) apply_set(problems, *root, setting);
  Plan plan;
  if (root->kind == YamlNode::Kind::kNull) {
    problems.add(0, 0, "the file is empty", "examples/hello/experiment.yaml is one to begin with");
    return problems.to_error();
  }
  Reader(problems, options).read(*root, plan);
  if (!problems.empty()) return problems.to_error();
  plan.source_path = path;
  plan.source_text = text;
  return plan;
}

Result<Plan> load_plan(const std::string& path, const FileOptions& options) {
  auto text = read_whole_file(path, kFileMax);
  if (!text.ok()) {
    Error error = text.error();
    error.what = "can't read the experiment file";
    error.code = ErrorCode::kUsage;
    return error;
  }
  FileOptions with_files = options;
  with_files.read_file = [folder =
                              std::filesystem::path(path).parent_path()](const std::string& name) {
    return read_whole_file((folder / name).string(), kProfileFileMax);
  };
  return parse_plan(*text, path, with_files);
}

}  // namespace galileo::experiment
