#include "bus/rpc.h"

#include <fmt/format.h>

#include <future>

#include "bus/bus_fixture.h"
#include "wire/worker_api.h"

using namespace galileo;
using namespace galileo::bus;

namespace {

using std::chrono::milliseconds;
using Texts = std::vector<std::string>;
constexpr Duration kLong = std::chrono::seconds{10};

RpcHandler says(std::string json, std::string type = "str") {
  return [json = std::move(json), type = std::move(type)](
             const wire::RpcRequest&) -> Result<RpcResult> { return RpcResult{json, type}; };
}

}  // namespace

TEST_CASE("a call is carried out by whoever serves it, and its result comes back") {
  FOR_EACH_DRIVER() {
    RpcServer server(other);
    const auto ping = must(server.serve("WorkerDaemon.ping", says("\"node-a\"")));
    const auto echo =
        must(server.serve("echo", [](const wire::RpcRequest& request) -> Result<RpcResult> {
          return RpcResult{"[" + request.args + ", " + request.kwargs + "]", "list"};
        }));
    CHECK(must(call(bus, "WorkerDaemon.ping", "[]", kLong)) == "\"node-a\"");
    CHECK(must(call(bus, "echo", R"([1, "a,\"]"])", kLong)) == R"([[1, "a,\"]"], {}])");
    CHECK(eventually([&] { return server.counts().answered.load() == 2; }));
    CHECK(server.counts().received.load() == 2);
    // Nothing is left behind.
    CHECK(must(bus.keys("*")).empty());
  }
}

TEST_CASE("nobody serves it: that is said at once") {
  FOR_EACH_DRIVER() {
    auto result = call(bus, "WorkerDaemon.ping", "[]", kLong);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == ErrorCode::kNotFound);
    CHECK(result.error().why == "nobody serves it");
    CHECK(call_all(bus, "WorkerDaemon.ping", "[]", kLong).error().code == ErrorCode::kNotFound);
    RpcServer server(other);
    must(server.serve("WorkerDaemon.ping", says("1"))).reset();
    CHECK(eventually([&] { return !call(bus, "WorkerDaemon.ping", "[]", milliseconds{50}).ok(); }));
  }
}

TEST_CASE("everyone who serves it answers, also several in one process") {
  FOR_EACH_DRIVER() {
    RpcServer server(other);
    RpcServer second(bus);
    std::vector<std::unique_ptr<RpcRemote>> clients;
    for (int i = 0; i < 4; ++i)
      clients.push_back(
          must((i % 2 ? server : second).serve("Client.get_info", says(std::to_string(i)))));
    Texts answers;
    for (auto& answer : must(call_all(bus, "Client.get_info", "[]", kLong)))
      answers.push_back(must(std::move(answer)));
    std::sort(answers.begin(), answers.end());
    CHECK(answers == Texts{"0", "1", "2", "3"});
  }
}

TEST_CASE(
    "who doesn't answer is an error beside the answers of the others, and is waited for once") {
  FOR_EACH_DRIVER() {
    // Foreign listeners, as a pattern on the whole event bus is.
    const auto foreign = must(other.subscribe({}, {"__eventbus:*", "__event*"}, [](auto, auto) {}));
    RpcServer server(other);
    const auto ping = must(server.serve("ping", says("1")));
    const net::RealClock clock;
    const Time begin = clock.now();
    const auto answers = must(call_all(bus, "ping", "[]", milliseconds{150}));
    CHECK(clock.now() - begin < milliseconds{290});
    REQUIRE(answers.size() == 3);
    CHECK(answers[0].ok());
    CHECK_FALSE(answers[1].ok());
    CHECK(answers[2].error().code == ErrorCode::kUnavailable);
    CHECK(answers[2].error().why == "no answer in 150ms");
  }
}

TEST_CASE("a handler's error is an exception to the caller, with its type and reason") {
  FOR_EACH_DRIVER() {
    RpcServer server(other);
    const auto fails =
        must(server.serve("fails", [](const wire::RpcRequest& request) -> Result<RpcResult> {
          return Error{request.args == "[1]" ? ErrorCode::kUsage : ErrorCode::kNotFound,
                       "can't make \"it\"", "there", "why\n", "do"};
        }));
    auto result = call(bus, "fails", "[1]", kLong);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == ErrorCode::kUsage);
    CHECK(result.error().what == "can't call 'fails'");
    CHECK(result.error().why == R"(ValueError: ["can't make \"it\", there: why\n; do"])");
    CHECK(call(bus, "fails", "[]", kLong).error().code == ErrorCode::kNotFound);
  }
}

TEST_CASE("a handler may call the bus, and other remotes of other servers") {
  FOR_EACH_DRIVER() {
    RpcServer inner_server(other);
    const auto inner = must(inner_server.serve("inner", says("7", "int")));
    RpcServer server(other);
    const auto outer =
        must(server.serve("outer", [&](const wire::RpcRequest&) -> Result<RpcResult> {
          TRY(other.change({set_text("called", "yes")}));
          return RpcResult{TRY(call(other, "inner", "[]", kLong)), "int"};
        }));
    CHECK(must(call(bus, "outer", "[]", kLong)) == "7");
    CHECK(must(bus.text("called")) == "yes");
  }
}

TEST_CASE("a handler may end other functions of its server, as when it can't serve all it wanted") {
  FOR_EACH_DRIVER() {
    RpcServer server(other);
    int asked = 0;
    auto doomed = must(server.serve("doomed", [&](const wire::RpcRequest&) -> Result<RpcResult> {
      ++asked;
      return RpcResult{"1", "int"};
    }));
    const auto ends = must(server.serve("ends", [&](const wire::RpcRequest&) -> Result<RpcResult> {
      // One more request waits behind this one, for what is gone then.
      wire::RpcRequest request;
      request.fn = "doomed";
      request.response_channel = "__rpc_test";
      const std::uint64_t before = server.counts().received.load();
      must(bus.publish(wire::bus_channel("doomed"), wire::encode(request)));
      if (doomed) CHECK(eventually([&] { return server.counts().received.load() == before + 1; }));
      doomed.reset();
      return RpcResult{"2", "int"};
    }));
    CHECK(must(call(bus, "ends", "[]", kLong)) == "2");
    CHECK(must(call(bus, "ends", "[]", kLong)) == "2");
    CHECK(asked == 0);
  }
}

TEST_CASE("requests that came too late aren't carried out, and too many are dropped") {
  FOR_EACH_DRIVER() {
    RpcServer::Options options;
    options.late_after = milliseconds{30};
    options.waiting_max = 3;
    RpcServer server(other, options);
    int carried_out = 0;
    std::promise<void> first_began;
    std::promise<void> go_on;
    const auto slow = must(server.serve("slow", [&](const wire::RpcRequest&) -> Result<RpcResult> {
      if (++carried_out == 1) {
        first_began.set_value();
        go_on.get_future().wait();
      }
      return RpcResult{"1", "int"};
    }));
    wire::RpcRequest request;
    request.fn = "slow";
    request.response_channel = "__rpc_test";
    const std::string text = wire::encode(request);
    must(bus.publish(wire::bus_channel("slow"), text));
    first_began.get_future().wait();
    for (int i = 0; i < 5; ++i) must(bus.publish(wire::bus_channel("slow"), text));
    CHECK(eventually([&] { return server.counts().received.load() == 6; }));
    net::pause_thread(milliseconds{40});
    go_on.set_value();
    CHECK(eventually([&] { return server.counts().late.load() == 3; }));
    CHECK(server.counts().refused.load() == 2);
    must(bus.publish(wire::bus_channel("slow"), "no request"));
    CHECK(eventually([&] { return server.counts().malformed.load() == 1; }));
    CHECK(carried_out == 1);
    // The one answer waits for its caller, but not for ever.
    CHECK(must(bus.list_size(wire::bus_channel("__rpc_test"))) == 1);
  }
}

TEST_CASE("a call whose arguments can't be read is answered with the reason") {
  FOR_EACH_DRIVER() {
    RpcServer server(other, {});
    const auto remote = must(server.serve("f", says("1")));
    for (const char* const arguments : {R"(["\ud800"])", "[NaN]", "{}"}) {
      CAPTURE(arguments);
      must(bus.publish(wire::bus_channel("f"),
                       fmt::format(R"({{"__obj": ["f", "__rpc_x", {}, {{}}], "__type": "{}"}})",
                                   arguments, wire::RpcRequest::kType)));
      const auto text = must(bus.pop_right(wire::bus_channel("__rpc_x"), std::chrono::seconds{10}));
      REQUIRE(text);
      const auto answer = must(wire::decode_rpc_response(*text));
      CHECK(answer.error);
      CHECK(answer.fn == "f");
      CHECK(answer.result.find("the call can't be read") != std::string::npos);
    }
  }
}

TEST_CASE("an answer that nobody fetches expires") {
  FOR_EACH_DRIVER() {
    RpcServer::Options options;
    options.answer_expiry = milliseconds{60};
    RpcServer server(other, options);
    const auto remote = must(server.serve("f", says("1")));
    wire::RpcRequest request;
    request.fn = "f";
    request.response_channel = "__rpc_test";
    must(bus.publish(wire::bus_channel("f"), wire::encode(request)));
    CHECK(eventually([&] { return server.counts().answered.load() == 1; }));
    CHECK(eventually([&] { return must(bus.keys("*")).empty(); }));
  }
}

TEST_CASE("requests and answers have the bytes of the recorded session") {
  FOR_EACH_DRIVER() {
    Heard heard;
    const auto foreign =
        must(other.subscribe({wire::bus_channel("WorkerDaemon.ping")}, {}, heard.handler()));
    auto answer =
        std::async(std::launch::async, [&] { return call(bus, "WorkerDaemon.ping", "[]", kLong); });
    const Texts requests = heard.take(1);
    REQUIRE(requests.size() == 1);
    const std::string head =
        R"(__eventbus:global:WorkerDaemon.ping={"__obj": ["WorkerDaemon.ping", "__rpc_)";
    REQUIRE(requests[0].starts_with(head));
    CHECK(requests[0].substr(head.size() + 36) ==
          R"(", [], {}], "__type": "pymq.core.RpcRequest"})");
    const std::string uuid = requests[0].substr(head.size(), 36);
    CHECK(uuid[14] == '4');
    must(other.change({list_push_left(
        "__eventbus:global:__rpc_" + uuid,
        {R"({"__obj": ["WorkerDaemon.ping", "node-b", "str", false], "__type": "pymq.core.RpcResponse"})"})}));
    CHECK(must(answer.get()) == "\"node-b\"");
  }
}
