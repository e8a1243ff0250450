// `galileo shell`: an interactive Python with the fleet's objects, which the Python package has
// (docs/how-to/python.md). This starts the interpreter that has the package, in its own place.
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "base/own_path.h"
#include "commands/commands.h"
#include "commands/options.h"

namespace galileo::commands {
namespace {

// Says where the package is missing. sys.argv is what follows the text.
constexpr const char* kStart = R"(
import sys
try:
    from galileo.shell.__main__ import main
except ImportError as error:
    print(f"galileo shell: {sys.executable} doesn't have the package galileo-lab: {error}; "
          "install it there (docs/how-to/python.md), or name another interpreter with "
          "galileo_python",
          file=sys.stderr)
    sys.exit(2)
sys.exit(main())
)";

// The one that is named; the one whose package this program lies in (<prefix>/lib/python3.x/
// site-packages/galileo/bin/galileo); python3.
std::string interpreter(const std::filesystem::path& own) {
  if (auto named = environment("galileo_python"); named && !named->empty()) return *named;
  const auto package = own.parent_path().parent_path();
  const auto prefix = package.parent_path().parent_path().parent_path().parent_path();
  const auto beside = prefix / "bin" / "python3";
  if (package.filename() == "galileo" && access(beside.c_str(), X_OK) == 0) return beside;
  return "python3";
}

}  // namespace

int shell(const Arguments& arguments) {
  std::string source;
  std::string bus;
  bool standalone = false;
  CLI::App app(
      "Start an interactive Python with g (workers and clients), rtbl (routes), exp (an\n"
      "experiment), telemd, show and rds; it needs the package galileo-lab.\n\n"
      "examples:\n"
      "  galileo shell --bus redis://controller:6379\n"
      "  galileo shell --standalone --source script.py\n",
      "galileo shell");
  app.add_option("--source", source, "run that script with the shell's names, and exit");
  app.add_option("--bus", bus, "URL of the bus [galileo_redis_url, or _host and _port]");
  app.add_flag("--standalone", standalone,
               "no bus is needed: one of this process alone, with a worker");
  if (const auto over = parse_options(app, arguments)) return *over;
  const std::string own = own_path();
  const std::string python = interpreter(own);
  // A bus's URL may have a password: not for `ps`.
  if (!bus.empty()) setenv("galileo_shell_bus", bus.c_str(), 1);
  setenv("galileo_program", own.c_str(), 0);
  std::vector<std::string> words{python, "-c", kStart};
  if (!source.empty()) words.insert(words.end(), {"--source", source});
  if (standalone) words.emplace_back("--standalone");
  std::vector<char*> raw;
  for (std::string& word : words) raw.push_back(word.data());
  raw.push_back(nullptr);
  execvp(python.c_str(), raw.data());
  const int why = errno;
  Error error = system_error("can't start the Python interpreter", python, why);
  error.hint = "install python3 with the package galileo-lab, or name one with galileo_python";
  return fail("shell", error);
}

}  // namespace galileo::commands
