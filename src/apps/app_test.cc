#include "apps/app.h"

#include <doctest/doctest.h>

#include "apps/lookup.h"
#include "base/test_fixture.h"

using namespace galileo;
using namespace galileo::apps;

TEST_CASE("a manifest is read as the old system read it") {
  const App app = must(read_manifest("name: uploads\nsizes: [1, 010, 2.5, yes, 'yes']\n", "m"));
  CHECK(app.title == "uploads");
  CHECK(app.manifest == R"({"name": "uploads", "sizes": [1, 8, 2.5, true, "yes"]})");
  for (const char* wrong :
       {"", "- name", "name:", "name: [a]", "title: x", "name: a\nname: b", "a: b: c"}) {
    CAPTURE(wrong);
    const auto read = read_manifest(wrong, "apps/x/manifest.yml");
    REQUIRE(!read.ok());
    CHECK(read.error().where.starts_with("apps/x/manifest.yml"));
    CHECK(!read.error().why.empty());
  }
}

TEST_CASE("a name is one folder's") {
  for (const char* good : {"a", "my-app", "App 2", "ärzte", "a.b"})
    CHECK(check_app_name(good).ok());
  for (const char* wrong :
       {"", ".", "..", ".hidden", "a/b", "../a", "/a", "a\\b", "a\nb", "\xff"}) {
    CAPTURE(wrong);
    CHECK(!check_app_name(wrong).ok());
  }
  CHECK(!check_app_name(std::string(101, 'a')).ok());
}

TEST_CASE("an app is its folder's name, and lists show the manifest's") {
  const TestFolder folder;
  folder.write("apps/one/manifest.yml", "name: Uploads\n");
  folder.write("apps/one/generator.py", "");
  folder.write("apps/half/manifest.yml", "name: half\n");
  folder.write("apps/.unpacking-x/manifest.yml", "name: x\n");
  folder.write("apps/file", "");
  const auto apps = must(apps_in(folder.file("apps")));
  REQUIRE(apps.size() == 1);
  CHECK(apps[0].name == "one");
  CHECK(apps[0].title == "Uploads");
  CHECK(must(apps_in(folder.file("none"))).empty());
  const AppPlaces places{folder.file("apps"), ""};
  CHECK(must(find_app(places, "one")).path == folder.file("apps/one"));
  CHECK(must(find_app_or_folder({}, folder.file("apps/one/"))).name == "one");
  const auto half = find_app(places, "half");
  REQUIRE(!half.ok());
  CHECK(half.error().why == "it has no generator.py");
  const auto none = find_app(places, "none");
  REQUIRE(!none.ok());
  CHECK(none.error().code == ErrorCode::kNotFound);
  CHECK(none.error().why.find("there is no repository") != std::string::npos);
}
