// What only Redis can do to a bus: to go and come back, to want a password or TLS, to be full or
// read-only, and not to be Redis at all. Real servers on scratch folders.
#include <fstream>
#include <future>
#include <mutex>

#include "bus/bus_fixture.h"

using namespace galileo;
using namespace galileo::bus;

namespace {

using std::chrono::milliseconds;
using Texts = std::vector<std::string>;

std::unique_ptr<Bus> open_bus(const std::string& url) {
  BusOptions options;
  options.url = url;
  return must(connect(options));
}

Error error_of(const auto& result) {
  REQUIRE_FALSE(result.ok());
  return result.error();
}

Error refusal(const BusOptions& options) {
  return error_of(connect(options));
}

// What the bus's desk told, in order.
class Told {
 public:
  void add(std::string text) {
    const std::lock_guard lock(mutex_);
    texts_.push_back(std::move(text));
  }
  Texts texts() const {
    const std::lock_guard lock(mutex_);
    return texts_;
  }
  bool has(const std::string& text) const {
    const Texts all = texts();
    return std::find(all.begin(), all.end(), text) != all.end();
  }

 private:
  mutable std::mutex mutex_;
  Texts texts_;
};

// A key, a certificate for 127.0.0.1 and that host, and the authority that signed it.
void make_certificates(const TestFolder& folder, const std::string& host) {
  const std::string log = folder.file("openssl.log");
  std::ofstream(folder.file("names")) << "subjectAltName=IP:127.0.0.1,DNS:" << host << "\n";
  const auto key = [&](const char* name) {
    return std::vector<std::string>{"openssl", "ecparam", "-name", "prime256v1",
                                    "-genkey", "-noout",  "-out",  folder.file(name)};
  };
  REQUIRE(run_program(key("ca.key"), log));
  REQUIRE(run_program(key("server.key"), log));
  REQUIRE(run_program({"openssl", "req", "-x509", "-new", "-key", folder.file("ca.key"), "-days",
                       "2", "-subj", "/CN=test authority", "-out", folder.file("ca.crt")},
                      log));
  REQUIRE(run_program({"openssl", "req", "-new", "-key", folder.file("server.key"), "-subj",
                       "/CN=server", "-out", folder.file("server.csr")},
                      log));
  REQUIRE(run_program(
      {"openssl", "x509", "-req", "-in", folder.file("server.csr"), "-CA", folder.file("ca.crt"),
       "-CAkey", folder.file("ca.key"), "-CAcreateserial", "-days", "2", "-extfile",
       folder.file("names"), "-out", folder.file("server.crt")},
      log));
}

// Answers whatever comes with the same bytes.
class FakeServer {
 public:
  explicit FakeServer(std::string says) : says_(std::move(says)), desk_("fake") {
    desk_.call([this] {
      listener_ = std::make_unique<net::TcpListener>(desk_.loop(), [this](int fd) {
        ++connections;
        static_cast<void>(!write(fd, says_.data(), says_.size()));
        fds_.push_back(fd);
      });
      must(listener_->listen(must(net::literal_address("127.0.0.1", 0))));
      port_ = must(listener_->local_address()).port();
    });
  }
  ~FakeServer() {
    desk_.call([this] { listener_.reset(); });
    for (const int fd : fds_) close(fd);
  }
  std::string url() const { return fmt::format("redis://127.0.0.1:{}", port_); }
  int connections = 0;

 private:
  const std::string says_;
  std::unique_ptr<net::TcpListener> listener_;
  std::vector<int> fds_;
  std::uint16_t port_ = 0;
  net::LoopThread desk_;
};

}  // namespace

#define NEEDS_REDIS() \
  if (!TestRedis::installed()) return

TEST_CASE(
    "nobody there, a socket that isn't, and a name that isn't are told apart from a usage error") {
  BusOptions options;
  options.url = fmt::format("redis://127.0.0.1:{}", free_port());
  Error error = refusal(options);
  CHECK(error.code == ErrorCode::kUnavailable);
  CHECK(error.to_text() ==
        fmt::format("can't reach the bus, {}/0: Connection refused; is a Redis server "
                    "running there? (redis-cli -u URL ping)",
                    options.url));
  options.url = "unix:///nowhere/redis.sock";
  error = refusal(options);
  CHECK(error.code == ErrorCode::kUnavailable);
  CHECK(error.why == "No such file or directory");
  options.url = "redis://no-such-host.invalid";
  CHECK(refusal(options).code == ErrorCode::kUnavailable);
  options.url = "ftp://x";
  CHECK(refusal(options).code == ErrorCode::kUsage);
}

TEST_CASE("after a restart of the server calls go on and what was subscribed is heard again") {
  NEEDS_REDIS();
  TestRedis redis;
  const auto bus = open_bus(redis.url());
  Told told;
  bus->on_connected([&](bool connected) { told.add(connected ? "there" : "lost"); });
  const auto subscription = must(
      bus->subscribe({"news"}, {"p*"}, [&](std::string_view channel, std::string_view message) {
        told.add(fmt::format("{}={}", channel, message));
      }));
  CHECK(bus->connected());
  must(bus->change({set_text("t", "before")}));
  redis.stop();
  CHECK(eventually([&] { return told.has("lost"); }));
  CHECK_FALSE(bus->connected());
  // Made while there is no server: each waits.
  auto write =
      std::async(std::launch::async, [&] { return bus->change({set_text("t", "after")}); });
  auto read = std::async(std::launch::async, [&] { return bus->list_size("l"); });
  auto pop = std::async(std::launch::async, [&] { return bus->pop_right("q", milliseconds{300}); });
  auto more = std::async(std::launch::async,
                         [&] { return bus->subscribe({"more"}, {}, [](auto, auto) {}); });
  net::pause_thread(milliseconds{150});
  redis.start();
  CHECK(must(write.get()) == std::vector<std::int64_t>{1});
  CHECK(must(read.get()) == 0);
  CHECK_FALSE(must(pop.get()).has_value());
  const auto later = must(more.get());
  CHECK(eventually([&] { return told.has("there"); }));
  CHECK(bus->connected());
  CHECK(must(bus->text("t")) == "after");
  // All is subscribed again by the time that it was told so.
  CHECK(must(bus->publish("news", "1")) == 1);
  CHECK(must(bus->publish("pq", "2")) == 1);
  CHECK(eventually([&] { return told.has("pq=2"); }));
  CHECK(told.texts() == Texts{"lost", "there", "news=1", "pq=2"});
}

TEST_CASE(
    "a server that is killed again and again while threads publish loses no thread for long") {
  NEEDS_REDIS();
  TestRedis redis;
  const auto bus = open_bus(redis.url());
  std::atomic<bool> stop{false};
  std::vector<std::future<int>> threads;
  for (int t = 0; t < 4; ++t) {
    threads.push_back(std::async(std::launch::async, [&, t] {
      int fine = 0;
      while (!stop) {
        fine += bus->publish("x", "y").ok() ? 1 : 0;
        if (!bus->text("t").ok() && t == 0) return -1000000;  // reads are asked again
      }
      return fine;
    }));
  }
  for (int i = 0; i < 3; ++i) {
    net::pause_thread(milliseconds{60});
    redis.stop(SIGKILL);
    redis.start();
    CHECK(eventually([&] { return bus->connected(); }));
  }
  stop = true;
  for (auto& thread : threads) CHECK(thread.get() > 0);
}

TEST_CASE("a call ends at its deadline when the server hangs, and the bus recovers") {
  NEEDS_REDIS();
  TestRedis redis;
  BusOptions options;
  options.url = redis.url();
  options.call_timeout = milliseconds{200};
  const auto bus = must(connect(options));
  kill(redis.pid(), SIGSTOP);
  const Error error = error_of(bus->publish("x", "y"));
  CHECK(error.code == ErrorCode::kUnavailable);
  CHECK(error.to_text().starts_with(
      fmt::format("can't publish to 'x', {}: no answer in 200ms", redis.url())));
  kill(redis.pid(), SIGCONT);
  CHECK(must(bus->publish("x", "y")) == 0);
}

TEST_CASE("a password is wanted, right, or wrong") {
  NEEDS_REDIS();
  TestRedis redis({"--requirepass", "p@ss"});
  BusOptions options;
  options.url = redis.url();
  Error error = refusal(options);
  CHECK(error.code == ErrorCode::kUsage);
  CHECK(error.why.starts_with("NOAUTH"));
  CHECK(error.hint.find("galileo_redis_password") != std::string::npos);
  options.password = "wrong";
  error = refusal(options);
  CHECK(error.code == ErrorCode::kUsage);
  CHECK(error.why.starts_with("WRONGPASS"));
  CHECK(error.to_text().find("wrong") == std::string::npos);
  options.password = "p@ss";
  CHECK(must(must(connect(options))->publish("x", "y")) == 0);
  options.password.clear();
  options.url = "unix://:p%40ss@" + redis.socket();
  CHECK(must(connect(options))->where() == redis.url());
  // And one that has none.
  TestRedis open;
  options.url = open.url();
  options.password = "any";
  error = refusal(options);
  CHECK(error.code == ErrorCode::kUsage);
  CHECK(error.hint.find("leave galileo_redis_password out") != std::string::npos);
}

TEST_CASE("a user may do what the server's list lets it, and hears what it mustn't") {
  NEEDS_REDIS();
  const TestFolder folder;
  std::ofstream(folder.file("users")) << "user default off\n"
                                         "user worker on >secret ~galileo:* &__eventbus:* +@all\n";
  TestRedis redis({"--aclfile", folder.file("users")});
  BusOptions options;
  options.url = "unix://worker:secret@" + redis.socket();
  const auto bus = must(connect(options));
  CHECK(must(bus->change({set_text("galileo:x", "1")})) == std::vector<std::int64_t>{1});
  Error error = error_of(bus->change({set_text("other", "1")}));
  CHECK(error.code == ErrorCode::kUsage);
  CHECK(error.why.starts_with("NOPERM"));
  CHECK(error_of(bus->change({set_text("galileo:y", "1"), set_text("other", "1")})).code ==
        ErrorCode::kUsage);
  CHECK_FALSE(must(bus->text("galileo:y")).has_value());
  error = error_of(bus->subscribe({"telem"}, {}, [](auto, auto) {}));
  CHECK(error.code == ErrorCode::kUsage);
  const auto allowed = must(bus->subscribe({"__eventbus:x"}, {}, [](auto, auto) {}));
  CHECK(must(bus->publish("__eventbus:x", "")) == 1);
}

TEST_CASE("databases are apart, their channels are not") {
  NEEDS_REDIS();
  TestRedis redis;
  const auto zero = open_bus(redis.url());
  const auto three = open_bus(redis.url() + "?db=3");
  must(three->change({set_text("t", "3")}));
  CHECK_FALSE(must(zero->text("t")).has_value());
  const auto listener = must(three->subscribe({"c"}, {}, [](auto, auto) {}));
  CHECK(must(zero->publish("c", "")) == 1);
  BusOptions options;
  options.url = redis.url() + "?db=99";
  CHECK(refusal(options).code == ErrorCode::kUsage);
}

TEST_CASE("a read-only server refuses changes with a reason, and is read on") {
  NEEDS_REDIS();
  TestRedis redis({"--replicaof", "127.0.0.1 1"});
  const auto bus = open_bus(redis.url());
  for (const auto& changes : {std::vector<Change>{set_text("t", "x")},
                              std::vector<Change>{set_text("t", "x"), set_text("u", "x")}}) {
    const Error error = error_of(bus->change(changes));
    CHECK(error.code == ErrorCode::kUnavailable);
    CHECK(error.why.starts_with("READONLY"));
    CHECK(error.hint.find("primary") != std::string::npos);
  }
  CHECK_FALSE(must(bus->text("t")).has_value());
  CHECK(must(bus->publish("x", "y")) == 0);
}

TEST_CASE("a server whose memory is full refuses what takes memory and carries messages on") {
  NEEDS_REDIS();
  TestRedis redis({"--maxmemory", "1mb", "--maxmemory-policy", "noeviction"});
  const auto bus = open_bus(redis.url());
  const Error error = error_of(bus->change({set_text("t", std::string(100'000, 'x'))}));
  CHECK(error.code == ErrorCode::kUnavailable);
  CHECK(error.why.starts_with("OOM"));
  CHECK(error.hint.find("maxmemory") != std::string::npos);
  CHECK_FALSE(must(bus->text("t")).has_value());
  CHECK(must(bus->publish("x", "y")) == 0);
}

TEST_CASE("too many clients is the server's reason, not a riddle") {
  NEEDS_REDIS();
  TestRedis redis({"--maxclients", "1"});
  BusOptions options;
  options.url = redis.url();
  std::unique_ptr<Bus> first;
  // The server may still hold the connection that showed that it is up.
  REQUIRE(eventually([&] {
    auto bus = connect(options);
    if (bus.ok()) first = std::move(*bus);
    return first != nullptr;
  }));
  CHECK(refusal(options).why.starts_with("ERR max number of clients"));
}

TEST_CASE("what listens there is no Redis: it is said, and tried again no more than that") {
  for (const std::string says : {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n",
                                 "+PONG\r\n:1\r\n:2\r\n", "*1\r\n"}) {
    const FakeServer fake(says);
    BusOptions options;
    options.url = fake.url();
    options.connect_timeout = milliseconds{300};
    const auto bus = connect(options);
    if (bus.ok()) {
      // It greeted well, and went wrong after.
      CHECK(eventually([&] { return !(*bus)->connected(); }));
      continue;
    }
    CHECK(bus.error().code == ErrorCode::kUnavailable);
    CHECK_FALSE(bus.error().why.empty());
    CHECK(fake.connections <= 2);
  }
}

TEST_CASE("over TLS: with its authority, without, under another name, with a certificate of ours") {
  NEEDS_REDIS();
  const TestFolder folder;
  make_certificates(folder, "localhost");
  const std::uint16_t port = free_port();
  TestRedis redis({"--tls-port", std::to_string(port), "--bind", "127.0.0.1", "--tls-cert-file",
                   folder.file("server.crt"), "--tls-key-file", folder.file("server.key"),
                   "--tls-ca-cert-file", folder.file("ca.crt"), "--tls-auth-clients", "optional"});
  BusOptions options;
  options.url = fmt::format("rediss://localhost:{}", port);
  options.ca_file = folder.file("ca.crt");
  options.certificate_file = folder.file("server.crt");
  options.key_file = folder.file("server.key");
  {
    const auto bus = must(connect(options));
    std::promise<std::string> heard;
    const auto listener =
        must(bus->subscribe({"c"}, {}, [&](std::string_view, std::string_view message) {
          heard.set_value(std::string(message));
        }));
    const std::string large(5'000'000, 'x');
    CHECK(must(bus->publish("c", large)) == 1);
    CHECK(heard.get_future().get() == large);
    must(bus->change({set_text("t", large)}));
    CHECK(must(bus->text("t")) == large);
    const std::vector<std::string_view> many(20'000, "message");
    CHECK(must(bus->publish_all("d", many)).size() == many.size());
  }
  options.certificate_file.clear();
  options.key_file.clear();
  options.url = fmt::format("rediss://127.0.0.1:{}", port);
  CHECK(must(connect(options))->connected());
  options.ca_file.clear();
  Error error = refusal(options);
  CHECK(error.code == ErrorCode::kUnavailable);
  CHECK(error.why.find("certificate verify failed") != std::string::npos);
  CHECK(error.hint.find("CA file") != std::string::npos);
  options.verify_certificate = false;
  CHECK(must(connect(options))->connected());
  options.verify_certificate = true;
  options.ca_file = folder.file("ca.crt");
  options.url =
      fmt::format("rediss://127.0.0.2:{}", port);  // not in the certificate, and not bound
  CHECK(refusal(options).why == "Connection refused");
  options.ca_file = folder.file("names");
  options.url = fmt::format("rediss://localhost:{}", port);
  error = refusal(options);
  CHECK(error.code == ErrorCode::kUsage);
  CHECK(error.where == folder.file("names"));
}

TEST_CASE("TLS where none is spoken, and none where it is, end with a reason") {
  NEEDS_REDIS();
  const TestFolder folder;
  make_certificates(folder, "elsewhere.lab");
  const std::uint16_t port = free_port();
  const std::uint16_t tls_port = free_port();
  // A certificate that says another name than the one that is asked for.
  TestRedis redis({"--port", std::to_string(port), "--tls-port", std::to_string(tls_port), "--bind",
                   "127.0.0.1 127.0.0.2", "--tls-cert-file", folder.file("server.crt"),
                   "--tls-key-file", folder.file("server.key"), "--tls-ca-cert-file",
                   folder.file("ca.crt")});
  BusOptions options;
  options.ca_file = folder.file("ca.crt");
  options.connect_timeout = milliseconds{300};
  options.url = fmt::format("rediss://127.0.0.1:{}", port);
  CHECK(refusal(options).code == ErrorCode::kUnavailable);
  options.url = fmt::format("redis://127.0.0.1:{}", tls_port);
  CHECK(refusal(options).code == ErrorCode::kUnavailable);
  options.url = fmt::format("rediss://127.0.0.2:{}", tls_port);
  CHECK(refusal(options).why.find("IP address mismatch") != std::string::npos);
  options.url = fmt::format("rediss://localhost:{}", tls_port);
  CHECK(refusal(options).why.find("hostname mismatch") != std::string::npos);
  // The server wants a certificate of ours, and gets none.
  options.url = fmt::format("rediss://127.0.0.1:{}", tls_port);
  CHECK(refusal(options).code == ErrorCode::kUnavailable);
}
