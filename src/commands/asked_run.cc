#include "commands/asked_run.h"

#include "base/secrets.h"
#include "commands/options.h"
#include "plan/file.h"

namespace galileo::commands {

Result<AskedRun> take_run(SessionRequest& request) {
  AskedRun asked;
  asked.path = TRY(request.take_text("path"));
  asked.text = TRY(request.take_text("text"));
  asked.folder = TRY(request.take_text("folder"));
  asked.set = TRY(request.take_texts("set"));
  asked.reads_environment = TRY(request.take_bool("environment", true));
  asked.bus = TRY(request.take_text("bus"));
  asked.database = TRY(request.take_text("db"));
  asked.spool_folder = TRY(request.take_text("spool"));
  asked.report = TRY(request.take_text("report"));
  if (asked.path.empty() == asked.text.empty())
    return wrong_request("it has a 'path' or a 'text', and one of them only");
  // What stdin and stdout are to a command is the connection here.
  if (asked.path == "-" || asked.report == "-") return wrong_request("'-' is no file here");
  return asked;
}

namespace {

plan::FileOptions without_files(plan::FileOptions options) {
  const auto refuse = [](const std::string& path) {
    return Error{ErrorCode::kUsage, "no file of this machine is read for it", path,
                 "whoever has sent it may not name one", "put what is in it into the experiment"};
  };
  options.read_file = [=](const std::string& path) -> Result<std::string> { return refuse(path); };
  options.find_file = [=](const std::string& path) -> Result<plan::FileOptions::Found> {
    return refuse(path);
  };
  options.files_of = [=](const std::string& path) -> Result<std::vector<std::string>> {
    return refuse(path);
  };
  options.path_of = [](const std::string&) { return std::string(); };
  return options;
}

}  // namespace

Result<plan::Plan> plan_of(const AskedRun& asked) {
  if (asked.plan) return *asked.plan;
  plan::FileOptions options;
  options.set = asked.set;
  if (asked.reads_environment) options.environment = environment;
  options.on_fleet = !asked.bus.empty();
  if (!asked.path.empty()) return plan::load_plan(asked.path, options);
  if (!asked.reads_files)
    return plan::parse_plan(asked.text, "experiment", without_files(std::move(options)));
  return plan::parse_plan(asked.text, "experiment", plan::with_files_of(asked.folder, options));
}

std::vector<std::string> words_of(const AskedRun& asked) {
  std::vector<std::string> words{"galileo", "run", asked.path.empty() ? "-" : asked.path};
  for (const std::string& set : asked.set) words.insert(words.end(), {"--set", set});
  if (!asked.bus.empty()) words.insert(words.end(), {"--bus", asked.bus});
  if (!asked.database.empty()) words.insert(words.end(), {"--db", asked.database});
  return without_secrets_of_words(words);
}

}  // namespace galileo::commands
