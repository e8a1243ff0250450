#include "apps/unpack.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>

#include "apps/app.h"
#include "apps/archive_fixture.h"
#include "base/file.h"
#include "base/test_fixture.h"

using namespace galileo;
using namespace galileo::apps;
namespace fs = std::filesystem;

namespace {

std::size_t entries_in(const std::string& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("an app is there whole, and the first of two stays") {
  const TestFolder folder;
  const std::string zip = make_zip({{"manifest.yml", "name: a\n", false},
                                    {"generator.py", "def next_request(): ...\n", false},
                                    {"data/run.sh", "#!/bin/sh\n", true}});
  const Archive archive = must(read_archive(zip));
  const std::string apps = folder.file("apps");
  CHECK(must(unpack(archive, zip, apps, "one")));
  CHECK(must(read_whole_file(apps + "/one/data/run.sh", 100)) == "#!/bin/sh\n");
  CHECK((fs::status(apps + "/one/data/run.sh").permissions() & fs::perms::owner_exec) !=
        fs::perms::none);
  CHECK(must(read_app(apps + "/one")).title == "a");
  folder.write("apps/one/mine", "1");
  CHECK(!must(unpack(archive, zip, apps, "one")));
  CHECK(fs::exists(apps + "/one/mine"));
  CHECK(entries_in(apps) == 1);
  // What is packed again is the same files.
  const auto files = must(files_below(apps + "/one"));
  REQUIRE(files.size() == 4);
  CHECK(files[0].path == "data/run.sh");
  CHECK(files[0].is_executable);
}

TEST_CASE("nothing of a refused archive stays, and nothing is written through a link") {
  const TestFolder folder;
  const std::string apps = folder.file("apps");
  fixture::ZipPart damaged("b", "bytes");
  damaged.sum ^= 1;
  const std::string zip = fixture::zip_of({fixture::ZipPart("a", "first"), damaged});
  const Archive archive = must(read_archive(zip));
  const auto refused = unpack(archive, zip, apps, "x");
  REQUIRE(!refused.ok());
  CHECK(refused.error().where == "b");
  CHECK(entries_in(apps) == 0);
  // Somebody has put a link where the app would be: it stays what it is, and so does its end.
  const std::string good = make_zip({{"a", "1", false}});
  fs::create_directory(folder.file("elsewhere"));
  fs::create_directory_symlink(folder.file("elsewhere"), apps + "/linked");
  const auto through = unpack(must(read_archive(good)), good, apps, "linked");
  CHECK(!through.ok());
  CHECK(entries_in(folder.file("elsewhere")) == 0);
  CHECK(entries_in(apps) == 1);
}

TEST_CASE("what a killed process left half-written goes with the next one") {
  const TestFolder folder;
  const std::string apps = folder.file("apps");
  folder.write("apps/.unpacking-old-abcdef/file", "1");
  const std::string zip = make_zip({{"a", "1", false}});
  CHECK(must(unpack(must(read_archive(zip)), zip, apps, "new")));
  CHECK(entries_in(apps) == 1);
}

TEST_CASE("links and devices aren't packed") {
  const TestFolder folder;
  folder.write("app/manifest.yml", "name: a\n");
  folder.write("app/__pycache__/x.pyc", "1");
  CHECK(must(files_below(folder.file("app"))).size() == 1);
  fs::create_symlink("/etc/passwd", folder.file("app/link"));
  const auto files = files_below(folder.file("app"));
  REQUIRE(!files.ok());
  CHECK(files.error().where.ends_with("app/link"));
}
