#include "bus/directory.h"

#include <fstream>
#include <limits>
#include <set>

#include "bus/bus_fixture.h"
#include "bus/keys.h"

using namespace galileo;
using namespace galileo::bus;

namespace {

using Texts = std::vector<std::string>;
using Labels = std::map<std::string, std::string>;

}  // namespace

TEST_CASE("workers come with their labels, less the secret ones, and go with all that is theirs") {
  FOR_EACH_DRIVER() {
    must(register_worker(bus, {"node-b", {{"galileo_zone", "edge"}, {"galileo_gone", "1"}}}));
    must(register_worker(bus, {"node-b",
                               {{"galileo_zone", "main"},
                                {"galileo_redis_password", "p"},
                                {"galileo_expdb_influxdb_Token", "t"},
                                {"GALILEO_SECRET_KEY", "s"}}}));
    must(register_worker(bus, {"node-a", {}}));
    CHECK(must(worker_names(other)) == Texts{"node-a", "node-b"});
    const auto found = must(workers(other));
    REQUIRE(found.size() == 2);
    CHECK(found[0].labels.empty());
    CHECK(found[1].labels == Labels{{"galileo_zone", "main"}});
    must(add_clients(bus, "node-b",
                     {{"node-b:img:0", "[\"node-b:img:0\"]"}, {"node-b:img:1", "[]"}}));
    must(bus.change({set_text(worker_heartbeat_key("node-b"), "x")}));
    must(unregister_worker(bus, "node-b"));
    CHECK(must(worker_names(other)) == Texts{"node-a"});
    CHECK(must(bus.keys("*")) == Texts{"galileo:workers"});
    for (const char* name : {"", "a:b"})
      CHECK(register_worker(bus, {name, {}}).error().code == ErrorCode::kUsage);
  }
}

TEST_CASE("clients are known by their worker, all of them together, and by what describes them") {
  FOR_EACH_DRIVER() {
    must(register_worker(bus, {"a", {}}));
    must(add_clients(bus, "a", {{"a:img:0", "[1]"}, {"a:img:1", "[2]"}}));
    must(add_clients(bus, "b", {{"b:img:0", "[3]"}}));
    CHECK(must(client_ids(other, "a")) == Texts{"a:img:0", "a:img:1"});
    CHECK(must(client_ids(other, "none")).empty());
    CHECK(must(all_client_ids(other)) == Texts{"a:img:0", "a:img:1", "b:img:0"});
    CHECK(must(client_description(other, "a:img:1")) == "[2]");
    must(remove_client(bus, "a", "a:img:1"));
    CHECK_FALSE(must(client_description(other, "a:img:1")).has_value());
    CHECK(must(client_ids(other, "a")) == Texts{"a:img:0"});
    CHECK(must(forget_workers(bus)) == Texts{"a"});
    CHECK(must(worker_names(other)).empty());
    CHECK(must(client_ids(other, "a")).empty());
    CHECK(must(client_description(other, "a:img:0")) == "[1]");
  }
}

TEST_CASE("routes are set, changed, listed, removed and cleared, and each change is told") {
  FOR_EACH_DRIVER() {
    Heard heard;
    const auto updates = must(other.subscribe({std::string(kRoutingUpdates)}, {}, heard.handler()));
    const Route hello{"hello", {"h1:8080"}, {1}};
    const Route img{"img", {"h1:8080", "h2:8080", "h1:8080"}, {5, 0.333, 0}};
    must(set_route(bus, hello));
    must(set_route(bus, {"img", {"old:1", "older:1"}, {1, 2}}));
    must(set_route(bus, img));
    CHECK(must(bus.list("routing:weights:img")) == Texts{"5", "0.333", "0"});
    CHECK(must(route(other, "img")) == img);
    CHECK_FALSE(must(route(other, "none")).has_value());
    CHECK(must(routes(other)).routes == std::vector<Route>{hello, img});
    must(remove_route(bus, "hello"));
    CHECK(must(routes(other)).routes == std::vector<Route>{img});
    must(set_route(bus, hello));
    CHECK(must(clear_routes(bus)) == Texts{"hello", "img"});
    CHECK(must(routes(other)).routes.empty());
    CHECK(must(clear_routes(bus)).empty());
    CHECK(must(bus.keys("*")).empty());
    CHECK(heard.take(7) == Texts{"routing:updates=hello", "routing:updates=img",
                                 "routing:updates=img", "routing:updates=hello",
                                 "routing:updates=hello", "routing:updates=hello",
                                 "routing:updates=img"});
  }
}

TEST_CASE("a route that can't be one isn't set") {
  FOR_EACH_DRIVER() {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double infinite = std::numeric_limits<double>::infinity();
    for (const Route& wrong :
         {Route{"", {"h"}, {1}}, Route{"s", {}, {}}, Route{"s", {"h"}, {}},
          Route{"s", {"h", "i"}, {1}}, Route{"s", {"h"}, {1, 2}}, Route{"s", {"h"}, {-1}},
          Route{"s", {"h"}, {nan}}, Route{"s", {"h"}, {infinite}}, Route{"s", {"h", ""}, {1, 1}}}) {
      const auto result = set_route(bus, wrong);
      REQUIRE_FALSE(result.ok());
      CHECK(result.error().code == ErrorCode::kUsage);
      CHECK_FALSE(result.error().why.empty());
    }
    CHECK(must(bus.keys("*")).empty());
  }
}

TEST_CASE("a stored route that can't be one is an error, and hides no other") {
  FOR_EACH_DRIVER() {
    must(set_route(bus, {"fine", {"h:1"}, {1}}));
    const auto store = [&](const std::string& service, Texts hosts, Texts weights) {
      must(bus.change({set_add("routing:services", {service}),
                       list_push_right(routing_hosts_key(service), std::move(hosts)),
                       list_push_right(routing_weights_key(service), std::move(weights))}));
    };
    store("shorter", {"a:1", "b:1"}, {"1"});
    store("text", {"a:1"}, {"many"});
    store("negative", {"a:1"}, {"-1"});
    store("nan", {"a:1"}, {"nan"});
    store("hostless", {""}, {"1"});
    store("python", {"a:1"}, {"5.0"});
    store("gone", {}, {});
    for (const char* service : {"shorter", "text", "negative", "nan", "hostless"}) {
      const auto result = route(other, service);
      REQUIRE_FALSE(result.ok());
      CHECK(result.error().code == ErrorCode::kCorrupt);
      CHECK(result.error().what == fmt::format("can't use the route of '{}'", service));
    }
    const Routes all = must(routes(other));
    CHECK(all.malformed.size() == 5);
    REQUIRE(all.routes.size() == 2);
    CHECK(all.routes[0].service == "fine");
    CHECK(all.routes[1] == Route{"python", {"a:1"}, {5}});
  }
}

TEST_CASE("the commands of the routing table are those of the recorded session") {
  if (!TestRedis::installed()) return;
  TestRedis redis;
  BusOptions options;
  options.url = redis.url();
  const auto bus = must(connect(options));
  const std::string log = redis.file("monitor");
  const pid_t monitor = start_program({"redis-cli", "-s", redis.socket(), "monitor"}, log);
  const auto lines = [&] {
    std::ifstream file(log);
    Texts found;
    for (std::string line; std::getline(file, line);) {
      if (const auto at = line.find("] "); at != std::string::npos)
        found.push_back(line.substr(at + 2));
    }
    return found;
  };
  if (!eventually(
          [&] { return std::filesystem::exists(log) && std::filesystem::file_size(log) > 0; }))
    FAIL("redis-cli doesn't run");
  must(set_route(*bus, {"img", {"H1", "H2", "H1"}, {5, 3, 2}}));
  must(remove_route(*bus, "img"));
  must(set_route(*bus, {"hello", {"H1"}, {1}}));
  must(clear_routes(*bus));
  const Texts expected = {
      "\"MULTI\"", "\"DEL\" \"routing:hosts:img\"", "\"DEL\" \"routing:weights:img\"",
      "\"SADD\" \"routing:services\" \"img\"",
      "\"RPUSH\" \"routing:hosts:img\" \"H1\" \"H2\" \"H1\"",
      "\"RPUSH\" \"routing:weights:img\" \"5\" \"3\" \"2\"",
      "\"PUBLISH\" \"routing:updates\" \"img\"", "\"EXEC\"",
      // remove
      "\"MULTI\"", "\"DEL\" \"routing:hosts:img\"", "\"DEL\" \"routing:weights:img\"",
      "\"SREM\" \"routing:services\" \"img\"", "\"PUBLISH\" \"routing:updates\" \"img\"",
      "\"EXEC\"",
      // set
      "\"MULTI\"", "\"DEL\" \"routing:hosts:hello\"", "\"DEL\" \"routing:weights:hello\"",
      "\"SADD\" \"routing:services\" \"hello\"", "\"RPUSH\" \"routing:hosts:hello\" \"H1\"",
      "\"RPUSH\" \"routing:weights:hello\" \"1\"", "\"PUBLISH\" \"routing:updates\" \"hello\"",
      "\"EXEC\"",
      // clear
      "\"SMEMBERS\" \"routing:services\"", "\"MULTI\"", "\"DEL\" \"routing:hosts:hello\"",
      "\"DEL\" \"routing:weights:hello\"", "\"PUBLISH\" \"routing:updates\" \"hello\"",
      "\"DEL\" \"routing:services\"", "\"EXEC\""};
  CHECK(eventually([&] { return lines().size() >= expected.size(); }));
  kill(monitor, SIGKILL);
  waitpid(monitor, nullptr, 0);
  CHECK(lines() == expected);
}
