// An API over pipes, for tests: they are the server, and move the time.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "kubernetes/api.h"
#include "net/pipe.h"

namespace galileo::kubernetes {

struct PipedApi {
  PipedApi() {
    Access access;
    access.host_port = "127.0.0.1:8001";
    access.base_path = "/base";
    access.told_by = "the test";
    auto made = Api::make(loop, connector, access);
    REQUIRE(made.ok());
    api = std::move(*made);
  }

  // What is due within that time from now happens, in order. The clock itself doesn't move.
  void pass(Duration time) {
    for (int i = 0; i < 20; ++i) loop.timers().run_due(loop.clock().now() + time);
  }
  // The next thing that is due, however far away; what follows from it may fall due as well, as
  // connections do that nobody makes meanwhile.
  Duration pass_to_next() {
    const Time due = loop.timers().next_due();
    const Duration away = due - loop.clock().now();
    loop.timers().run_due(due);
    return away;
  }
  net::PipeEnd& last() { return connector.at(connector.made() - 1); }
  // The request that the last connection has sent.
  std::string asked() {
    pass({});
    if (connector.made() == 0) return {};
    if (!connected[connector.made() - 1]) {
      connected[connector.made() - 1] = true;
      last().connected();
    }
    return last().take();
  }
  std::string asked_line() {
    const std::string text = asked();
    return text.substr(0, text.find(" HTTP/1.1\r\n"));
  }
  void answer(int status, const std::string& body, const std::string& headers = {}) {
    last().send(fmt::format("HTTP/1.1 {} X\r\n{}Content-Length: {}\r\n\r\n{}", status, headers,
                            body.size(), body));
  }
  void begin_chunks() { last().send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"); }
  void chunk(const std::string& text) {
    last().send(fmt::format("{:x}\r\n{}\r\n", text.size(), text));
  }
  void end_chunks() { last().send("0\r\n\r\n"); }

  net::Loop loop;
  net::PipeConnector connector;
  std::map<std::size_t, bool> connected;
  std::unique_ptr<Api> api;
};

}  // namespace galileo::kubernetes
