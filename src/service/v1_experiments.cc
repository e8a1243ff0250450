// Experiments by the versioned API: the list, submitting, steering, removing.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/utf8.h"
#include "bus/keys.h"
#include "bus/rpc.h"
#include "net/clock.h"
#include "service/guard.h"
#include "service/lab_view.h"
#include "service/masked_file.h"
#include "service/problem_json.h"
#include "service/queue.h"
#include "service/rest_body.h"
#include "service/tokens.h"
#include "service/v1_answers.h"
#include "service/v1_api.h"
#include "wire/event_line.h"

namespace galileo::service {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kPageUsual = 50;
constexpr std::size_t kFileMax = std::size_t{1} << 20;
constexpr std::size_t kSettingsMax = 1000;
constexpr std::size_t kTagsMax = 50;
constexpr std::size_t kNameMax = 100;
constexpr Duration kOrderTime = std::chrono::seconds{3};

bool holds(std::string_view text, std::string_view part) {
  return to_lower(std::string(text)).find(to_lower(std::string(part))) != std::string::npos;
}

bool has_tag(const ExperimentView& view, std::string_view tag) {
  return std::find(view.tags.begin(), view.tags.end(), tag) != view.tags.end();
}

bool is_wanted(const ExperimentView& view, const RestRequest& request) {
  const auto is = [&](std::string_view name, std::string_view value) {
    const std::string_view wanted = request.parameter(name);
    return wanted.empty() || wanted == value;
  };
  if (!is("name", view.row.name) || !is("creator", view.row.creator) || !is("state", view.state))
    return false;
  const std::string_view tag = request.parameter("tag"), text = request.parameter("q");
  if (!tag.empty() && !has_tag(view, tag)) return false;
  return text.empty() || holds(view.row.id, text) || holds(view.row.name, text) ||
         holds(view.row.creator, text) ||
         std::any_of(view.tags.begin(), view.tags.end(),
                     [&](const std::string& one) { return holds(one, text); });
}

std::string list_json(const std::vector<ExperimentView>& views) {
  std::string json = "[";
  for (const ExperimentView& view : views) json += (json.size() > 1 ? ", " : "") + view_json(view);
  return json + "]";
}

// Behind the last one of a page: when it was made, and its id.
std::string cursor_of(const wire::Experiment& row) {
  return fmt::format("{}.{}", row.created.time_since_epoch().count(), row.id);
}

bool is_behind(const wire::Experiment& row, std::string_view cursor) {
  const std::size_t dot = cursor.find('.');
  const auto at = parse_integer(cursor.substr(0, dot)).value_or(0);
  const std::int64_t made = row.created.time_since_epoch().count();
  return made < at || (made == at && row.id < cursor.substr(dot + 1));
}

bool is_cursor(std::string_view text) {
  const std::size_t dot = text.find('.');
  return dot != std::string_view::npos && parse_integer(text.substr(0, dot)).has_value();
}

void check_tags(RestBody& body, const std::vector<std::string>& tags) {
  for (const std::string& tag : tags) {
    if (tag.empty() || tag.size() > kNameMax) body.wrong("tags", "each has from 1 to 100 bytes");
  }
}

// What was sent, so that a key can tell whether it is the same.
std::string hash_of(const RestRequest& request) {
  std::string all = request.method + "\n" + request.content_type;
  for (const std::string& argument : request.arguments) all += "\n" + argument;
  return sha256_of(all + "\n" + request.body);
}

bool is_key(std::string_view key) {
  return key.size() <= 200 &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > 32 && c < 127; });
}

struct Asked {
  wire::Experiment experiment;
  Submission submission;
};

// A body that is an experiment file: YAML, or JSON, which is YAML.
Asked asked_file(const RestRequest& request) {
  Asked asked;
  asked.submission.file = request.body;
  return asked;
}

Asked asked_object(RestBody& body) {
  Asked asked;
  asked.submission.file = body.text("file", true, kFileMax);
  asked.submission.set = body.texts("set", kSettingsMax);
  asked.submission.tags = body.texts("tags", kTagsMax);
  asked.experiment.name = body.text("name", false, kNameMax);
  asked.experiment.creator = body.text("creator", false, kNameMax);
  check_tags(body, asked.submission.tags);
  return asked;
}

std::string order_json(const RestRequest& request, RestBody& body) {
  Json json{{"order", body.text("order", true, 20)}};
  const std::string order = json["order"];
  if (order != "pause" && order != "resume" && order != "rate" && order != "end")
    body.wrong("order", "it is pause, resume, rate or end");
  if (const auto rps = body.number("rps")) json["rps"] = *rps;
  if (const auto factor = body.number("factor")) json["factor"] = *factor;
  if (order == "rate" && json.contains("rps") == json.contains("factor"))
    body.wrong("order", "rate takes rps or factor");
  for (const char* name : {"rps", "factor"}) {
    if (json.contains(name) && !(json[name].get<double>() >= 0 && json[name].get<double>() < 1e9))
      body.wrong(name, "it isn't a rate");
  }
  if (std::string client = body.text("client", false, kNameMax); !client.empty())
    json["client"] = std::move(client);
  json["by"] = request.caller.name.empty() ? request.caller.via : request.caller.name;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

RestAnswer not_there(const std::string& id) {
  return problem_answer(ProblemDetail{404, "there is no such experiment", make_utf8(id)});
}

RestAnswer in_the_way(const std::string& title, const std::string& detail,
                      const std::string& hint) {
  return problem_answer(ProblemDetail{409, title, detail, hint});
}

Result<std::optional<ExperimentView>> V1Api::view_of(const std::string& id) {
  const auto row = TRY(store_.experiment(id));
  if (!row) return std::optional<ExperimentView>();
  std::vector<wire::Experiment> rows{*row};
  auto views = TRY(views_of(bus_, store_, rows, true));
  // Its place is told by all that wait.
  if (views.front().is_waiting()) {
    for (ExperimentView& one : TRY(views_of(bus_, store_, TRY(store_.experiments()), false))) {
      if (one.row.id == id) views.front().place = one.place;
    }
  }
  return std::optional(std::move(views.front()));
}

RestAnswer V1Api::experiments(const RestRequest& request) {
  const auto limit = request.parameter("limit");
  const std::size_t page =
      limit.empty() ? kPageUsual
                    : static_cast<std::size_t>(parse_integer(limit).value_or(kPageUsual));
  const std::string_view after = request.parameter("after");
  if (!after.empty() && !is_cursor(after))
    return problem_answer(ProblemDetail{
        400, "'after' isn't a cursor of ours", {}, "take it from 'next' of the page before"});
  const auto rows = store_.experiments();
  OR_PROBLEM(rows);
  const bool details = !request.parameter("tag").empty() || !request.parameter("q").empty();
  auto views = views_of(bus_, store_, *rows, details);
  OR_PROBLEM(views);
  std::erase_if(*views, [&](const ExperimentView& one) { return !is_wanted(one, request); });
  const std::size_t total = views->size();
  std::reverse(views->begin(), views->end());
  if (!after.empty())
    std::erase_if(*views, [&](const ExperimentView& one) { return !is_behind(one.row, after); });
  const bool more = views->size() > page;
  if (more) views->resize(page);
  if (!details) {
    std::vector<wire::Experiment> shown;
    for (const ExperimentView& one : *views) shown.push_back(one.row);
    auto whole = views_of(bus_, store_, shown, true);
    OR_PROBLEM(whole);
    for (std::size_t i = 0; i < whole->size(); ++i) (*whole)[i].place = (*views)[i].place;
    views = std::move(whole);
  }
  return json_answer(
      fmt::format(R"({{"experiments": {}, "total": {}, "next": {}}})", list_json(*views), total,
                  more ? wire::json_text(cursor_of(views->back().row)) : std::string("null")));
}

RestAnswer V1Api::submitted(const RestRequest& request, wire::Experiment experiment,
                            const Submission& submission) {
  if (!is_key(request.idempotency_key))
    return problem_answer(
        ProblemDetail{400, "wrong Idempotency-Key", {}, "up to 200 visible letters of ASCII"});
  if (submission.file.size() > kFileMax)
    return problem_answer(ProblemDetail{413, "an experiment file has at most 1 MiB"});
  if (!is_utf8(submission.file))
    return problem_answer(ProblemDetail{422, "the experiment file isn't UTF-8"});
  auto checked = checked_plan(submission, options_.allowed);
  if (auto* const refused = std::get_if<RestAnswer>(&checked)) return std::move(*refused);
  const plan::Plan& plan = std::get<plan::Plan>(checked);
  if (experiment.name.empty()) experiment.name = plan.name;
  if (experiment.creator.empty()) experiment.creator = plan.creator;
  if (experiment.creator.empty()) experiment.creator = request.caller.name;
  const auto made = submit(bus_, store_, std::move(experiment), submission,
                           {request.idempotency_key, hash_of(request)}, net::RealClock::wall_now());
  OR_PROBLEM(made);
  if (made->outcome == Submitted::Outcome::kClashes)
    return in_the_way("this Idempotency-Key came with something else",
                      fmt::format("it belongs to {}", made->experiment.id), "take a new key");
  const auto view = view_of(made->experiment.id);
  OR_PROBLEM(view);
  if (!*view) return not_there(made->experiment.id);
  RestAnswer answer = json_answer(view_json(**view));
  if (made->outcome == Submitted::Outcome::kNew) answer.status = 201;
  answer.headers.emplace_back("Location", "/api/v1/experiments/" + made->experiment.id);
  return answer;
}

RestAnswer V1Api::submit_experiment(const RestRequest& request) {
  Asked asked = asked_file(request);
  if (has_type(request.content_type, "application/json")) {
    RestBody body(request.body);
    if (body.has("file")) asked = asked_object(body);
    // Another object is an experiment file itself; what isn't JSON is none.
    const auto refused = body.refusal();
    if (refused && (body.has("file") || refused->status == 400)) return *refused;
  }
  asked.submission.allows = options_.allowed.names();
  return submitted(request, std::move(asked.experiment), asked.submission);
}

RestAnswer V1Api::experiment(const RestRequest& request) {
  const auto view = view_of(request.arguments.at(0));
  OR_PROBLEM(view);
  return *view ? json_answer(view_json(**view)) : not_there(request.arguments.at(0));
}

RestAnswer V1Api::remove_experiment(const RestRequest& request) {
  const std::string& id = request.arguments.at(0);
  const auto view = view_of(id);
  OR_PROBLEM(view);
  if (!*view) return not_there(id);
  if (!(*view)->is_over() && (*view)->state != "interrupted")
    return in_the_way("it isn't over", fmt::format("it is {}", (*view)->state),
                      "cancel it first, then delete it");
  const auto removed = forget(bus_, store_, id);
  OR_PROBLEM(removed);
  return nothing_more();
}

RestAnswer V1Api::file(const RestRequest& request) {
  const std::string& id = request.arguments.at(0);
  const auto kept = submission_of(store_, id);
  OR_PROBLEM(kept);
  if (!*kept)
    return problem_answer(ProblemDetail{404, "no file is kept of it", make_utf8(id),
                                        "only what was submitted here has one"});
  const MaskedFile masked = mask_file((*kept)->file);
  return json_answer(
      Json{{"file", masked.text}, {"set", mask_settings((*kept)->set)}, {"masked", masked.masks}}
          .dump(-1, ' ', false, Json::error_handler_t::replace));
}

RestAnswer V1Api::run_again(const RestRequest& request) {
  const std::string& id = request.arguments.at(0);
  const auto kept = submission_of(store_, id);
  OR_PROBLEM(kept);
  if (!*kept)
    return problem_answer(ProblemDetail{404, "no file is kept of it", make_utf8(id),
                                        "only what was submitted here can be run again"});
  RestBody body(request.body);
  Submission submission = **kept;
  wire::Experiment experiment;
  const bool has_file = body.has("file"), has_set = body.has("set"), has_tags = body.has("tags");
  const std::string edited = body.text("file", false, kFileMax);
  const auto set = body.texts("set", kSettingsMax);
  const auto tags = body.texts("tags", kTagsMax);
  experiment.name = body.text("name", false, kNameMax);
  check_tags(body, tags);
  if (auto refused = body.refusal()) return std::move(*refused);
  std::size_t restored = 0;
  if (has_file) {
    auto whole = restore_file(edited, submission.file, restored);
    OR_PROBLEM(whole);
    submission.file = std::move(*whole);
  }
  if (has_set) {
    auto whole = restore_settings(set, submission.set, restored);
    OR_PROBLEM(whole);
    submission.set = std::move(*whole);
  }
  if (has_tags) submission.tags = tags;
  submission.rerun_of = id;
  submission.allows = options_.allowed.names();
  if (restored > 0 && request.caller.scope < Scope::kAdmin) {
    if (auto refused = other_targets(**kept, submission)) return std::move(*refused);
  }
  return submitted(request, std::move(experiment), submission);
}

// A secret that somebody can't see isn't sent where he likes.
std::optional<RestAnswer> V1Api::other_targets(const Submission& before,
                                               const Submission& after) const {
  auto old_plan = checked_plan(before, options_.allowed);
  auto new_plan = checked_plan(after, options_.allowed);
  const auto* const from = std::get_if<plan::Plan>(&old_plan);
  const auto* const to = std::get_if<plan::Plan>(&new_plan);
  if (!to) return std::nullopt;  // told later
  const auto known = from ? targets_of(*from) : std::vector<std::string>();
  for (const std::string& target : targets_of(*to)) {
    if (!std::binary_search(known.begin(), known.end(), target))
      return problem_answer(
          ProblemDetail{403, "masked secrets would be sent to another target", target,
                        "write the secrets anew, or let an administrator run it again"});
  }
  return std::nullopt;
}

RestAnswer V1Api::ordered(const std::string& id, const std::string& order) {
  const auto answered = bus::call(bus_, "Run.order:" + id, "[" + order + "]", kOrderTime);
  if (!answered.ok() && answered.error().code == ErrorCode::kNotFound)
    return in_the_way("nobody runs it", id, "its state tells why");
  OR_PROBLEM(answered);
  const Json json = Json::parse(*answered, nullptr, false);
  if (!json.is_object() || json.value("done", Json(false)) != Json(true))
    return in_the_way("it can't be done", json.is_object() ? json.value("why", "") : *answered, {});
  RestAnswer answer = json_answer(json.dump(-1, ' ', false, Json::error_handler_t::replace));
  answer.status = 202;
  return answer;
}

Result<bool> V1Api::cancel_waiting(const std::string& id) {
  return TRY(cancel_queued(bus_, store_, id, "it was cancelled before it began", "the API",
                           net::RealClock::wall_now())) == Cancelled::kCancelled;
}

RestAnswer V1Api::cancel(const RestRequest& request) {
  const std::string& id = request.arguments.at(0);
  RestBody body(request.body);
  const std::string mode = body.text("mode", false, 20);
  if (!mode.empty() && mode != "drain" && mode != "now") body.wrong("mode", "it is drain or now");
  if (auto refused = body.refusal()) return std::move(*refused);
  auto view = view_of(id);
  OR_PROBLEM(view);
  if (!*view) return not_there(id);
  if ((*view)->is_over())
    return in_the_way("it is over", fmt::format("it is {}", (*view)->state), {});
  if ((*view)->state == "interrupted")
    return in_the_way("nobody runs it", (*view)->reason, "a daemon ends it soon; or delete it");
  if ((*view)->is_waiting()) {
    const auto withdrawn = cancel_waiting(id);
    OR_PROBLEM(withdrawn);
    if (*withdrawn) {
      view = view_of(id);
      OR_PROBLEM(view);
      if (!*view) return not_there(id);
      RestAnswer answer = json_answer(view_json(**view));
      answer.status = 202;
      return answer;
    }
  }
  Json order{{"order", "cancel"}, {"now", mode == "now"}};
  order["by"] = request.caller.name.empty() ? request.caller.via : request.caller.name;
  RestAnswer answer = ordered(id, order.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (answer.status != 202) return answer;
  view = view_of(id);
  OR_PROBLEM(view);
  if (*view) answer.body = view_json(**view);
  return answer;
}

RestAnswer V1Api::order(const RestRequest& request) {
  const std::string& id = request.arguments.at(0);
  RestBody body(request.body);
  const std::string order = order_json(request, body);
  if (auto refused = body.refusal()) return std::move(*refused);
  const auto view = view_of(id);
  OR_PROBLEM(view);
  if (!*view) return not_there(id);
  if ((*view)->is_over() || (*view)->is_waiting())
    return in_the_way("it doesn't run", fmt::format("it is {}", (*view)->state), {});
  return ordered(id, order);
}

RestAnswer V1Api::put_event(const RestRequest& request) {
  const std::string& id = request.arguments.at(0);
  RestBody body(request.body);
  wire::Event event;
  event.name = body.text("name", true, kNameMax);
  event.value = body.text("value", false);
  event.at = net::RealClock::wall_now();
  if (event.name.find_first_of(" \t\r\n") != std::string::npos)
    body.wrong("name", "it has a blank");
  if (auto refused = body.refusal()) return std::move(*refused);
  const auto view = view_of(id);
  OR_PROBLEM(view);
  if (!*view) return not_there(id);
  if ((*view)->is_over() || (*view)->is_waiting() || (*view)->state == "interrupted")
    return in_the_way("it doesn't run", fmt::format("it is {}", (*view)->state), {});
  std::string line;
  wire::append_event_line(line, event);
  const auto told = bus_.publish(bus::kEvents, line);
  OR_PROBLEM(told);
  RestAnswer answer =
      json_answer(fmt::format(R"({{"time": {}}})", wire::json_real(to_unix_seconds(event.at))));
  answer.status = 202;
  return answer;
}

RestAnswer V1Api::live(const RestRequest& request) {
  const std::string& id = request.arguments.at(0);
  const auto row = store_.experiment(id);
  OR_PROBLEM(row);
  if (!*row) return not_there(id);
  const auto live = live_json(bus_, id, request.parameter("points") != "false");
  OR_PROBLEM(live);
  return json_answer(*live);
}

RestAnswer V1Api::queue(const RestRequest&) {
  const auto rows = store_.experiments();
  OR_PROBLEM(rows);
  std::vector<wire::Experiment> open;
  for (const wire::Experiment& row : *rows) {
    if (row.status != wire::kFinished && row.status != wire::kFailed && row.status != "CANCELLED")
      open.push_back(row);
  }
  const auto views = views_of(bus_, store_, open, true);
  OR_PROBLEM(views);
  std::vector<ExperimentView> running, waiting;
  for (const ExperimentView& one : *views) {
    if (one.is_waiting())
      waiting.push_back(one);
    else if (!one.is_over())
      running.push_back(one);
  }
  const auto there = BusView::read(bus_);
  OR_PROBLEM(there);
  Json daemons = Json::array();
  for (const std::string& text : there->daemons) {
    Json daemon = Json::parse(text, nullptr, false);
    if (daemon.is_object()) daemons.push_back(std::move(daemon));
  }
  return json_answer(fmt::format(R"({{"running": {}, "waiting": {}, "daemons": {}}})",
                                 list_json(running), list_json(waiting),
                                 daemons.dump(-1, ' ', false, Json::error_handler_t::replace)));
}

}  // namespace galileo::service
