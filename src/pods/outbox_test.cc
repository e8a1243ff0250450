#include "pods/outbox.h"

#include "pods/pods_fixture.h"

namespace galileo::pods {
namespace {

constexpr std::size_t kRoom = 1000;

TEST_CASE("what is put goes out in its order, a batch again until it is settled") {
  Outbox box(kRoom);
  CHECK(box.empty());
  CHECK(box.batch(kNow).empty());
  box.put("1 a");
  box.put("2 b");
  CHECK(box.batch(kNow) == Names{"1 a", "2 b"});
  box.put("3 c");
  CHECK(box.batch(kNow) == Names{"1 a", "2 b"});
  CHECK(box.mark() == "1");
  CHECK(box.size() == 3);
  box.settle();
  CHECK(box.batch(kNow) == Names{"3 c"});
  CHECK(box.mark() == "2");
  box.settle();
  CHECK(box.empty());
}

TEST_CASE("the mark tells whether a batch without an answer is out") {
  struct Case {
    std::optional<std::string> mark;
    Names next;
    std::uint64_t unsure;
  };
  const std::string warning = R"(1795500000.0000000 adapter/unsure {"events":1})";
  for (const Case& one : {Case{"2", {}, 0},                            // it is
                          Case{"1", {"2 b"}, 0},                       // it isn't
                          Case{"0", {warning, "2 b"}, 1},              // an older state came back
                          Case{std::nullopt, {warning, "2 b"}, 1}}) {  // all is forgotten
    Outbox box(kRoom);
    box.put("1 a");
    box.batch(kNow);
    box.settle();
    box.put("2 b");
    box.batch(kNow);
    box.doubt();
    CHECK(box.in_doubt());
    box.resolve(one.mark, kNow);
    CHECK_FALSE(box.in_doubt());
    CHECK(box.batch(kNow) == one.next);
    CHECK(box.unsure() == one.unsure);
    CHECK(box.made() == one.unsure);
  }
}

TEST_CASE("the first batch's mark is compared with the one that stands before any") {
  Outbox box(kRoom);
  box.put("1 a");
  box.batch(kNow);
  box.doubt();
  box.resolve("0", kNow);
  CHECK(box.batch(kNow) == Names{"1 a"});
}

TEST_CASE(
    "where there is no room the oldest go, and an event says how many, where they are missing") {
  Outbox box(10);
  for (const char* line : {"1 aaaa", "2 bbbb", "3 c", "4 d"}) box.put(line);
  CHECK(box.dropped() == 2);
  CHECK(box.batch(kNow) == Names{R"(1795500000.0000000 adapter/lost {"events":2})", "3 c", "4 d"});
  CHECK(box.made() == 1);
  // What is under way stays, whatever comes.
  for (const char* line : {"5 eeee", "6 ffff"}) box.put(line);
  CHECK(box.batch(kNow).size() == 3);
  box.settle();
  CHECK(box.batch(kNow) == Names{R"(1795500000.0000000 adapter/lost {"events":1})", "6 ffff"});
  CHECK(box.dropped() == 3);
}

TEST_CASE("one that is larger than all the room goes alone") {
  Outbox box(10);
  box.put(std::string(100, 'x'));
  CHECK(box.batch(kNow) == Names{std::string(100, 'x')});
}

TEST_CASE("thousands go in several batches") {
  Outbox box(std::size_t{1} << 20);
  for (int i = 0; i < 1200; ++i) box.put(std::to_string(i));
  std::size_t batches = 0;
  std::size_t lines = 0;
  while (!box.empty()) {
    lines += box.batch(kNow).size();
    ++batches;
    box.settle();
  }
  CHECK(lines == 1200);
  CHECK(batches == 3);
}

}  // namespace
}  // namespace galileo::pods
