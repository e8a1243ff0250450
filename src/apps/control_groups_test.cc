#include "apps/control_groups.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "base/test_fixture.h"

namespace galileo::apps {
namespace {

TEST_CASE("places for groups are where this process's own are shown, the second version first") {
  struct Row {
    const char* mounts;
    const char* own;
    std::vector<GroupPlace> places;
  };
  const GroupPlace of_user{"/sys/fs/cgroup/user.slice/a.scope", "/sys/fs/cgroup/user.slice/a.scope",
                           true};
  const GroupPlace above{"/sys/fs/cgroup/user.slice", "/sys/fs/cgroup/user.slice", true};
  const GroupPlace root{"/sys/fs/cgroup", "/sys/fs/cgroup", true};
  const GroupPlace first{"/cg/memory/own/it", "/cg/pids", false};
  const char* const second_mount =
      "25 1 0:24 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
  const char* const first_mounts =
      "1 1 0:1 / /cg/memory rw,nosuid - cgroup cgroup rw,memory\n"
      "2 1 0:2 / /cg/pids rw - cgroup cgroup rw,pids\n";
  for (const Row& row : {
           Row{second_mount, "0::/user.slice/a.scope\n", {of_user, above}},
           {second_mount, "0::/\n", {root}},
           {"25 1 0:24 /user.slice /sys/fs/cgroup rw shared:1 - cgroup2 c rw\n",
            "0::/user.slice/user.slice/a.scope\n",
            {of_user, above}},
           {"25 1 0:24 /other /sys/fs/cgroup rw - cgroup2 c rw\n", "0::/user.slice\n", {}},
           {first_mounts, "8:pids:/\n4:cpu,memory:/own/it\n0::/\n", {first}},
           {first_mounts, "8:pids:/\n", {}},
           {"", "0::/\n", {}},
           {second_mount, "", {}},
           {"nonsense - cgroup2\n - - -\n", ":::\n::\n", {}},
       }) {
    CAPTURE(row.mounts);
    CAPTURE(row.own);
    CHECK(group_places(row.mounts, row.own) == row.places);
  }
}

TEST_CASE("where no group can be made there is none: no mounts, no controllers, no right") {
  const TestFolder folder;
  CHECK(ControlGroups::make({1, 1}, folder.path() + "/nothing") == nullptr);
  folder.write("cgroup", "0::/\n");
  folder.write("mountinfo", fmt::format("1 1 0:1 / {}/v2 rw - cgroup2 c rw\n", folder.path()));
  folder.write("v2/cgroup.subtree_control", "cpu io\n");
  CHECK(ControlGroups::make({1, 1}, folder.path()) == nullptr);
}

TEST_CASE("a group is there from begin to end, and nothing of any stays") {
  auto groups = ControlGroups::make({std::uint64_t{64} << 20, 5});
  if (!groups) return;  // this machine lets nobody make one
  const auto doors = must(groups->begin(7));
  CHECK(!doors.empty());
  for (const int door : doors) close(door);
  CHECK(groups->trespass(7).empty());
  groups->end(7);
  groups->end(7);
  CHECK(groups->trespass(7).empty());
  for (const int door : must(groups->begin(8))) close(door);
  groups.reset();
  std::error_code ignored;
  const std::string name = fmt::format("galileo-app-{}-", getpid());
  for (const auto& hierarchy : std::filesystem::directory_iterator("/sys/fs/cgroup", ignored)) {
    for (const auto& group : std::filesystem::directory_iterator(hierarchy.path(), ignored))
      CHECK_FALSE(group.path().filename().string().starts_with(name));
  }
}

}  // namespace
}  // namespace galileo::apps
