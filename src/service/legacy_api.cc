#include "service/legacy_api.h"

#include <fmt/format.h>

#include <algorithm>

#include "bus/directory.h"
#include "net/clock.h"
#include "service/queue.h"
#include "wire/queued_experiment.h"
#include "wire/uri.h"

namespace galileo::service {
namespace {

constexpr std::uint64_t kSubmissionMax = std::uint64_t{4} << 20;
constexpr std::uint64_t kArchiveMax = std::uint64_t{64} << 20;

// What a handler couldn't do, as an answer.
RestAnswer failure(const Error& error) {
  const bool away = error.code == ErrorCode::kUnavailable;
  RestAnswer answer = problem(away                              ? 503
                              : error.code == ErrorCode::kUsage ? 400
                                                                : 500,
                              error.what, error.to_text());
  if (away) answer.headers.emplace_back("Retry-After", "1");
  return answer;
}

// As the old API says what isn't there: with an empty body.
RestAnswer nothing_there() {
  RestAnswer answer;
  answer.status = 404;
  return answer;
}

template <class List, class F>
RestAnswer list_of(const List& items, F&& text) {
  RestAnswer answer;
  answer.body = "[";
  for (const auto& item : items) {
    if (answer.body.size() > 1) answer.body += ", ";
    answer.body += text(item);
  }
  answer.body += "]";
  return answer;
}

RestAnswer text(std::string body, int status = 200) {
  RestAnswer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

// What a plain text in quotes can't hold is encoded (RFC 6266).
std::string disposition(const std::string& name) {
  const std::string encoded = wire::encode_percent(name);
  return encoded == name ? fmt::format("attachment; filename=\"{}\"", name)
                         : fmt::format("attachment; filename*=UTF-8''{}", encoded);
}

std::string app_json(const AppShelf::Shelved& app) {
  return fmt::format(R"({{"name": {}, "manifest": {}}})", wire::json_text(app.name), app.manifest);
}

}  // namespace

#define OR_FAIL(result)               \
  if (!(result).ok()) {               \
    return failure((result).error()); \
  }

RestAnswer LegacyApi::routes(const RestRequest&) {
  // Those below which there are no others, as the old one lists them.
  return text(R"([{"uri": "/api/apps/{app_name}/download", "type": "RepositoryResource"}, )"
              R"({"uri": "/api/experiments/{exp_id}", "type": "ExperimentResource"}, )"
              R"({"uri": "/api/services", "type": "ServicesResource"}, )"
              R"({"uri": "/api/worker", "type": "WorkerResource"}])");
}

RestAnswer LegacyApi::workers(const RestRequest&) {
  const auto names = bus::worker_names(bus_);
  OR_FAIL(names);
  return list_of(*names, [](const std::string& name) { return wire::json_text(name); });
}

RestAnswer LegacyApi::services(const RestRequest&) {
  const auto routes = bus::routes(bus_);
  OR_FAIL(routes);
  return list_of(routes->routes, [](const bus::Route& route) {
    return fmt::format(R"({{"name": {}}})", wire::json_text(route.service));
  });
}

RestAnswer LegacyApi::experiments(const RestRequest&) {
  const auto all = store_.experiments();
  OR_FAIL(all);
  return list_of(*all, [](const wire::Experiment& one) { return wire::experiment_json(one); });
}

RestAnswer LegacyApi::queue_experiment(const RestRequest& request) {
  const auto body = wire::parse_json(request.body);
  if (!body.ok()) return problem(400, "Invalid JSON", body.error().to_text());
  const auto queued = wire::read_submission(*body);
  OR_FAIL(queued);
  const auto workers = bus::worker_names(bus_);
  OR_FAIL(workers);
  if (workers->empty()) {
    RestAnswer answer = problem(503, "no available hosts to execute the experiment");
    answer.headers.emplace_back("Retry-After", "10");
    return answer;
  }
  const auto experiment = enqueue(bus_, store_, *queued, net::RealClock::wall_now());
  OR_FAIL(experiment);
  return text(wire::json_text(experiment->id));
}

RestAnswer LegacyApi::experiment(const RestRequest& request) {
  const auto found = store_.experiment(request.arguments.at(0));
  OR_FAIL(found);
  return *found ? text(wire::experiment_json(**found)) : nothing_there();
}

// One that waits is cancelled, and its row goes; one that is over goes with all of its rows.
RestAnswer LegacyApi::remove_experiment(const RestRequest& request) {
  const std::string& id = request.arguments.at(0);
  const auto found = store_.experiment(id);
  OR_FAIL(found);
  if (!*found) return nothing_there();
  const std::string& status = (*found)->status;
  if (wire::http1::equals_ignoring_case(status, wire::kQueued)) {
    // Of a daemon that takes it at the same time, and of us, one finds the row changed.
    const auto cancelled = cancel_queued(bus_, store_, id, "it was deleted while it waited",
                                         "the old API", net::RealClock::wall_now());
    OR_FAIL(cancelled);
    if (*cancelled == Cancelled::kNotQueued)
      return problem(409, "it has just begun", "cancel the run, then delete it");
  } else if (!wire::http1::equals_ignoring_case(status, wire::kFinished) &&
             !wire::http1::equals_ignoring_case(status, wire::kFailed) &&
             !wire::http1::equals_ignoring_case(status, wire::kCancelled)) {
    return problem(409, "it is running", "end the run, then delete it");
  }
  const auto removed = forget(bus_, store_, id);
  OR_FAIL(removed);
  return text(wire::json_text(id));
}

RestAnswer LegacyApi::apps(const RestRequest&) {
  const auto all = shelf_.all();
  OR_FAIL(all);
  return list_of(*all, app_json);
}

RestAnswer LegacyApi::upload_app(const RestRequest& request) {
  const auto app = shelf_.put(request.body);
  if (!app.ok() && app.error().code == ErrorCode::kUsage)
    return problem(400, app.error().what, app.error().why);
  OR_FAIL(app);
  return text(app_json(*app), 201);
}

RestAnswer LegacyApi::app(const RestRequest& request) {
  const auto app = shelf_.one(request.arguments.at(0));
  OR_FAIL(app);
  return *app ? text(app_json(**app)) : nothing_there();
}

RestAnswer LegacyApi::remove_app(const RestRequest& request) {
  const auto removed = shelf_.remove(request.arguments.at(0));
  OR_FAIL(removed);
  return text(*removed ? "true" : "false");
}

RestAnswer LegacyApi::download_app(const RestRequest& request) {
  const std::string& name = request.arguments.at(0);
  auto zip = shelf_.zip(name);
  OR_FAIL(zip);
  if (!*zip) return nothing_there();
  RestAnswer answer = text(std::move(**zip));
  answer.content_type = "application/zip";
  answer.headers.emplace_back("Content-Disposition", disposition(name + ".zip"));
  return answer;
}

const std::vector<LegacyRoute>& legacy_routes() {
  static const std::vector<LegacyRoute> kRoutes = {
      {"GET", "/api", &LegacyApi::routes},
      {"GET", "/api/worker", &LegacyApi::workers},
      {"GET", "/api/services", &LegacyApi::services},
      {"GET", "/api/experiments", &LegacyApi::experiments},
      {"POST", "/api/experiments", &LegacyApi::queue_experiment, "application/json",
       kSubmissionMax},
      {"GET", "/api/experiments/{exp_id}", &LegacyApi::experiment},
      {"DELETE", "/api/experiments/{exp_id}", &LegacyApi::remove_experiment},
      {"GET", "/api/apps", &LegacyApi::apps},
      {"POST", "/api/apps", &LegacyApi::upload_app, "application/zip", kArchiveMax},
      {"GET", "/api/apps/{app_name}", &LegacyApi::app},
      {"DELETE", "/api/apps/{app_name}", &LegacyApi::remove_app},
      {"GET", "/api/apps/{app_name}/download", &LegacyApi::download_app},
  };
  return kRoutes;
}

}  // namespace galileo::service
