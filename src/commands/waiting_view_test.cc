// What a run waits for, as text.
#include "commands/waiting_view.h"

#include <doctest/doctest.h>

namespace galileo::commands {
namespace {

using experiment::Waiting;
using std::chrono::milliseconds;
using std::chrono::seconds;

const Time kStart{std::chrono::hours{1}};

Waiting pods(std::size_t ready) {
  return {"pods ready", ready, 10, "hello-deployment-node1-0: ContainerCreating", seconds{292}};
}

TEST_CASE("a wait says how many are ready, how far the first other one is, and the time") {
  CHECK(waiting_text(pods(3)) ==
        "3 of 10 pods ready; hello-deployment-node1-0: ContainerCreating; 4m52s left");
  CHECK(waiting_text({"objects of the run to go", 4, 0, {}, {}}) == "objects of the run to go: 4");
  CHECK(waiting_text({"pods ready", 0, 1, "a\x1b[31m\nb", milliseconds{300}}).find('\x1b') ==
        std::string::npos);
}

TEST_CASE("where no terminal is, a short wait says nothing and a long one what has changed") {
  WaitingView view(false);
  CHECK(view.take(pods(0), kStart, 80).empty());
  CHECK(view.take(pods(0), kStart + seconds{1}, 80).empty());
  CHECK(view.take(pods(0), kStart + seconds{3}, 80).starts_with("waiting: 0 of 10 pods ready"));
  CHECK(view.take(pods(1), kStart + seconds{5}, 80).empty());
  Waiting later = pods(0);
  later.left = seconds{200};
  CHECK(view.take(later, kStart + seconds{14}, 80).empty());
  CHECK(view.take(pods(2), kStart + seconds{15}, 80).starts_with("waiting: 2 of 10"));
  CHECK(view.take({}, kStart + seconds{16}, 80).empty());
  // Something else begins anew.
  CHECK(view.take({"objects to go", 1, 0, {}, {}}, kStart + seconds{17}, 80).empty());
  CHECK(view.take({"objects to go", 1, 0, {}, {}}, kStart + seconds{20}, 80) ==
        "waiting: objects to go: 1\n");
}

TEST_CASE("in a terminal one line is drawn over and over, fits, and is cleared in the end") {
  WaitingView view(true);
  const std::string first = view.take(pods(0), kStart, 40);
  CHECK(first.starts_with("\r\x1b[Kwaiting: 0 of 10 pods ready"));
  CHECK(first.size() == 4 + 39);
  CHECK(first.find('\n') == std::string::npos);
  CHECK(view.take(pods(1), kStart + milliseconds{100}, 40).empty());
  CHECK(view.take(pods(1), kStart + milliseconds{300}, 40).find("1 of 10") != std::string::npos);
  CHECK(view.take({}, kStart + milliseconds{310}, 40) == "\r\x1b[K");
  CHECK(view.take({}, kStart + milliseconds{320}, 40).empty());
}

}  // namespace
}  // namespace galileo::commands
