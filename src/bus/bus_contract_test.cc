// One suite over both drivers: what bus.h says holds for each. For redis a real server is started
// once and emptied before each case; `other` is a second connection to it, of another process as
// far as the server knows. In one process both names are of one bus.
#include <future>

#include "bus/bus_fixture.h"
#include "bus/fenced.h"

using namespace galileo;
using namespace galileo::bus;

namespace {

using std::chrono::milliseconds;
using Texts = std::vector<std::string>;
using Fields = std::map<std::string, std::string>;
using Counts = std::vector<std::int64_t>;

ErrorCode code_of(const auto& result) {
  REQUIRE_FALSE(result.ok());
  CHECK_FALSE(result.error().what.empty());
  CHECK_FALSE(result.error().why.empty());
  CHECK_FALSE(result.error().hint.empty());
  return result.error().code;
}

}  // namespace

TEST_CASE("what is published reaches whoever listens, and the publisher learns how many") {
  FOR_EACH_DRIVER() {
    CHECK(must(bus.publish("news", "nobody")) == 0);
    Heard a;
    Heard b;
    auto first = must(other.subscribe({"news", "more"}, {}, a.handler()));
    CHECK(must(bus.publish("news", "one")) == 1);
    {
      const auto second = must(bus.subscribe({"news"}, {}, b.handler()));
      CHECK(must(bus.publish("news", "two")) == 2);
      CHECK(must(bus.publish("more", "")) == 1);
      CHECK(b.take(1) == Texts{"news=two"});
    }
    must(bus.publish("news", std::string("3\0\r\n\xff", 5)));
    CHECK(a.take(4) == Texts{"news=one", "news=two", "more=", std::string("news=3\0\r\n\xff", 10)});
    first.reset();
    CHECK(eventually([&] { return must(bus.publish("news", "nobody")) == 0; }));
    CHECK(a.take(0).empty());
    CHECK(b.take(0).empty());
  }
}

TEST_CASE("each listener counts, also those of one bus to one channel") {
  FOR_EACH_DRIVER() {
    Heard heard;
    std::vector<std::unique_ptr<Subscription>> clients;
    for (int i = 0; i < 5; ++i)
      clients.push_back(must(bus.subscribe({"info"}, {}, heard.handler())));
    CHECK(must(other.publish("info", "?")) == 5);
    CHECK(heard.take(5).size() == 5);
    clients.erase(clients.begin());
    CHECK(eventually([&] { return must(other.publish("info", "?")) == 4; }));
    clients.push_back(must(bus.subscribe({"info", "info"}, {}, heard.handler())));
    CHECK(must(other.publish("info", "?")) == 5);
  }
}

TEST_CASE("a pattern hears all channels that match, and counts beside the channel's name") {
  FOR_EACH_DRIVER() {
    Heard heard;
    const auto all =
        must(bus.subscribe({"telem/a/cpu"}, {"telem/*", "telem/?/ram"}, heard.handler()));
    CHECK(must(other.publish("telem/a/cpu", "1")) == 2);
    CHECK(must(other.publish("telem/b/ram", "2")) == 2);
    CHECK(must(other.publish("telem/b/disk", "3")) == 1);
    CHECK(must(other.publish("elsewhere", "4")) == 0);
    CHECK(heard.take(5) == Texts{"telem/a/cpu=1", "telem/a/cpu=1", "telem/b/ram=2", "telem/b/ram=2",
                                 "telem/b/disk=3"});
  }
}

TEST_CASE("many messages go out in their order, each with its count") {
  FOR_EACH_DRIVER() {
    Heard heard;
    const auto listener = must(other.subscribe({"traces"}, {}, heard.handler()));
    Texts messages;
    for (int i = 0; i < 20'000; ++i) messages.push_back(fmt::format("{:0>100}", i));
    const std::vector<std::string_view> views(messages.begin(), messages.end());
    CHECK(must(bus.publish_all("traces", views)) == std::vector<std::uint64_t>(20'000, 1));
    const Texts got = heard.take(20'000);
    REQUIRE(got.size() == 20'000);
    bool in_order = true;
    for (std::size_t i = 0; i < got.size(); ++i) in_order &= got[i] == "traces=" + messages[i];
    CHECK(in_order);
    CHECK(must(bus.publish_all("traces", {})).empty());
  }
}

TEST_CASE("a message of many megabytes arrives whole") {
  FOR_EACH_DRIVER() {
    Heard heard;
    const auto listener = must(other.subscribe({"large"}, {}, heard.handler()));
    const std::string large(12'345'678, 'x');
    CHECK(must(bus.publish("large", large)) == 1);
    CHECK(heard.take(1) == Texts{"large=" + large});
    must(bus.change({set_text("large", large)}));
    CHECK(must(other.text("large")) == large);
  }
}

TEST_CASE("texts, sets, hashes and lists are kept, and each change tells its number") {
  FOR_EACH_DRIVER() {
    CHECK_FALSE(must(bus.text("t")).has_value());
    CHECK(must(bus.set_members("s")).empty());
    CHECK(must(bus.hash("h")).empty());
    CHECK(must(bus.list("l")).empty());
    CHECK(must(bus.list_size("l")) == 0);
    CHECK(must(bus.change({})).empty());
    CHECK(must(bus.change({set_add("s", {"b", "a", "b"})})) == Counts{2});
    CHECK(must(bus.change({set_text("t", ""), set_add("s", {"a", "c"}),
                           hash_set("h", {{"f", "1"}, {"g", "2"}}), list_push_left("l", {"x", "y"}),
                           list_push_right("l", {"z"}), publish_in("news", "x")})) ==
          Counts{1, 1, 2, 2, 3, 0});
    CHECK(must(other.text("t")) == "");
    CHECK(must(other.set_members("s")) == Texts{"a", "b", "c"});
    CHECK(must(other.hash("h")) == Fields{{"f", "1"}, {"g", "2"}});
    CHECK(must(other.list("l")) == Texts{"y", "x", "z"});
    CHECK(must(other.list_size("l")) == 3);
    CHECK(must(bus.change({hash_set("h", {{"f", "3"}, {"i", ""}}), hash_remove("h", {"g", "none"}),
                           set_remove("s", {"a", "b", "none"}), remove_key("t"),
                           remove_key("none")})) == Counts{1, 1, 2, 1, 0});
    CHECK(must(other.hash("h")) == Fields{{"f", "3"}, {"i", ""}});
    must(bus.change({hash_set("g", {{"a", "1"}})}));
    CHECK(must(other.hashes({"g", "none", "h", "g"})) ==
          std::vector<Fields>{{{"a", "1"}}, {}, {{"f", "3"}, {"i", ""}}, {{"a", "1"}}});
    CHECK(must(other.hashes({})).empty());
    CHECK(must(other.set_members("s")) == Texts{"c"});
    CHECK_FALSE(must(other.text("t")).has_value());
  }
}

TEST_CASE("what is empty isn't there, and a change of nothing does nothing") {
  FOR_EACH_DRIVER() {
    must(
        bus.change({set_add("s", {"a"}), hash_set("h", {{"f", "1"}}), list_push_left("l", {"x"})}));
    CHECK(must(bus.keys("*")) == Texts{"h", "l", "s"});
    CHECK(must(bus.change({set_add("s", {}), set_remove("s", {}), hash_set("h", {}),
                           hash_remove("h", {}), list_push_left("l", {}),
                           list_push_right("l", {})})) == Counts(6, 0));
    must(bus.change({set_remove("s", {"a"}), hash_remove("h", {"f"})}));
    CHECK(must(bus.pop_right("l")) == "x");
    CHECK(must(bus.keys("*")).empty());
  }
}

TEST_CASE("an element of a list is taken out by its value, once, and by one of many only") {
  FOR_EACH_DRIVER() {
    must(bus.change({list_push_right("l", {"a", "b", "a", "c"})}));
    CHECK(must(bus.change({list_remove("l", "a"), list_remove("l", "none"),
                           list_remove("none", "a")})) == Counts{1, 0, 0});
    CHECK(must(other.list("l")) == Texts{"b", "a", "c"});
    must(bus.change({list_remove("l", "a"), list_remove("l", "b"), list_remove("l", "c")}));
    CHECK(must(bus.keys("*")).empty());
  }
}

TEST_CASE("parts of a list, counted from both ends, and several lists at one moment") {
  FOR_EACH_DRIVER() {
    must(bus.change({list_push_right("l", {"0", "1", "2", "3"}), list_push_right("m", {"", "b"})}));
    CHECK(must(bus.list("l", 1, 2)) == Texts{"1", "2"});
    CHECK(must(bus.list("l", -2)) == Texts{"2", "3"});
    CHECK(must(bus.list("l", -100, 0)) == Texts{"0"});
    CHECK(must(bus.list("l", 2, 100)) == Texts{"2", "3"});
    CHECK(must(bus.list("l", 3, 1)).empty());
    CHECK(must(bus.list("l", 0, -5)).empty());
    CHECK(must(bus.lists({"m", "none", "l"})) ==
          std::vector<Texts>{{"", "b"}, {}, {"0", "1", "2", "3"}});
    CHECK(must(bus.lists({})).empty());
  }
}

TEST_CASE("a list is taken from its end, one by one or many at once") {
  FOR_EACH_DRIVER() {
    must(bus.change({list_push_left("l", {"a", "b", "c", "d", "e"})}));
    CHECK(must(bus.pop_right("l")) == "a");
    CHECK(must(bus.pop_right("l", milliseconds{500})) == "b");
    CHECK(must(bus.pop_right_many("l", 0)).empty());
    CHECK(must(bus.pop_right_many("l", 2)) == Texts{"c", "d"});
    CHECK(must(bus.pop_right_many("l", 100)) == Texts{"e"});
    CHECK(must(bus.pop_right_many("l", 100)).empty());
    CHECK_FALSE(must(bus.pop_right("l")).has_value());
  }
}

TEST_CASE("taking from an empty list waits for who pushes, the oldest first, or for nothing") {
  FOR_EACH_DRIVER() {
    const net::RealClock clock;
    const Time begin = clock.now();
    CHECK_FALSE(must(bus.pop_right("queue", milliseconds{120})).has_value());
    CHECK(clock.now() - begin >= milliseconds{100});
    auto first = std::async(std::launch::async,
                            [&] { return bus.pop_right("queue", std::chrono::seconds{10}); });
    net::pause_thread(milliseconds{40});
    auto second = std::async(std::launch::async,
                             [&] { return bus.pop_right("queue", std::chrono::seconds{10}); });
    net::pause_thread(milliseconds{40});
    // Other calls go on while these wait.
    CHECK(must(other.change({list_push_left("queue", {"1"})})) == Counts{1});
    CHECK(must(first.get()) == "1");
    CHECK(must(other.change({list_push_left("queue", {"2", "3"})})) == Counts{2});
    CHECK(must(second.get()) == "2");
    CHECK(must(bus.list("queue")) == Texts{"3"});
  }
}

TEST_CASE("what expires is gone when its time has come") {
  FOR_EACH_DRIVER() {
    must(bus.change({set_text("beat", "x", milliseconds{30}), set_text("stays", "y"),
                     list_push_left("answer", {"z"}), expire("answer", milliseconds{30})}));
    CHECK(must(bus.change({expire("none", milliseconds{30})})) == Counts{0});
    CHECK(must(bus.change({expire("stays", std::chrono::seconds{300})})) == Counts{1});
    CHECK(eventually([&] { return must(other.keys("*")) == Texts{"stays"}; }));
    CHECK_FALSE(must(other.text("beat")).has_value());
    CHECK_FALSE(must(other.pop_right("answer")).has_value());
    CHECK(must(bus.change({set_text("beat", "x", milliseconds{30}), set_text("beat", "x")})) ==
          Counts{1, 1});
    net::pause_thread(milliseconds{50});
    CHECK(must(bus.text("beat")) == "x");
  }
}

TEST_CASE("a key that holds something else is an error, and the changes beside it are made") {
  FOR_EACH_DRIVER() {
    must(bus.change({set_text("t", "x"), set_add("s", {"a"})}));
    CHECK(code_of(bus.text("s")) == ErrorCode::kCorrupt);
    CHECK(code_of(bus.set_members("t")) == ErrorCode::kCorrupt);
    CHECK(code_of(bus.hash("t")) == ErrorCode::kCorrupt);
    CHECK(code_of(bus.hashes({"h", "t", "h"})) == ErrorCode::kCorrupt);
    CHECK(code_of(bus.list("t")) == ErrorCode::kCorrupt);
    CHECK(code_of(bus.lists({"l", "t"})) == ErrorCode::kCorrupt);
    CHECK(code_of(bus.list_size("t")) == ErrorCode::kCorrupt);
    CHECK(code_of(bus.pop_right("t")) == ErrorCode::kCorrupt);
    CHECK(code_of(bus.pop_right("t", milliseconds{10})) == ErrorCode::kCorrupt);
    CHECK(code_of(bus.pop_right_many("t", 2)) == ErrorCode::kCorrupt);
    CHECK(code_of(bus.change({set_add("t", {"a"})})) == ErrorCode::kCorrupt);
    CHECK(code_of(bus.change({set_add("t", {"a"}), set_add("s", {"b"})})) == ErrorCode::kCorrupt);
    CHECK(must(bus.set_members("s")) == Texts{"a", "b"});
    // The bus goes on.
    CHECK(must(bus.text("t")) == "x");
  }
}

TEST_CASE("keys and channels are found by pattern") {
  FOR_EACH_DRIVER() {
    std::vector<Change> changes;
    for (int i = 0; i < 2500; ++i) changes.push_back(set_text(fmt::format("many:{}", i), "x"));
    changes.push_back(set_text("worker:a:clients", "x"));
    changes.push_back(set_text("worker:b:clients", "x"));
    changes.push_back(set_text("worker:b", "x"));
    must(bus.change(changes));
    CHECK(must(bus.keys("worker:*:clients")) == Texts{"worker:a:clients", "worker:b:clients"});
    CHECK(must(bus.keys("worker:?")) == Texts{"worker:b"});
    CHECK(must(bus.keys("many:*")).size() == 2500);
    CHECK(must(bus.keys("none*")).empty());
    Heard heard;
    const auto a = must(bus.subscribe({"telemcmd/a", "telemcmd/b", "x"}, {"p*"}, heard.handler()));
    const auto b = must(other.subscribe({"telemcmd/a"}, {}, heard.handler()));
    CHECK(must(bus.channels("telemcmd/*")) == Texts{"telemcmd/a", "telemcmd/b"});
    CHECK(must(bus.channels("*")) == Texts{"telemcmd/a", "telemcmd/b", "x"});
  }
}

TEST_CASE("patterns mean the same to both drivers") {
  FOR_EACH_DRIVER() {
    const Texts keys = {"a", "ab", "abc", "a*c", "a[c", "a-c", "b", "", "\\"};
    std::vector<Change> changes;
    for (const auto& key : keys) changes.push_back(set_text("k" + key, "x"));
    must(bus.change(changes));
    const auto found = [&](const std::string& pattern) { return must(bus.keys("k" + pattern)); };
    CHECK(found("") == Texts{"k"});
    CHECK(found("a?") == Texts{"kab"});
    CHECK(found("a*c") == Texts{"ka*c", "ka-c", "ka[c", "kabc"});
    CHECK(found("a\\*c") == Texts{"ka*c"});
    CHECK(found("a\\[c") == Texts{"ka[c"});
    CHECK(found("[ab]") == Texts{"ka", "kb"});
    CHECK(found("[^a]") == Texts{"k\\", "kb"});
    CHECK(found("a[a-c]c") == Texts{"kabc"});
    CHECK(found("a[c-a]c") == Texts{"kabc"});
    CHECK(found("a[\\-x]c") == Texts{"ka-c"});
    CHECK(found("*b*") == Texts{"kab", "kabc", "kb"});
    CHECK(found("**") == must(bus.keys("*")));
    CHECK(found("[ab") == Texts{"ka", "kb"});
  }
}

TEST_CASE("many threads may use one bus at once") {
  FOR_EACH_DRIVER() {
    Heard heard;
    const auto listener = must(other.subscribe({"n"}, {}, heard.handler()));
    std::vector<std::future<bool>> threads;
    for (int t = 0; t < 8; ++t) {
      threads.push_back(std::async(std::launch::async, [&bus, t] {
        bool fine = true;
        const std::string key = fmt::format("thread:{}", t);
        for (int i = 0; i < 50; ++i) {
          fine &= bus.publish("n", key).ok();
          const auto made =
              bus.change({list_push_left(key, {std::to_string(i)}), set_text("x", key)});
          fine &= made.ok() && made->front() == i + 1;
          const auto read = bus.list(key, 0, 0);
          fine &= read.ok() && *read == Texts{std::to_string(i)};
        }
        return fine;
      }));
    }
    for (auto& thread : threads) CHECK(thread.get());
    CHECK(heard.take(400).size() == 400);
  }
}

TEST_CASE("subscriptions come and go while messages flow") {
  FOR_EACH_DRIVER() {
    Heard heard;
    const auto stays = must(other.subscribe({"flow"}, {}, heard.handler()));
    auto publisher = std::async(std::launch::async, [&] {
      bool fine = true;
      for (int i = 0; i < 300; ++i) fine &= bus.publish("flow", "x").ok();
      return fine;
    });
    for (int i = 0; i < 20; ++i) {
      Heard passing;
      const auto goes = must(other.subscribe({"flow", "a"}, {"f*"}, passing.handler()));
    }
    CHECK(publisher.get());
    CHECK(heard.take(300).size() == 300);
  }
}

TEST_CASE("changes are made where keys hold what is expected, all or none") {
  FOR_EACH_DRIVER() {
    const auto free = must(bus.change_if(
        {{"lease", std::nullopt}}, {set_text("lease", "mine"), list_push_left("l", {"1", "2"})}));
    REQUIRE(free.has_value());
    CHECK(*free == Counts{1, 2});
    CHECK_FALSE(must(other.change_if({{"lease", std::nullopt}}, {set_text("lease", "x")})));
    CHECK_FALSE(must(other.change_if({{"lease", "min"}}, {set_text("lease", "x")})));
    CHECK(must(bus.text("lease")) == "mine");
    const auto mine =
        must(bus.change_if({{"lease", "mine"}, {"no", std::nullopt}},
                           {list_push_right("l", {"3"}), set_add("s", {}), publish_in("n", "")}));
    REQUIRE(mine.has_value());
    CHECK(*mine == Counts{3, 0, 0});
    CHECK(must(bus.list("l")) == Texts{"2", "1", "3"});
    CHECK(must(bus.change_if({{"lease", "mine"}}, {})).has_value());
    CHECK(code_of(bus.change_if({{"lease", "mine"}}, {set_add("l", {"x"})})) ==
          ErrorCode::kCorrupt);
    must(bus.change({set_text("lease", "")}));
    CHECK_FALSE(must(bus.change_if({{"lease", std::nullopt}}, {})).has_value());
  }
}

TEST_CASE("a change on a condition may be as long as any") {
  FOR_EACH_DRIVER() {
    Texts many;
    for (int i = 0; i < 10'001; ++i) many.push_back(std::to_string(i));
    const auto made = must(bus.change_if(
        {}, {list_push_left("l", many), set_add("s", many), set_add("s", {"0", "new"})}));
    REQUIRE(made.has_value());
    CHECK(*made == Counts{10'001, 10'001, 1});
    CHECK(must(bus.list("l", 0, 0)) == Texts{"10000"});
  }
}

TEST_CASE("a list's last element moves to another one's beginning; a list is cut to its end") {
  FOR_EACH_DRIVER() {
    CHECK(must(bus.change({list_move("a", "b")})) == Counts{0});
    must(bus.change({list_push_right("a", {"1", "2", "3"})}));
    CHECK(must(bus.change({list_move("a", "b"), list_move("a", "b")})) == Counts{1, 1});
    CHECK(must(bus.list("a")) == Texts{"1"});
    CHECK(must(bus.list("b")) == Texts{"2", "3"});
    CHECK(must(bus.change_if({}, {list_move("a", "b")})) == Counts{1});
    CHECK(must(bus.list("b")) == Texts{"1", "2", "3"});
    must(bus.change({list_keep_last("b", 2)}));
    CHECK(must(bus.list("b")) == Texts{"2", "3"});
    must(bus.change({list_keep_last("b", 5), list_keep_last("none", 5)}));
    CHECK(must(bus.list("b")) == Texts{"2", "3"});
    must(bus.change({list_keep_last("b", 0)}));
    CHECK(must(bus.keys("*")).empty());
  }
}

TEST_CASE("who has lost what it held changes nothing and is heard by nobody") {
  FOR_EACH_DRIVER() {
    Heard heard;
    const auto listener = must(other.subscribe({"n"}, {}, heard.handler()));
    must(bus.change({set_text("lease", "1")}));
    const auto fenced = make_fenced(bus, {"lease", "1"}, "it is another's");
    CHECK(must(fenced->publish("n", "a")) == 1);
    CHECK(must(fenced->publish_all("n", {"b", "c"})).size() == 2);
    CHECK(must(fenced->change({set_text("k", "1")})) == Counts{1});
    must(other.change({set_text("lease", "2")}));
    CHECK(fenced->publish("n", "d").error().code == ErrorCode::kInterrupted);
    CHECK(fenced->change({set_text("k", "2")}).error().why == "it is another's");
    CHECK_FALSE(fenced->change_if({{"k", "1"}}, {set_text("k", "2")}).ok());
    CHECK(must(fenced->text("k")) == "1");
    CHECK(heard.take(3) == Texts{"n=a", "n=b", "n=c"});
    CHECK(heard.take(0).empty());
  }
}
