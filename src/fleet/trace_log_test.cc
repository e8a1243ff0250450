#include "fleet/trace_log.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace galileo;

namespace {

struct Folder {
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "galileo-test-XXXXXX";
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  void add(const std::string& name) const { std::ofstream(path + "/" + name) << "x"; }
  std::string path;
};

}  // namespace

TEST_CASE(
    "what an earlier process left comes before what this one writes, whatever their names are") {
  const Folder folder;
  for (const char* name : {"w-11111111-000002.spool", "w-11111111-000001.spool",
                           "w-99999999-000001.spool", "w-00000000-000001.spool",
                           "w-00000000-000001.spool.published", "w-x-00000000-000001.spool"})
    folder.add(name);
  std::vector<std::string> names;
  for (const std::string& path : fleet::spool_segments(folder.path, "w", "11111111"))
    names.push_back(std::filesystem::path(path).filename().string());
  CHECK(names == std::vector<std::string>{"w-00000000-000001.spool", "w-99999999-000001.spool",
                                          "w-11111111-000001.spool", "w-11111111-000002.spool"});
}
