#include "commands/exp_api.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/output.h"
#include "base/utf8.h"
#include "commands/exit_codes.h"
#include "commands/lab_client.h"
#include "net/loop.h"
#include "net/signals.h"
#include "service/tokens.h"
#include "wire/uri.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kSubmittedMax = std::size_t{1} << 20;
constexpr Duration kLookEvery = std::chrono::milliseconds{300};
// A look that takes longer is tried again: a signal is heard between two.
constexpr Duration kLookWithin = std::chrono::milliseconds{800};

std::string lab_text(const Json& json, const char* key) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  if (!json.is_object() || found == json.end() || !found->is_string()) return {};
  return one_line(found->get<std::string>());
}

double lab_number(const Json& json, const char* key) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  if (!json.is_object() || found == json.end() || !found->is_number()) return 0;
  return found->get<double>();
}

Result<Json> lab_object(const LabClient::Answer& answer, const LabClient& lab) {
  Json json = Json::parse(answer.body, nullptr, false);
  if (json.is_object()) return json;
  return Error{ErrorCode::kCorrupt, "the API's answer isn't JSON", lab.where(), {}, {}};
}

bool is_over_there(const std::string& state) {
  return state == "finished" || state == "failed" || state == "cancelled";
}

std::string experiment_path(const std::string& id, const char* then = "") {
  return "/experiments/" + wire::encode_percent(id) + then;
}

std::string queue_line(const Json& one) {
  const auto place = one.find("place");
  return fmt::format("{:<22} {:<24} {:<16} {:<12} {}\n", lab_text(one, "id"), lab_text(one, "name"),
                     lab_text(one, "creator"), lab_text(one, "state"),
                     place != one.end() && place->is_number() ? place->dump() : "");
}

void print_queue(const Json& list, bool as_json) {
  if (as_json) return static_cast<void>(print_data(list.dump(2) + "\n"));
  std::string text =
      fmt::format("{:<22} {:<24} {:<16} {:<12} {}\n", "ID", "NAME", "CREATOR", "STATE", "PLACE");
  for (const Json& one : list) text += queue_line(one);
  print_data(text);
}

// What it comes to: as `galileo run` would have ended.
Result<int> exit_code_there(LabClient& lab, const Json& experiment) {
  const std::string state = lab_text(experiment, "state"), id = lab_text(experiment, "id");
  if (state == "cancelled") return static_cast<int>(kEndedBySignal);
  if (state != "finished") {
    print_talk(fmt::format("galileo exp: {} failed: {}\n", id, lab_text(experiment, "reason")));
    return static_cast<int>(kFailed);
  }
  const Json result = TRY(lab_object(TRY(lab.ask("GET", experiment_path(id, "/result"))), lab));
  if (result.contains("ledger") && result["ledger"].is_object() &&
      result["ledger"].value("balanced", Json(true)) == Json(false))
    return static_cast<int>(kUnbalanced);
  if (result.contains("verdict") && lab_text(result["verdict"], "value") == "INVALID")
    return static_cast<int>(kInvalidResult);
  if (!result.contains("thresholds") || !result["thresholds"].is_array())
    return static_cast<int>(kFine);
  for (const Json& one : result["thresholds"]) {
    if (one.is_object() && one.value("passed", Json(true)) == Json(false))
      return static_cast<int>(kThresholdCrossed);
  }
  return static_cast<int>(kFine);
}

// Looks at an experiment until it is over, and tells what changes. A signal ends it. Made before
// any thread is.
class Following {
 public:
  bool is_interrupted() {
    loop_.run_pending();
    return signals_seen_ > 0;
  }

  // Nothing: a signal came.
  Result<std::optional<Json>> until_over(LabClient& lab, const std::string& id) {
    while (!is_interrupted()) {
      const auto answer = lab.ask("GET", experiment_path(id), {}, {}, kLookWithin);
      if (!answer.ok() && answer.error().code != ErrorCode::kUnavailable) return answer.error();
      if (answer.ok()) {
        Json now = TRY(lab_object(*answer, lab));
        tell(lab, now);
        if (is_over_there(lab_text(now, "state"))) return std::optional(std::move(now));
      } else if (is_reached_) {
        print_talk(fmt::format("galileo exp: {}\n", answer.error().to_text()));
      }
      is_reached_ = answer.ok();
      net::pause_thread(kLookEvery);
    }
    return std::optional<Json>();
  }

 private:
  void tell(LabClient& lab, const Json& now) {
    const std::string state = lab_text(now, "state");
    if (state != state_)
      print_talk(fmt::format("galileo exp: {} is {}{}\n", lab_text(now, "id"), state,
                             state == "queued" && now["place"].is_number()
                                 ? ", number " + now["place"].dump()
                                 : std::string()));
    state_ = state;
    if (state == "running") tell_figures(lab, lab_text(now, "id"));
  }

  // Once a second.
  void tell_figures(LabClient& lab, const std::string& id) {
    if (looks_++ % 3 != 0) return;
    const auto answer =
        lab.ask("GET", experiment_path(id, "/live?points=false"), {}, {}, kLookWithin);
    if (!answer.ok()) return;
    const Json live = Json::parse(answer->body, nullptr, false);
    if (!live.is_object() || !live.contains("state") || !live["state"].is_object()) return;
    const Json& now = live["state"];
    const Json latency = now.contains("latency_s") ? now["latency_s"] : Json();
    print_talk(fmt::format(
        "  {:>6.1f} s  {:<12} {:>10.0f} due {:>10.0f} answered {:>8.0f} failed"
        "  p99 {:.1f} ms\n",
        lab_number(now, "elapsed_s"), lab_text(now, "phase"), lab_number(now, "intended"),
        lab_number(now, "answered"), lab_number(now, "failed"), lab_number(latency, "p99") * 1e3));
  }

  net::Loop loop_;
  int signals_seen_ = 0;
  const net::Signals signals_{loop_, [this](int) { ++signals_seen_; }};
  std::string state_;
  bool is_reached_ = true;
  unsigned looks_ = 0;
};

std::string submission_json(const ExpApiFlags& flags, const std::string& file) {
  Json body{{"file", file}, {"set", flags.set}, {"tags", flags.tags}};
  if (!flags.name.empty()) body["name"] = flags.name;
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Its load is on somebody else's machines: who isn't there any more doesn't want it.
int end_there(LabClient& lab, const std::string& id) {
  const auto ended = lab.ask("POST", experiment_path(id, "/cancel"), R"({"mode": "now"})", {},
                             std::chrono::milliseconds{1500});
  if (ended.ok())
    print_talk(fmt::format("galileo exp: cancelled {}\n", id));
  else
    print_talk(fmt::format("galileo exp: {} may go on: {}\n", id, ended.error().to_text()));
  return kEndedBySignal;
}

Result<int> submit_file(const ExpApiFlags& flags) {
  const std::string file = TRY(read_input(flags.file, kSubmittedMax));
  Following following;
  LabClient lab = TRY(LabClient::open(flags.api));
  // A repeated request must not be another run, where an answer is lost.
  const std::string key = flags.key.empty() ? service::random_secret() : flags.key;
  const std::string body = submission_json(flags, file);
  auto answer = lab.ask("POST", "/experiments", body, key);
  if (!answer.ok() && answer.error().code == ErrorCode::kUnavailable && !following.is_interrupted())
    answer = lab.ask("POST", "/experiments", body, key);
  const Json made = TRY(lab_object(TRY(answer), lab));
  const std::string id = lab_text(made, "id");
  if (flags.json && !flags.wait)
    print_data(made.dump(2) + "\n");
  else
    print_data(id + "\n");
  if (!flags.wait) return static_cast<int>(kFine);
  const auto over = TRY(following.until_over(lab, id));
  return over ? exit_code_there(lab, *over) : Result<int>(end_there(lab, id));
}

Result<int> follow_there(const ExpApiFlags& flags) {
  Following following;
  LabClient lab = TRY(LabClient::open(flags.api));
  const auto over = TRY(following.until_over(lab, flags.id));
  return over ? exit_code_there(lab, *over) : Result<int>(static_cast<int>(kEndedBySignal));
}

Result<Json> ask_queue(const ExpApiFlags& flags) {
  LabClient lab = TRY(LabClient::open(flags.api));
  return lab_object(TRY(lab.ask("GET", "/queue")), lab);
}

Result<int> show_queue(const ExpApiFlags& flags) {
  const Json queue = TRY(ask_queue(flags));
  Json all = queue.value("running", Json::array());
  for (const Json& one : queue.value("waiting", Json::array())) all.push_back(one);
  print_queue(all, flags.json);
  if (queue.value("daemons", Json::array()).empty())
    print_talk("galileo exp: no daemon is there to run them\n");
  return static_cast<int>(kFine);
}

Result<int> show_running(const ExpApiFlags& flags) {
  const Json queue = TRY(ask_queue(flags));
  print_queue(queue.value("running", Json::array()), flags.json);
  return static_cast<int>(kFine);
}

Result<int> cancel_there(const ExpApiFlags& flags) {
  LabClient lab = TRY(LabClient::open(flags.api));
  const std::string body = Json{{"mode", flags.now ? "now" : "drain"}}.dump();
  const Json now =
      TRY(lab_object(TRY(lab.ask("POST", experiment_path(flags.id, "/cancel"), body)), lab));
  print_talk(fmt::format("galileo exp: {} is {}\n", flags.id, lab_text(now, "state")));
  return static_cast<int>(kFine);
}

}  // namespace

void add_api_commands(CLI::App& app, ExpApiFlags& flags, std::function<Result<int>()>& chosen) {
  const auto add = [&](const char* name, const char* text, Result<int> (*run)(const ExpApiFlags&)) {
    CLI::App* const command = app.add_subcommand(name, text);
    command->add_option("--api", flags.api,
                        "URL of galileo api [galileo_api_url, ~/.galileo-cli, this machine's]");
    command->callback([&flags, &chosen, run] { chosen = [&flags, run] { return run(flags); }; });
    return command;
  };
  CLI::App* const submitted = add("submit", "queue an experiment file by the API", &submit_file);
  submitted->add_option("FILE", flags.file, "experiment file; -: stdin")->required();
  submitted->add_option("--set", flags.set, "path=value, put into the file")
      ->expected(1)
      ->take_all();
  submitted->add_option("--tag", flags.tags, "a word to find it by; may be given again")
      ->expected(1)
      ->take_all();
  submitted->add_option("--name", flags.name, "its name [the file's]");
  submitted->add_option("--key", flags.key,
                        "Idempotency-Key: submitted once a day, however often this is called");
  submitted->add_flag("--wait", flags.wait,
                      "until it is over, and end as galileo run would; a signal cancels it");
  submitted->add_flag("--json", flags.json, "as JSON");
  add("queue", "what runs and what waits, by the API", &show_queue)
      ->add_flag("--json", flags.json, "as JSON");
  add("running", "what runs now, by the API", &show_running)
      ->add_flag("--json", flags.json, "as JSON");
  add("follow", "tell what an experiment does until it is over, by the API", &follow_there)
      ->add_option("ID", flags.id, "the experiment's id")
      ->required();
  CLI::App* const cancelled = add(
      "cancel", "take an experiment out of the queue or end its run, by the API", &cancel_there);
  cancelled->add_option("ID", flags.id, "the experiment's id")->required();
  cancelled->add_flag("--now", flags.now, "without waiting for what is in flight");
}

}  // namespace galileo::commands
