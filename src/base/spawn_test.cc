#include "base/spawn.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

using namespace galileo;

namespace {

// What a shell prints on its output, and its status.
std::pair<std::string, int> shell(const std::string& script, StandardFiles files = {},
                                  const std::vector<std::string>& variables = {}) {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  files.output = ends[1];
  pid_t pid = 0;
  REQUIRE(spawn({"sh", "-c", script}, files, pid, variables) == 0);
  CHECK(getpgid(pid) == pid);
  close(ends[1]);
  std::string output;
  char bytes[1024];
  while (true) {
    const ssize_t size = read(ends[0], bytes, sizeof bytes);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    output.append(bytes, static_cast<std::size_t>(size));
  }
  close(ends[0]);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return {output, status};
}

}  // namespace

TEST_CASE("a program has the files that it is given, and nothing where it is given none") {
  CHECK(shell("cat; echo to nowhere >&2; echo done").first == "done\n");
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  REQUIRE(write(ends[1], "some", 4) == 4);
  close(ends[1]);
  const auto [output, status] = shell("cat; exit 3", {ends[0], -1, -1});
  close(ends[0]);
  CHECK(output == "some");
  CHECK(WEXITSTATUS(status) == 3);
}

TEST_CASE("a program has our environment, and in it what it is given instead") {
  REQUIRE(setenv("GALILEO_TEST_A", "ours", 1) == 0);
  REQUIRE(setenv("GALILEO_TEST_AB", "kept", 1) == 0);
  const std::string script = "echo $GALILEO_TEST_A $GALILEO_TEST_AB $GALILEO_TEST_C; env";
  const std::string told = shell(script, {}, {"GALILEO_TEST_A=given", "GALILEO_TEST_C=new"}).first;
  CHECK(told.starts_with("given kept new\n"));
  CHECK(told.find("GALILEO_TEST_A=ours") == std::string::npos);
  CHECK(told.find("PATH=") != std::string::npos);
}

TEST_CASE("a program doesn't inherit what this process does with its signals") {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  REQUIRE(sigprocmask(SIG_BLOCK, &blocked, &before) == 0);
  const auto pipe_before = std::signal(SIGPIPE, SIG_IGN);
  // Were they blocked or ignored, it would go on.
  CHECK(WTERMSIG(shell("kill -TERM $$; exit 0").second) == SIGTERM);
  CHECK(WTERMSIG(shell("kill -PIPE $$; exit 0").second) == SIGPIPE);
  std::signal(SIGPIPE, pipe_before);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("a program that isn't there is an errno") {
  pid_t pid = 7;
  CHECK(spawn({"no-such-program"}, {}, pid) == ENOENT);
  CHECK(pid == 0);
}
