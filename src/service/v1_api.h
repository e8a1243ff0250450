// What the versioned API's calls do, but those of the loop (v1_routes.h has the table). Blocking,
// at a desk of its own: one call at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bus/bus.h"
#include "service/lab_view.h"
#include "service/rest_message.h"
#include "service/submission.h"
#include "service/submission_check.h"
#include "store/store.h"

namespace galileo::service {

struct V1Options {
  AllowedFiles allowed;
  std::string python;  // for Parquet
};

class V1Api {
 public:
  V1Api(bus::Bus& bus, store::Store& store, const V1Options& options)
      : bus_(bus), store_(store), options_(options) {}

  RestAnswer experiments(const RestRequest& request);
  RestAnswer submit_experiment(const RestRequest& request);
  RestAnswer experiment(const RestRequest& request);
  RestAnswer remove_experiment(const RestRequest& request);
  RestAnswer file(const RestRequest& request);
  RestAnswer run_again(const RestRequest& request);
  RestAnswer cancel(const RestRequest& request);
  RestAnswer order(const RestRequest& request);
  RestAnswer put_event(const RestRequest& request);
  RestAnswer live(const RestRequest& request);
  RestAnswer result(const RestRequest& request);
  RestAnswer table(const RestRequest& request);
  RestAnswer report(const RestRequest& request);
  RestAnswer comparison(const RestRequest& request);
  RestAnswer queue(const RestRequest& request);

  RestAnswer workers(const RestRequest& request);
  RestAnswer clients(const RestRequest& request);
  RestAnswer nodes(const RestRequest& request);
  RestAnswer tell_node(const RestRequest& request);
  RestAnswer routes(const RestRequest& request);
  RestAnswer route(const RestRequest& request);
  RestAnswer set_route(const RestRequest& request);
  RestAnswer remove_route(const RestRequest& request);

 private:
  Result<std::optional<ExperimentView>> view_of(const std::string& id);
  RestAnswer submitted(const RestRequest& request, wire::Experiment experiment,
                       const Submission& submission);
  RestAnswer ordered(const std::string& id, const std::string& order);
  std::optional<RestAnswer> other_targets(const Submission& before, const Submission& after) const;
  // Takes one out of the queue, before anybody has. False: it isn't there any more.
  Result<bool> cancel_waiting(const std::string& id);

  bus::Bus& bus_;
  store::Store& store_;
  const V1Options& options_;
};

}  // namespace galileo::service
