#include "service/v1_routes.h"

#include "service/v1_api.h"

namespace galileo::service {
namespace {

using In = V1Parameter::In;
using OnLoop = V1Route::OnLoop;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kStates =
    R"({"enum": ["queued", "starting", "running", "paused", "cancelling", "interrupted", )"
    R"("finished", "failed", "cancelled"]})";
constexpr std::string_view kAnyText = R"({"type": "string"})";

constexpr std::string_view kPageSize = R"({"type": "integer", "minimum": 1, "maximum": 200})";
constexpr std::string_view kResultNames = R"({"enum": ["json", "junit", "markdown"]})";
constexpr std::string_view kTrueOrFalse = R"({"enum": ["true", "false"]})";
constexpr std::string_view kTableNames = R"({"enum": ["csv", "jsonl", "parquet"]})";

constexpr V1Parameter kIdempotencyKey{
    In::kHeader, "Idempotency-Key",
    R"({"type": "string", "maxLength": 200, "pattern": "^[!-~]+$"})",
    "Up to 200 visible letters: the same one with the same body within 24 h is the same "
    "experiment"};
constexpr V1Parameter kIfMatch{In::kHeader, "If-Match", kAnyText,
                               "The etag of what is changed; required"};
constexpr V1Parameter kIfNoneMatch{In::kHeader, "If-None-Match", R"({"const": "*"})",
                                   "In place of If-Match: there is none yet"};
constexpr V1Parameter kLastEventId{In::kQuery, "last_event_id", kAnyText,
                                   "The last id that was seen, as the header Last-Event-ID"};

// A call, and what it has beyond a method and a path, added bit by bit.
struct Call : V1Route {
  Call(std::string_view its_method, std::string_view its_pattern, std::string_view its_id,
       std::string_view text) {
    method = its_method;
    pattern = its_pattern;
    id = its_id;
    summary = text;
  }
  Call by(RestAnswer (V1Api::*its_handler)(const RestRequest&), Scope who = Scope::kRead) {
    handler = its_handler;
    scope = who;
    return *this;
  }
  Call by(OnLoop what, Scope who = Scope::kNone) {
    on_loop = what;
    scope = who;
    return *this;
  }
  Call gives(std::string_view schema, int its_status = 200) {
    answer = schema;
    status = its_status;
    return *this;
  }
  Call gives_types(std::vector<std::string_view> types) {
    answer_types = std::move(types);
    return *this;
  }
  Call takes(std::string_view schema, std::vector<std::string_view> types = {kJson}) {
    body = schema;
    body_types = std::move(types);
    return *this;
  }
  Call with(std::vector<V1Parameter> its_parameters) {
    parameters = std::move(its_parameters);
    return *this;
  }
  Call refuses(std::vector<int> statuses) {
    refusals = std::move(statuses);
    return *this;
  }
  Call alone() {
    is_alone = true;
    return *this;
  }
};

std::vector<V1Route> experiment_routes() {
  return {
      Call("GET", "/api/v1/experiments", "listExperiments", "Experiments, the newest first")
          .by(&V1Api::experiments)
          .gives("ExperimentList")
          .with({{In::kQuery, "name", kAnyText, "Of this name"},
                 {In::kQuery, "tag", kAnyText, "With this tag"},
                 {In::kQuery, "state", kStates, "In this state"},
                 {In::kQuery, "creator", kAnyText, "Of this creator"},
                 {In::kQuery, "q", kAnyText, "A part of the id, the name, the creator or a tag"},
                 {In::kQuery, "limit", kPageSize, "How many a page; 50"},
                 {In::kQuery, "after", kAnyText, "What lies behind: next of the page before"}}),
      Call("POST", "/api/v1/experiments", "submitExperiment", "Queue an experiment file")
          .by(&V1Api::submit_experiment, Scope::kRun)
          .gives("Experiment", 201)
          .takes("Submission", {kJson, "application/yaml"})
          .with({kIdempotencyKey})
          .refuses({409})
          .alone(),
      Call("GET", "/api/v1/experiments/{id}", "showExperiment", "One experiment")
          .by(&V1Api::experiment)
          .gives("Experiment"),
      Call("DELETE", "/api/v1/experiments/{id}", "deleteExperiment",
           "Remove one that is over, with all that belongs to it")
          .by(&V1Api::remove_experiment, Scope::kRun)
          .gives({}, 204)
          .refuses({409})
          .alone(),
      Call("GET", "/api/v1/experiments/{id}/file", "showFile",
           "The file that was submitted, its secrets masked")
          .by(&V1Api::file)
          .gives("File"),
      Call("POST", "/api/v1/experiments/{id}/rerun", "rerunExperiment",
           "Queue it again with changes; masked secrets that weren't touched are kept")
          .by(&V1Api::run_again, Scope::kRun)
          .gives("Experiment", 201)
          .takes("Rerun")
          .with({kIdempotencyKey})
          .refuses({409})
          .alone(),
  };
}

std::vector<V1Route> run_routes() {
  return {
      Call("POST", "/api/v1/experiments/{id}/cancel", "cancelExperiment",
           "Take it out of the queue, or end its run")
          .by(&V1Api::cancel, Scope::kRun)
          .gives("Experiment", 202)
          .takes("Cancel")
          .refuses({409})
          .alone(),
      Call("POST", "/api/v1/experiments/{id}/orders", "orderExperiment",
           "Change, pause, resume or end a run")
          .by(&V1Api::order, Scope::kRun)
          .gives("Ordered", 202)
          .takes("Order")
          .refuses({409}),
      Call("POST", "/api/v1/experiments/{id}/events", "putEvent", "Put an event into a run")
          .by(&V1Api::put_event, Scope::kRun)
          .gives("EventPut", 202)
          .takes("EventToPut")
          .refuses({409}),
      Call("GET", "/api/v1/experiments/{id}/live", "showLive", "What a run does, and did so far")
          .by(&V1Api::live)
          .gives("Live")
          .with({{In::kQuery, "points", kTrueOrFalse, "Whether with what it did before; true"}}),
      Call("GET", "/api/v1/experiments/{id}/stream", "followExperiment",
           "Server-sent events of one experiment")
          .by(OnLoop::kStream, Scope::kRead)
          .gives_types({"text/event-stream"})
          .with({kLastEventId}),
      Call("GET", "/api/v1/stream", "followAll", "Server-sent events of all experiments")
          .by(OnLoop::kStream, Scope::kRead)
          .gives_types({"text/event-stream"})
          .with({kLastEventId}),
  };
}

std::vector<V1Route> result_routes() {
  return {
      Call("GET", "/api/v1/experiments/{id}/result", "showResult",
           "The result of one that is over, as schema/result.schema.json has it")
          .by(&V1Api::result)
          .gives("Result")
          .gives_types({kJson, "application/xml", "text/markdown"})
          .with({{In::kQuery, "format", kResultNames, "In which form; json"}})
          .refuses({409}),
      Call("GET", "/api/v1/experiments/{id}/tables/{table}", "showTable",
           "The rows of one table: traces, telemetry, events or nodeinfo")
          .by(&V1Api::table)
          .gives_types({"text/csv", "application/jsonl", "application/vnd.apache.parquet"})
          .with({{In::kQuery, "format", kTableNames, "In which form; csv"}}),
      Call("GET", "/api/v1/experiments/{id}/report", "showReport", "The report as one HTML page")
          .by(&V1Api::report)
          .gives_types({"text/html"}),
      Call("GET", "/api/v1/experiments/{id}/comparison", "compareExperiments",
           "Whether another run is worse than this one")
          .by(&V1Api::comparison)
          .gives("Comparison")
          .with({{In::kQuery, "with", kAnyText, "The other one's id", true}}),
      Call("GET", "/api/v1/queue", "showQueue", "What runs, what waits, and who runs it")
          .by(&V1Api::queue)
          .gives("Queue"),
  };
}

std::vector<V1Route> fleet_routes() {
  return {
      Call("GET", "/api/v1/workers", "listWorkers", "Workers of the fleet")
          .by(&V1Api::workers)
          .gives("Workers"),
      Call("GET", "/api/v1/clients", "listClients", "Clients of the workers")
          .by(&V1Api::clients)
          .gives("Clients")
          .with({{In::kQuery, "worker", kAnyText, "Of this worker"}}),
      Call("GET", "/api/v1/telemetry/nodes", "listNodes", "Nodes that publish telemetry")
          .by(&V1Api::nodes)
          .gives("Nodes"),
      Call("POST", "/api/v1/telemetry/nodes/{node}", "orderNode",
           "Pause or unpause a node's telemetry")
          .by(&V1Api::tell_node, Scope::kRun)
          .gives("Receivers", 202)
          .takes("NodeOrder"),
      Call("GET", "/api/v1/routes", "listRoutes", "The routing table: services, hosts and weights")
          .by(&V1Api::routes)
          .gives("Routes"),
      Call("GET", "/api/v1/routes/{service}", "showRoute", "One service's hosts and weights")
          .by(&V1Api::route)
          .gives("Route"),
      Call("PUT", "/api/v1/routes/{service}", "setRoute", "Set a service's hosts and weights")
          .by(&V1Api::set_route, Scope::kAdmin)
          .gives("Route")
          .takes("RouteToSet")
          .with({kIfMatch, kIfNoneMatch})
          .refuses({412, 428})
          .alone(),
      Call("DELETE", "/api/v1/routes/{service}", "removeRoute", "Remove a service's route")
          .by(&V1Api::remove_route, Scope::kAdmin)
          .gives({}, 204)
          .with({kIfMatch})
          .refuses({412, 428})
          .alone(),
  };
}

std::vector<V1Route> own_routes() {
  return {
      Call("GET", "/api/v1", "showIndex", "Which version this is")
          .by(OnLoop::kIndex)
          .gives("Index"),
      Call("GET", "/api/v1/openapi.json", "showDocument", "This document")
          .by(OnLoop::kDocument)
          .gives("Document"),
      Call("GET", "/api/v1/session", "showSession", "Who asks, and what it may do")
          .by(OnLoop::kWho)
          .gives("Session"),
      Call("POST", "/api/v1/session", "logIn", "Log a page in by a token: gives it a cookie")
          .by(OnLoop::kLogIn)
          .gives("Session")
          .takes("LogIn"),
      Call("DELETE", "/api/v1/session", "logOut", "Log the page out")
          .by(OnLoop::kLogOut)
          .gives({}, 204),
  };
}

}  // namespace

const std::vector<V1Route>& v1_routes() {
  static const std::vector<V1Route> kRoutes = [] {
    std::vector<V1Route> all = own_routes();
    for (const auto& part : {experiment_routes(), run_routes(), result_routes(), fleet_routes()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return kRoutes;
}

}  // namespace galileo::service
