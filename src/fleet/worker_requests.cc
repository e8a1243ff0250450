// How a worker comes to requests that are made one by one: a controller names what they are made
// of, and it is taken from the bus, looked at and made ready before any client is there
// (docs/wire/requests.md). The calls have a server of their own: what takes its time keeps no
// other controller waiting.
#include <fmt/format.h>

#include <algorithm>

#include "fleet/worker.h"
#include "load/app_request.h"
#include "load/checks.h"
#include "load/request_description.h"
#include "wire/fleet_requests.h"
#include "wire/json.h"

namespace galileo::fleet {
namespace {

// A run that has forgotten to say that it is over, because its controller was killed.
constexpr Duration kKeptForNobody = std::chrono::hours{1};

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

}  // namespace

// What a description names lies at these places, by hash. Messages have the names that people know.
Result<TakenRequest> Worker::make_ready(const std::string& description,
                                        const std::map<std::string, std::string>& places) const {
  TakenRequest taken;
  taken.request = TRY(load::decode_description(description));
  load::Request& request = taken.request;
  TRY(load::each_content(request, [&](const std::string& name, bool) -> Result<std::string> {
    const auto hash = wire::referred_content(name);
    const auto place = hash ? places.find(*hash) : places.end();
    if (place != places.end()) return place->second;
    return Error{ErrorCode::kCorrupt, "requests are made of what wasn't sent", name, {}, {}};
  }));
  TRY(load::Checks::compile(request.checks));
  if (load::has_app(request)) {
    const apps::AppSettings settings = TRY(apps::read_settings(options_.apps));
    const apps::App app = TRY(apps::find_app(settings.places, load::app_of(request)));
    request.source =
        TRY(load::app_request(app.path, load::app_parameters_of(request), options_.apps)).source;
    return taken;  // its processes begin with its clients
  }
  taken.sources = TRY(load::make_request_sources(request));
  if (taken.sources) taken.times = taken.sources->times();
  return taken;
}

// Places of the contents, by hash: those that aren't here come from the bus.
Result<std::map<std::string, std::string>> Worker::take_contents(const wire::TakeRequests& take) {
  std::map<std::string, std::string> places;
  for (const wire::ContentName& name : take.contents) {
    std::string path;
    TRY(on_control([&, this] { path = taken_.path_of(name.hash); }));
    if (path.empty()) {
      const std::string bytes =
          TRY(take_content(bus_, take.run, name, [this] { return stopping_.load(); }));
      auto file = TRY(UnnamedFile::make(bytes));
      path = file->path();
      TRY(on_control([&, this] { taken_.keep(name.hash, std::move(file)); }));
    }
    places[name.hash] = path;
  }
  return places;
}

Result<std::string> Worker::take_requests(const wire::RpcRequest& request) {
  const auto take = TRY(wire::decode_take_requests(TRY(wire::argument_of(request, 0, "take"))));
  TRY(on_control([&, this] { forget_left_requests(); }));
  const auto places = TRY(take_contents(take));
  std::map<std::string, TakenRequest> made;
  std::vector<std::string> notes;
  for (const wire::ContentName& name : take.descriptions) {
    const std::string description =
        TRY(take_content(bus_, take.run, name, [this] { return stopping_.load(); }));
    auto ready = make_ready(description, places);
    if (!ready.ok()) {
      Error error = ready.error();
      for (const wire::ContentName& content : take.contents) {
        for (std::string* const text : {&error.what, &error.where, &error.why})
          replace_all(*text, places.at(content.hash), content.called);
      }
      return error;
    }
    if (ready->sources) {
      for (std::string& note : ready->sources->notes()) notes.push_back(std::move(note));
    }
    made[name.hash] = std::move(*ready);
  }
  std::set<std::string> contents;
  for (const auto& [hash, path] : places) contents.insert(hash);
  TRY(on_control([&, this] {
    taken_.put(take.run, std::move(made), std::move(contents), control_.clock().now());
  }));
  return wire::encode_notes(notes);
}

Result<std::string> Worker::forget_requests(const wire::RpcRequest& request) {
  const std::string run = TRY(wire::decode_text(TRY(wire::argument_of(request, 0, "run"))));
  TRY(on_control([&, this] { taken_.forget(run); }));
  return std::string("0");
}

// Of runs that have no client here, and haven't for long.
void Worker::forget_left_requests() {
  for (const std::string& run : taken_.older_than(control_.clock().now() - kKeptForNobody)) {
    const bool is_used = std::any_of(clients_.begin(), clients_.end(), [&](const auto& client) {
      return client.second.requests && client.second.requests->run == run;
    });
    if (!is_used) taken_.forget(run);
  }
}

Error Worker::not_taken(const std::string& client) const {
  return Error{ErrorCode::kNotFound, "can't make a client's requests", options_.name,
               fmt::format("what {} is made of wasn't given to this worker", client),
               "begin the run anew"};
}

// On the control loop, as engine_->add_clients().
Result<void> Worker::add_described(const std::string& service, const wire::RequestsName& name,
                                   const std::vector<std::string>& ids) {
  TakenRequest* const taken = taken_.find(name.run, name.hash);
  if (!taken) return not_taken(ids.empty() ? service : ids.front());
  return engine_->add_clients(service, taken->request, ids,
                              {name.run + "/" + name.hash, std::move(taken->sources)});
}

void Worker::serve_requests() {
  requests_rpc_ = std::make_unique<bus::RpcServer>(bus_);
  serve_json(
      "Worker.take_requests:" + options_.name, "list",
      [this](const wire::RpcRequest& request) { return take_requests(request); },
      requests_rpc_.get());
  serve_json(
      "Worker.forget_requests:" + options_.name, "int",
      [this](const wire::RpcRequest& request) { return forget_requests(request); },
      requests_rpc_.get());
}

}  // namespace galileo::fleet
