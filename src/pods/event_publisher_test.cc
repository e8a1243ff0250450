#include "pods/event_publisher.h"

#include <mutex>

#include "bus/in_process.h"
#include "bus/keys.h"
#include "net/waiting_fixture.h"
#include "pods/pods_fixture.h"

namespace galileo::pods {
namespace {

using net::eventually;

struct Listening {
  std::unique_ptr<bus::Bus> bus = bus::make_in_process();
  std::mutex mutex;
  Names lines;
  std::unique_ptr<bus::Subscription> subscription =
      *bus->subscribe({std::string(bus::kEvents)}, {}, [this](auto, std::string_view line) {
        const std::lock_guard hold(mutex);
        lines.emplace_back(line);
      });

  Names heard() {
    const std::lock_guard hold(mutex);
    return lines;
  }
  std::string field(const std::string& node, const std::string& name) {
    const auto info = bus->hash(bus::node_info_key(node));
    return info.ok() && info->contains(name) ? info->at(name) : "";
  }
};

TEST_CASE("lines go out in their order, the last ones at the end, and nothing of it stays behind") {
  Listening on;
  {
    EventPublisher publisher(*on.bus, {.mark_key = "mark", .alive_key = "alive"});
    publisher.put({"1 a", "2 b"});
    CHECK(eventually([&] { return on.bus->text("alive")->has_value(); }));
    CHECK(eventually([&] { return publisher.published() == 2 && publisher.waiting() == 0; }));
    CHECK(on.bus->text("mark")->has_value());
    publisher.put({"3 c"});
  }
  CHECK(eventually([&] { return on.heard() == Names{"1 a", "2 b", "3 c"}; }));
  CHECK_FALSE(on.bus->text("mark")->has_value());
  CHECK_FALSE(on.bus->text("alive")->has_value());
}

TEST_CASE(
    "a node's labels stand beside what telemd writes, and again after it has wiped them out") {
  Listening on;
  const std::string key = bus::node_info_key("n1");
  REQUIRE(on.bus->change({bus::hash_set(key, {{"arch", "arm64"}})}).ok());
  EventPublisher publisher(*on.bus, {.mark_key = "mark"});
  publisher.set_node("n1", NodeFields{R"({"a":"1"})", R"({"cpu":"4"})"});
  CHECK(eventually([&] { return on.field("n1", "allocatable") == R"({"cpu":"4"})"; }));
  CHECK(on.field("n1", "labels") == R"({"a":"1"})");
  CHECK(on.field("n1", "arch") == "arm64");
  REQUIRE(on.bus->change({bus::remove_key(key)}).ok());
  CHECK(eventually([&] { return on.field("n1", "labels") == R"({"a":"1"})"; }));
  CHECK(publisher.nodes_written() == 2);
  publisher.set_node("n1", std::nullopt);
  publisher.set_node("n2", NodeFields{"{}", "{}"});
  CHECK(eventually([&] { return on.field("n2", "labels") == "{}"; }));
  CHECK(on.field("n1", "labels") == R"({"a":"1"})");  // what was recorded of it stays
}

TEST_CASE("a node whose key holds something else leaves the others their fields") {
  Listening on;
  REQUIRE(on.bus->change({bus::set_text(bus::node_info_key("n1"), "x")}).ok());
  EventPublisher publisher(*on.bus, {.mark_key = "mark"});
  publisher.set_node("n1", NodeFields{"{}", "{}"});
  publisher.set_node("n2", NodeFields{"{}", "{}"});
  CHECK(eventually([&] { return on.field("n2", "labels") == "{}"; }));
  REQUIRE(on.bus->change({bus::remove_key(bus::node_info_key("n2"))}).ok());
  CHECK(eventually([&] { return on.field("n2", "labels") == "{}"; }));
}

TEST_CASE("who comes later finds the pods that were told, also after a server that has forgotten") {
  Listening on;
  const std::string key(bus::kToldPods);
  const auto told = [&] { return *on.bus->hash(key); };
  using Told = std::map<std::string, std::string>;
  {
    EventPublisher publisher(*on.bus, {.mark_key = "mark"});
    publisher.set_pod("u1", "pod/create {}");
    publisher.set_pod("u2", "pod/create {}");
    publisher.set_pod("u1", "pod/running {}");
    publisher.set_pod("u2", std::nullopt);
    CHECK(eventually([&] { return told() == Told{{"u1", "pod/running {}"}}; }));
    for (int i = 0; i < 450; ++i) publisher.set_pod(std::to_string(i), "pod/create {}");
    CHECK(eventually([&] { return told().size() == 451; }));
    REQUIRE(on.bus->change({bus::remove_key(key)}).ok());
    CHECK(eventually([&] { return told().size() == 451; }));
  }
  CHECK(told().empty());
}

}  // namespace
}  // namespace galileo::pods
