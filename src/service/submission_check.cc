#include "service/submission_check.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"
#include "net/address.h"
#include "net/resolver.h"
#include "plan/file.h"
#include "service/problem_json.h"
#include "wire/http1.h"
#include "wire/uri.h"

namespace galileo::service {
namespace {

using Bytes = std::array<unsigned char, 16>;

constexpr std::size_t kTargetsMax = 1000;

// An address in IPv6's form.
std::optional<Bytes> bytes_of(const net::Address& address) {
  Bytes bytes{};
  if (address.family() == AF_INET6) {
    std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6*>(address.raw())->sin6_addr, 16);
    return bytes;
  }
  if (address.family() != AF_INET) return std::nullopt;
  bytes[10] = bytes[11] = 0xff;
  std::memcpy(bytes.data() + 12, &reinterpret_cast<const sockaddr_in*>(address.raw())->sin_addr, 4);
  return bytes;
}

// What an address of --allow-target covers: "10.0.0.0/8", "::1", "10.0.0.7".
struct Net {
  Bytes bytes{};
  unsigned bits = 128;

  bool covers(const Bytes& other) const {
    for (unsigned i = 0; i < bits; ++i) {
      const unsigned mask = 0x80U >> (i % 8);
      if ((bytes[i / 8] & mask) != (other[i / 8] & mask)) return false;
    }
    return true;
  }
};

// Nothing: it is a name.
std::optional<Net> net_of(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = net::literal_address(std::string(text.substr(0, slash)), 80);
  if (!address.ok()) return std::nullopt;
  const auto bytes = bytes_of(*address);
  if (!bytes) return std::nullopt;
  Net net{*bytes, 128};
  if (slash == std::string_view::npos) return net;
  const auto bits = parse_number(text.substr(slash + 1));
  const unsigned most = address->family() == AF_INET ? 32 : 128;
  if (!bits || !(*bits >= 0 && *bits <= most)) return std::nullopt;
  net.bits = static_cast<unsigned>(*bits) + (128 - most);
  return net;
}

// "*.example.com" and the like: `*` is any text without a dot's meaning.
bool matches_name(std::string_view pattern, std::string_view name) {
  if (pattern == "*") return true;
  if (pattern.starts_with("*."))
    return name.size() >= pattern.size() &&
           wire::http1::equals_ignoring_case(name.substr(name.size() - pattern.size() + 1),
                                             pattern.substr(1));
  return wire::http1::equals_ignoring_case(pattern, name);
}

// One of --allow-target: a host, and the port where it names one.
struct AllowedTarget {
  std::string host;
  std::uint16_t port = 0;  // 0: any
  std::optional<Net> net;
};

AllowedTarget allowed_target(const std::string& text) {
  if (const auto net = net_of(text)) return {text, 0, net};
  const auto parsed = net::parse_host_port(text, 1);
  const std::string host = parsed.ok() ? parsed->host : text;
  const bool has_port = parsed.ok() && net::parse_host_port(text, 0).ok();
  return {host, has_port ? parsed->port : std::uint16_t{0}, net_of(host)};
}

std::vector<AllowedTarget> allowed_targets(const AllowedFiles& allowed) {
  std::vector<AllowedTarget> targets;
  for (const std::string& text : allowed.targets) targets.push_back(allowed_target(text));
  if (targets.empty()) {
    for (const char* here : {"127.0.0.0/8", "::1"}) targets.push_back(allowed_target(here));
  }
  return targets;
}

// "host:port" of a host as routes name it, or of a URL.
Result<net::HostPort> host_of(const std::string& target) {
  for (const char* scheme : {"redis://", "rediss://"}) {
    if (!target.starts_with(scheme)) continue;
    std::string_view rest = std::string_view(target).substr(std::strlen(scheme));
    rest = rest.substr(0, rest.find('/'));
    if (rest.find('@') != std::string_view::npos) rest.remove_prefix(rest.rfind('@') + 1);
    return net::parse_host_port(rest, 6379);
  }
  if (target.find("://") == std::string::npos) return net::parse_route_host(target);
  const auto uri = wire::parse_uri(target);
  if (!uri.ok()) return uri.error();
  return net::HostPort{uri->host, uri->port};
}

bool is_covered(const std::vector<AllowedTarget>& targets, const net::Address& address) {
  const auto bytes = bytes_of(address);
  return bytes && std::any_of(targets.begin(), targets.end(), [&](const AllowedTarget& one) {
           return one.net && (one.port == 0 || one.port == address.port()) &&
                  one.net->covers(*bytes);
         });
}

// What reads files and variables for a plan, and remembers what it was asked for.
struct Outside {
  const AllowedFiles& allowed;
  std::vector<std::string> variables;
  std::vector<std::string> files;

  Error refuse(const std::string& path) {
    files.push_back(path);
    return {
        ErrorCode::kUsage,
        "files of the server aren't for the API",
        path,
        {},
        "put it into the experiment file, or let an administrator allow it: galileo api --allow "
        "files"};
  }
};

plan::FileOptions options_of(const Submission& submission, Outside& outside) {
  plan::FileOptions options;
  options.on_fleet = true;
  if (outside.allowed.files) options = plan::with_files_of(".", options);
  options.set = submission.set;
  options.environment = [&outside](std::string_view name) -> std::optional<std::string> {
    if (name != "USER") outside.variables.emplace_back(name);
    if (!outside.allowed.environment || !outside.allowed.variable) return std::nullopt;
    return outside.allowed.variable(name);
  };
  if (outside.allowed.files) return options;
  options.read_file = [&outside](const std::string& path) -> Result<std::string> {
    return outside.refuse(path);
  };
  options.find_file = [&outside](const std::string& path) -> Result<plan::FileOptions::Found> {
    return outside.refuse(path);
  };
  options.path_of = [&outside](const std::string& path) {
    if (!path.empty()) outside.files.push_back(path);
    return path.empty() ? std::string("/nonexistent") : "/nonexistent/" + path;
  };
  options.files_of = [&outside](const std::string& path) -> Result<std::vector<std::string>> {
    return outside.refuse(path);
  };
  return options;
}

RestAnswer not_allowed(const std::string& what, const std::string& why, const std::string& allow) {
  return problem_answer(ProblemDetail{
      403, "the experiment file asks for what isn't allowed here", what + ": " + why,
      fmt::format("leave it out, or let an administrator allow it: galileo api {}", allow)});
}

// What of the plan is a command, a file or a cluster that isn't allowed; nothing: none.
std::optional<RestAnswer> refused_class(const plan::Plan& plan, const Outside& outside) {
  const AllowedFiles& allowed = outside.allowed;
  if (!outside.variables.empty() && !allowed.environment)
    return not_allowed("${" + outside.variables.front() + "}",
                       "variables of the server aren't for the API", "--allow environment");
  if (!outside.files.empty() && !allowed.files)
    return not_allowed(outside.files.front(), "files of the server aren't for the API",
                       "--allow files");
  const char* const commands = "whoever submits it would run commands as the server's user";
  for (const plan::Application& application : plan.applications) {
    if (!application.pods && !allowed.commands)
      return not_allowed("applications." + application.name, commands, "--allow commands");
  }
  if (!plan.telemetry.commands.empty() && !allowed.commands)
    return not_allowed("telemetry.commands", commands, "--allow commands");
  const bool reads_files =
      !plan.telemetry.files.empty() ||
      std::any_of(plan.telemetry.processes.begin(), plan.telemetry.processes.end(),
                  [](const auto& one) { return !one.pid_file.empty(); });
  if (reads_files && !allowed.files)
    return not_allowed("telemetry", "files of the server aren't for the API", "--allow files");
  if (plan.cluster && !allowed.kubernetes)
    return not_allowed("kubernetes", "the server's cluster isn't for the API",
                       "--allow kubernetes");
  if (!plan.bus.empty())
    return not_allowed("bus", "the daemon has one already", "--bus, which is that of the daemon");
  return std::nullopt;
}

// A line of the plan's Error each: "submission:3:5: what is wrong; the mend".
RestAnswer faults_of(const Error& error) {
  ProblemDetail problem{422, "the experiment file is wrong"};
  problem.detail = error.what;
  problem.hint = error.hint;
  const std::string text = error.why.empty() ? error.to_text() : error.why;
  for (const std::string_view line : split(text, '\n')) {
    const std::string_view one = trim(line);
    if (one.empty()) continue;
    const std::size_t colon = one.find(": ");
    problem.faults.push_back(colon == std::string_view::npos
                                 ? ProblemDetail::Fault{{}, std::string(one)}
                                 : ProblemDetail::Fault{std::string(one.substr(0, colon)),
                                                        std::string(one.substr(colon + 2))});
  }
  return problem_answer(problem);
}

}  // namespace

std::vector<std::string> AllowedFiles::names() const {
  std::vector<std::string> texts;
  if (commands) texts.emplace_back("commands");
  if (files) texts.emplace_back("files");
  if (environment) texts.emplace_back("environment");
  if (kubernetes) texts.emplace_back("kubernetes");
  return texts;
}

std::string refused_target(const AllowedFiles& allowed, const std::string& target) {
  const auto host = host_of(target);
  if (!host.ok()) return host.error().to_text();
  const auto targets = allowed_targets(allowed);
  for (const AllowedTarget& one : targets) {
    if (!one.net && (one.port == 0 || one.port == host->port) && matches_name(one.host, host->host))
      return {};
  }
  const bool v6 = host->host.find(':') != std::string::npos;
  const auto addresses = net::resolve(
      fmt::format("{}{}{}:{}", v6 ? "[" : "", host->host, v6 ? "]" : "", host->port), 0);
  if (!addresses.ok()) return addresses.error().to_text();
  for (const net::Address& address : *addresses) {
    if (!is_covered(targets, address))
      return fmt::format("{} ({}) isn't among the allowed targets", target, address.to_text());
  }
  return {};
}

Result<void> check_allowed(const std::vector<std::string>& classes,
                           const std::vector<std::string>& targets) {
  for (const std::string& one : classes) {
    if (one != "commands" && one != "files" && one != "environment" && one != "kubernetes")
      return Error{ErrorCode::kUsage,
                   fmt::format("'{}' is nothing that can be allowed", one),
                   "--allow",
                   {},
                   "commands, files, environment or kubernetes"};
  }
  for (const std::string& one : targets) {
    const bool is_net = one.find('/') != std::string::npos;
    if (one.empty() || (is_net && !net_of(one)))
      return Error{ErrorCode::kUsage,
                   fmt::format("'{}' is no target", one),
                   "--allow-target",
                   {},
                   "a host, host:port, *.domain, a network as 10.0.0.0/8, or *"};
  }
  return {};
}

std::vector<std::string> targets_of(const plan::Plan& plan) {
  std::vector<std::string> targets;
  for (const load::ServiceSpec& service : plan.services) {
    for (const auto& [host, weight] : service.hosts) targets.push_back(host);
    if (!service.static_host.empty()) targets.push_back(service.static_host);
  }
  for (const telemetry::WatchedPage& page : plan.telemetry.pages) targets.push_back(page.url);
  if (plan.otlp) targets.push_back(plan.otlp->endpoint);
  std::sort(targets.begin(), targets.end());
  targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
  return targets;
}

std::variant<plan::Plan, RestAnswer> checked_plan(const Submission& submission,
                                                  const AllowedFiles& allowed) {
  Outside outside{allowed, {}, {}};
  auto read = plan::parse_plan(submission.file, "file", options_of(submission, outside));
  // What isn't allowed is said before what is wrong because of that.
  if (const auto refused = refused_class(read.ok() ? *read : plan::Plan{}, outside))
    return *refused;
  if (!read.ok()) return faults_of(read.error());
  const auto targets = targets_of(*read);
  if (targets.size() > kTargetsMax)
    return problem_answer(
        ProblemDetail{422, "the experiment file is wrong",
                      fmt::format("{} targets are more than {}", targets.size(), kTargetsMax)});
  for (const std::string& target : targets) {
    if (std::string why = refused_target(allowed, target); !why.empty())
      return not_allowed("a target", why, "--allow-target HOST");
  }
  return std::move(*read);
}

}  // namespace galileo::service
