// What the tests of the controlling end share: a bus in the process, and workers that are only as
// much as these tests need, made of what a bus offers. They say nothing by themselves; a test is
// their hand.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/test_fixture.h"
#include "bus/directory.h"
#include "bus/in_process.h"
#include "bus/keys.h"
#include "bus/rpc.h"
#include "fleet/controller.h"
#include "net/waiting_fixture.h"
#include "wire/fleet_api.h"
#include "wire/worker_api.h"

namespace galileo::fleet {

using net::eventually;

// The Error of a Result that must hold one.
template <class T>
Error failure_of(const Result<T>& result) {
  if (result.ok()) FAIL("that went well");
  return result.error();
}

// Registers, makes clients and answers calls. What it is commanded it keeps.
class FakeWorker {
 public:
  FakeWorker(bus::Bus& bus, std::string worker, std::map<std::string, std::string> labels = {})
      : name(std::move(worker)), bus_(bus), labels_(std::move(labels)), server_(bus) {
    enroll();
    serve(std::string(wire::kPing), [this](auto&) { return json(wire::json_text(name)); });
    serve(wire::create_client_function(name), [this](auto& request) { return create(request); });
    serve(std::string(wire::kClientInfo), [this](auto&) { return infos(); });
    const auto event = [](std::string_view type) { return wire::event_channel(type); };
    heard_ = must(bus.subscribe(
        {event(wire::SetWorkloadCommand::kType), event(wire::StopWorkloadCommand::kType)}, {},
        [this](auto, std::string_view message) {
          const std::lock_guard lock(mutex_);
          commands_.emplace_back(message);
        }));
    closes_ = must(bus.subscribe(
        {event(wire::CloseClientCommand::kType), event(wire::RegisterWorkerCommand::kType)}, {},
        [this](std::string_view channel, std::string_view message) {
          desk_.loop().post(
              [this, to = std::string(channel), text = std::string(message)] { obey(to, text); });
        }));
  }
  ~FakeWorker() {
    heard_.reset();
    closes_.reset();
  }

  const std::string name;
  bool answers_of_several = false;  // get_info: of all its clients at once
  bool deaf = false;                // obeys nothing
  std::string refusal;              // of create_client

  void enroll() {
    must(bus::register_worker(bus_, {name, labels_}));
    must(bus_.publish(wire::event_channel(wire::RegisterWorkerEvent::kType),
                      wire::encode(wire::RegisterWorkerEvent{name})));
  }
  // Lives from now on, as ours do; an empty name: dies.
  void beat(const std::string& boot) {
    wire::Heartbeat heartbeat;
    heartbeat.worker = name;
    heartbeat.boot = boot;
    heartbeat.version = "0.1.0";
    const std::string key = bus::worker_heartbeat_key(name);
    must(bus_.change(
        {boot.empty() ? bus::remove_key(key) : bus::set_text(key, wire::encode(heartbeat))}));
  }
  void say_done(const std::string& id) {
    must(bus_.publish(wire::event_channel(wire::WorkloadDoneEvent::kType),
                      wire::encode(wire::WorkloadDoneEvent{id})));
  }
  void serve(const std::string& remote, bus::RpcHandler handler) {
    remotes_.push_back(must(server_.serve(remote, std::move(handler))));
  }
  // What clients were told since the last time, in order.
  std::vector<std::string> take_commands() {
    const std::lock_guard lock(mutex_);
    return std::exchange(commands_, {});
  }
  static Result<bus::RpcResult> json(std::string text) {
    return bus::RpcResult{std::move(text), "object"};
  }

 private:
  Result<bus::RpcResult> create(const wire::RpcRequest& request) {
    if (!refusal.empty()) return Error{ErrorCode::kUsage, refusal, {}, {}, {}};
    const auto command =
        TRY(wire::decode_create_client_command(TRY(wire::argument_of(request, 0, "cmd"))));
    std::vector<wire::ClientDescription> made;
    for (std::uint64_t i = 0; i < command.num; ++i) {
      const std::string id = fmt::format("{}:{}:{}", name, command.config.service, made_++);
      made.push_back({id, name, command.config});
      TRY(bus::add_clients(bus_, name, {{id, wire::encode_bare(made.back())}}));
    }
    clients_.insert(clients_.end(), made.begin(), made.end());
    return json(wire::encode_bare(made));
  }
  Result<bus::RpcResult> infos() {
    std::string all;
    for (const auto& client : clients_)
      all += (all.empty() ? "" : ", ") + wire::encode_bare(wire::ClientInfo{client, 7, 2});
    return json(clients_.size() == 1 && !answers_of_several ? all : "[" + all + "]");
  }
  void obey(const std::string& channel, const std::string& message) {
    if (deaf) return;
    if (channel == wire::event_channel(wire::RegisterWorkerCommand::kType)) return enroll();
    const auto command = must(wire::decode_close_client_command(message));
    if (command.client_id.rfind(name + ":", 0) == 0)
      must(bus::remove_client(bus_, name, command.client_id));
  }

  bus::Bus& bus_;
  const std::map<std::string, std::string> labels_;
  std::vector<wire::ClientDescription> clients_;  // the server's desk
  std::uint64_t made_ = 0;
  std::mutex mutex_;
  std::vector<std::string> commands_;
  net::LoopThread desk_{"fake"};
  bus::RpcServer server_;
  std::vector<std::unique_ptr<bus::RpcRemote>> remotes_;
  std::unique_ptr<bus::Subscription> heard_;
  std::unique_ptr<bus::Subscription> closes_;
};

inline wire::ClientConfig config_of(std::string service, std::string labels = {}) {
  wire::ClientConfig config;
  config.service = std::move(service);
  config.worker_labels = std::move(labels);
  return config;
}

}  // namespace galileo::fleet
