#include "plan/file_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "load/checks.h"
#include "load/distribution.h"
#include "load/request_source.h"
#include "load/value_taker.h"
#include "plan/file_request.h"
#include "plan/file_templates.h"

namespace galileo::plan {
namespace {

using Kind = wire::YamlNode::Kind;

constexpr std::size_t kScenarioStepsMax = 100;  // of a scenario

// `login: status 200`, or `login: [status 200, body has welcome]`.
Result<load::CheckSpec> read_check(const wire::YamlNode& node) {
  const auto wrong = [] {
    return Error{ErrorCode::kUsage,
                 {},
                 {},
                 "must be a text, or a name with its conditions",
                 "write for example - login: status 200"};
  };
  if (node.kind == Kind::kScalar) return load::parse_check(node.scalar);
  if (node.kind != Kind::kMap || node.keys.size() != 1) return wrong();
  const wire::YamlNode& of = node.items[0];
  std::vector<std::string> conditions;
  if (of.kind == Kind::kScalar) conditions.push_back(of.scalar);
  for (const wire::YamlNode& item : of.items) {
    if (of.kind != Kind::kList || item.kind != Kind::kScalar) return wrong();
    conditions.push_back(item.scalar);
  }
  return load::make_check(node.keys[0].text, conditions);
}

void read_takes(const Fields& step, std::vector<load::TakenValue>& takes) {
  const wire::YamlNode* const node = step.find("take");
  if (!node) return;
  constexpr std::string_view kWanted = "a map of names to where their values are";
  if (node->kind != Kind::kMap) return step.wrong_type(*node, "take", kWanted);
  for (std::size_t i = 0; i < node->keys.size(); ++i) {
    const wire::YamlNode& from = node->items[i];
    if (from.kind != Kind::kScalar) return step.wrong_type(from, "take", kWanted);
    const auto taker = load::ValueTaker::make(from.scalar);
    if (!taker.ok())
      step.problems().add(from.place, step.where("take." + node->keys[i].text), taker.error());
    takes.push_back({node->keys[i].text, from.scalar});
  }
}

// A time, or a distribution of seconds.
void read_think(const Fields& fields, load::Step& step) {
  const auto text = fields.text("think");
  if (!text) return;
  if (text->find('(') == std::string::npos) {
    step.pause = fields.duration("think").value_or(Duration{0});
    return;
  }
  const auto drawn = load::parse_distribution(*text);
  if (!drawn.ok())
    return fields.problems().add(fields.place("think"), fields.where("think"), drawn.error());
  step.drawn_pause = *text;
}

// Templates name values that an earlier step takes.
void check_values(Problems& problems, const ClientTemplates& templates,
                  const std::set<std::string>& taken, std::set<std::string>& told) {
  const std::vector<std::string> known(taken.begin(), taken.end());
  for (const auto& [name, place] : templates.values()) {
    if (taken.contains(name) || !told.insert(name).second) continue;
    problems.add(place, fmt::format("{{{{value.{}}}}}: no earlier step takes it", name),
                 known.empty() ? "add take: {" + name + ": json /...} to the step before"
                               : hint_for_unknown(name, known));
  }
}

// One connection's worth of settings serves all steps of a client.
bool same_settings(const load::Request& a, const load::Request& b) {
  return a.timeout == b.timeout && a.redirects_max == b.redirects_max && a.tls == b.tls &&
         a.http == b.http;
}

class ScenarioReader {
 public:
  ScenarioReader(const Fields& client, const FileOptions& options, std::string path)
      : client_(client), path_(std::move(path)), templates_(client.problems(), options) {}

  load::Request read() {
    client_.each("steps", [&](const wire::YamlNode& node, const std::string& where) {
      read_step(Fields(client_.problems(), node, where, MapKind::step));
    });
    if (whole_.steps.empty()) {
      if (client_.problems().empty())
        client_.problems().add(client_.place("steps"), client_.where("steps") + " has no step",
                               "add - request: {path: /}");
      return std::move(whole_);
    }
    if (whole_.steps.size() > kScenarioStepsMax)
      client_.problems().add(
          client_.place("steps"),
          fmt::format("{} has more than {} steps", client_.where("steps"), kScenarioStepsMax));
    const load::Request& first = whole_.steps.front().request;
    whole_.method = first.method;
    whole_.path = first.path;
    whole_.timeout = first.timeout;
    whole_.redirects_max = first.redirects_max;
    whole_.tls = first.tls;
    whole_.http = first.http;
    whole_.source.kind = "steps";
    templates_.finish(client_, whole_.source);
    return std::move(whole_);
  }

 private:
  void read_step(const Fields& fields) {
    load::Step step;
    step.name = fields.name("name").value_or(fmt::format("step {}", whole_.steps.size() + 1));
    if (!names_.insert(step.name).second)
      fields.problems().add(fields.place("name"),
                            fmt::format("two steps are called '{}'", step.name),
                            "their names tell their traces apart");
    step.request.path = path_;
    if (const wire::YamlNode* const request = fields.find("request")) {
      const std::string where = fields.where("request");
      const wire::YamlNode marked = templates_.take(*request, where);
      step.request = read_request(fields.problems(), marked, where);
      if (!request->find("path")) step.request.path = path_;
    }
    check_values(fields.problems(), templates_, taken_, told_);
    step.request.checks = read_checks(fields);
    read_takes(fields, step.takes);
    for (const load::TakenValue& value : step.takes) taken_.insert(value.name);
    read_think(fields, step);
    if (!whole_.steps.empty() && !same_settings(step.request, whole_.steps.front().request))
      fields.problems().add(
          fields.place("request"),
          "the steps of a client have one timeout, allow_redirects, verify, cert, "
          "tls and http",
          "say the same in each step");
    whole_.steps.push_back(std::move(step));
  }

  const Fields& client_;
  const std::string path_;
  ClientTemplates templates_;
  load::Request whole_;
  std::set<std::string> names_;
  std::set<std::string> taken_;
  std::set<std::string> told_;
};

}  // namespace

std::vector<load::CheckSpec> read_checks(const Fields& fields) {
  std::vector<load::CheckSpec> checks;
  fields.each("checks", [&](const wire::YamlNode& node, const std::string& where) {
    auto check = read_check(node);
    if (!check.ok()) return fields.problems().add(node.place, where, check.error());
    const bool is_new = std::none_of(checks.begin(), checks.end(),
                                     [&](const auto& one) { return one.name == check->name; });
    if (!is_new)
      return fields.problems().add(node.place,
                                   fmt::format("two checks are called '{}'", check->name),
                                   "their names tell their counts apart");
    checks.push_back(std::move(*check));
  });
  return checks;
}

load::Request read_requests(const Fields& client, const FileOptions& options,
                            const std::string& path) {
  if (client.has("steps")) {
    for (const char* const key : {"request", "checks"}) {
      if (client.has(key))
        client.problems().add(client.place(key),
                              fmt::format("{} can't be there beside steps", client.where(key)),
                              "give it to the steps");
    }
    return ScenarioReader(client, options, path).read();
  }
  load::Request request;
  request.path = path;
  ClientTemplates templates(client.problems(), options);
  if (const wire::YamlNode* const node = client.find("request")) {
    const wire::YamlNode marked = templates.take(*node, client.where("request"));
    request = read_request(client.problems(), marked, client.where("request"));
    if (!node->find("path")) request.path = path;
  }
  std::set<std::string> told;
  check_values(client.problems(), templates, {}, told);
  if (templates.finish(client, request.source)) request.source.kind = "templates";
  request.checks = read_checks(client);
  return request;
}

}  // namespace galileo::plan
