#include "commands/run_orders.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "bus/keys.h"
#include "net/clock.h"
#include "wire/experiment.h"
#include "wire/worker_api.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

constexpr Duration kOrderAnswered = std::chrono::minutes{5};

std::string text_of(const Json& order, const char* key) {
  const auto found = order.find(key);
  return found != order.end() && found->is_string() ? found->get<std::string>() : std::string();
}

double number_of(const Json& order, const char* key) {
  const auto found = order.find(key);
  return found != order.end() && found->is_number() ? found->get<double>() : 0;
}

std::string refusal(const std::string& why) {
  return Json{{"done", false}, {"why", why}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string done(Wall from, const std::optional<Wall>& until) {
  return Json{{"done", true},
              {"from", to_unix_seconds(from)},
              {"until", until ? Json(to_unix_seconds(*until)) : Json(nullptr)}}
      .dump();
}

// How a run is changed; nothing where that isn't what is ordered.
std::optional<experiment::SteerOrder> steering_of(const Json& order) {
  using Kind = experiment::SteerOrder::Kind;
  const std::string what = text_of(order, "order");
  experiment::SteerOrder steer;
  steer.client = text_of(order, "client");
  steer.by = text_of(order, "by");
  steer.rps = number_of(order, "rps");
  steer.factor = number_of(order, "factor");
  if (what == "rate")
    steer.kind = Kind::kRate;
  else if (what == "pause")
    steer.kind = Kind::kPause;
  else if (what == "resume")
    steer.kind = Kind::kGoOn;
  else if (what == "end")
    steer.kind = Kind::kEnd;
  else
    return std::nullopt;
  return steer;
}

bool is_rate(double value) {
  return std::isfinite(value) && value > 0;
}

}  // namespace

Result<std::unique_ptr<RunOrders>> RunOrders::listen(bus::Bus& bus, net::Loop& loop,
                                                     const std::string& experiment, Doing doing) {
  std::unique_ptr<RunOrders> orders(new RunOrders(bus, loop, std::move(doing)));
  orders->subscription_ =
      TRY(bus.subscribe({wire::bus_channel(bus::run_order_function(experiment))}, {},
                        [of = orders.get()](std::string_view, std::string_view message) {
                          of->loop_.post([of, text = std::string(message)] { of->take(text); });
                        }));
  return orders;
}

void RunOrders::take(const std::string& message) {
  const auto request = wire::decode_rpc_request(message);
  if (!request.ok()) return;
  const auto argument = wire::argument_of(*request, 0, "order");
  const Json order = Json::parse(argument.value_or(""), nullptr, false);
  const auto tell = [this, fn = request->fn, to = request->response_channel](
                        const std::string& json) { answer(fn, to, json); };
  if (!order.is_object()) return tell(refusal("the order is no object"));
  if (text_of(order, "order") == "cancel") {
    const std::string by = text_of(order, "by");
    const bool now = order.contains("now") && order["now"] == true;
    doing_.end(now, {wire::kCancelled,
                     fmt::format("cancelled while it ran{}", by.empty() ? "" : " by " + by), by});
    return tell(done(net::RealClock::wall_now(), {}));
  }
  const auto steer = steering_of(order);
  if (!steer) return tell(refusal(fmt::format("there is no order '{}'", text_of(order, "order"))));
  if (steer->kind == experiment::SteerOrder::Kind::kRate &&
      is_rate(steer->rps) == is_rate(steer->factor))
    return tell(refusal("a rate has 'rps' or 'factor', a number above 0"));
  doing_.steer(*steer, [tell](const Result<experiment::Steered>& steered) {
    tell(steered.ok() ? done(steered->from, steered->until) : refusal(steered.error().to_text()));
  });
}

void RunOrders::answer(const std::string& function, const std::string& channel,
                       const std::string& json) {
  wire::RpcResponse response;
  response.fn = function;
  response.result = json;
  response.result_type = "dict";
  const std::string answers = wire::bus_channel(channel);
  static_cast<void>(bus_.change({bus::list_push_left(answers, {wire::encode(response)}),
                                 bus::expire(answers, kOrderAnswered)})
                        .ok());
}

}  // namespace galileo::commands
