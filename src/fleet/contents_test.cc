#include "fleet/contents.h"

#include "base/file.h"
#include "base/test_fixture.h"
#include "bus/in_process.h"
#include "bus/keys.h"
#include "fleet/taken_requests.h"

namespace galileo::fleet {
namespace {

// Big enough for three pieces.
std::string much() {
  std::string bytes(wire::kContentPiece * 2 + 5, 'x');
  bytes[wire::kContentPiece] = '\0';
  return bytes;
}

bool never() {
  return false;
}

TEST_CASE("bytes that a controller puts on the bus are what a worker takes, and go with the run") {
  const auto bus = bus::make_in_process();
  for (const std::string& bytes : {std::string(), std::string("a\0b", 3), much()}) {
    ContentShelf shelf(*bus, "run");
    const wire::ContentName name = must(shelf.put(bytes, "file"));
    CHECK(wire::is_content_hash(name.hash));
    CHECK(must(take_content(*bus, "run", name, &never)) == bytes);
    // Once, however often it is put.
    CHECK(must(shelf.put(bytes, "other")).hash == name.hash);
    const std::string key = bus::run_content_key("run", name.hash);
    CHECK(must(bus->list_size(key)) == (bytes.empty() ? 0 : bytes.size() < 10 ? 1 : 3));
    shelf.clear();
    CHECK(must(bus->list_size(key)) == 0);
    if (!bytes.empty()) CHECK_FALSE(take_content(*bus, "run", name, &never).ok());
  }
}

TEST_CASE("what isn't what its SHA-256 says is refused by the file's name") {
  const auto bus = bus::make_in_process();
  ContentShelf shelf(*bus, "run");
  const wire::ContentName name = must(shelf.put("good", "rows.csv"));
  const std::string key = bus::run_content_key("run", name.hash);
  must(bus->change({bus::remove_key(key), bus::list_push_right(key, {"evil"})}));
  const auto taken = take_content(*bus, "run", name, &never);
  REQUIRE_FALSE(taken.ok());
  CHECK(taken.error().where == "rows.csv");
  CHECK(taken.error().why == "it isn't what its SHA-256 says");
  const auto stopped = take_content(*bus, "run", name, [] { return true; });
  CHECK(stopped.error().code == ErrorCode::kInterrupted);
}

TEST_CASE("a file that is too large is refused by its name, with the bound") {
  CHECK(check_content_size(wire::kContentMax, wire::kContentMax, "f").ok());
  CHECK_FALSE(check_content_size(wire::kContentMax, wire::kContentMax + 1, "f").ok());
  const auto refused = check_content_size(wire::kContentMax + 1, 0, "big.csv");
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().where == "big.csv");
  CHECK(refused.error().why.find("at most 256.0 MiB") != std::string::npos);
}

TEST_CASE("a content is kept as long as a run has it") {
  TakenRequests taken;
  auto file = must(UnnamedFile::make("bytes"));
  CHECK(must(read_whole_file(file->path(), 10)) == "bytes");
  taken.keep("a", std::move(file));
  taken.keep("b", must(UnnamedFile::make("")));
  std::map<std::string, TakenRequest> requests;
  requests["d"].times = {Duration{1}};
  taken.put("one", std::move(requests), {"a"}, Time{Duration{5}});
  CHECK(taken.path_of("b").empty());  // nobody has it
  taken.put("two", {}, {"a"}, Time{Duration{7}});
  REQUIRE(taken.find("one", "d"));
  CHECK(taken.find("one", "d")->times.size() == 1);
  CHECK_FALSE(taken.find("two", "d"));
  CHECK_FALSE(taken.find("three", "d"));
  CHECK(taken.older_than(Time{Duration{6}}) == std::vector<std::string>{"one"});
  taken.forget("one");
  CHECK_FALSE(taken.path_of("a").empty());
  taken.forget("two");
  CHECK(taken.contents() == 0);
}

}  // namespace
}  // namespace galileo::fleet
