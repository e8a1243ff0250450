#include "commands/metrics_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/output.h"
#include "base/utf8.h"
#include "net/resolver.h"
#include "wire/prometheus.h"

namespace galileo::commands {
namespace {

// A scraper asks each 15 s; who watches by hand sees it move.
constexpr Duration kHandOverEvery = std::chrono::milliseconds{250};
constexpr std::size_t kRunNameMost = 100;  // characters
constexpr std::uint16_t kMetricsPort = 9464;

// Counts of a fleet may be told anew, and less than they were: a counter never goes down.
void grow_to(RelaxedCounter& counter, std::uint64_t count) {
  const std::uint64_t before = counter.load();
  if (count > before) counter.add(count - before);
}

void append_gauge(std::string& to, std::string_view name, std::string_view help, double value) {
  wire::append_family(to, name, "gauge", help);
  to += fmt::format("{} {:.10g}\n", name, value);
}

}  // namespace

Result<std::optional<net::Address>> metrics_address(const std::string& flag) {
  if (flag.empty()) return std::nullopt;
  auto address = net::resolve_listen(flag, "127.0.0.1", kMetricsPort);
  if (address.ok()) return *address;
  address.error().where = "--metrics";
  return address.error();
}

MetricsPage::MetricsPage(const net::Address& address) : thread_("metrics") {
  Result<void> listening = listen(address);
  if (listening.ok()) return;
  const std::string why = listening.error().to_text();
  if (!listen_elsewhere(address).ok())
    print_talk(fmt::format("no page of metrics, the run goes on without: {}\n", why));
  else
    print_talk(fmt::format("the page of metrics is elsewhere: {}\n", why));
}

MetricsPage::~MetricsPage() {
  thread_.call([this] { page_.reset(); });
}

// The system chooses the port.
Result<void> MetricsPage::listen_elsewhere(const net::Address& address) {
  const net::HostPort taken = TRY(net::parse_host_port(address.to_text(), kMetricsPort));
  return listen(TRY(net::literal_address(taken.host, 0)));
}

Result<void> MetricsPage::listen(const net::Address& address) {
  Result<void> listening;
  std::string where;
  thread_.call([&] {
    const auto well = [] { return std::string(); };
    const auto not_ready = [this] { return std::string(is_over_ ? "the run is over" : ""); };
    page_ =
        std::make_unique<StatusPage>(thread_.loop(), [this] { return page(); }, well, not_ready);
    listening = page_->listen(address);
    if (listening.ok()) where = page_->where();
    if (!listening.ok()) page_.reset();
  });
  if (listening.ok()) print_talk(fmt::format("metrics: http://{}/metrics\n", where));
  return listening;
}

void MetricsPage::begin(const wire::Experiment& experiment, const plan::Plan& plan) {
  const auto label = [](std::string_view text) {
    return wire::label_value(shortened(make_utf8(text), kRunNameMost));
  };
  std::string info = fmt::format("galileo_run_info{{id=\"{}\",name=\"{}\",version=\"{}\"}} 1\n",
                                 label(experiment.id), label(plan.name), GALILEO_VERSION);
  thread_.loop().post([this, info = std::move(info)] { info_ = info; });
}

void MetricsPage::on_trace(const wire::Trace& trace, const wire::Names& names) {
  counted_.add(trace, names);
}

void MetricsPage::on_turn() {
  if (clock_.now() - handed_over_ >= kHandOverEvery) hand_over();
}

void MetricsPage::hand_over() {
  handed_over_ = clock_.now();
  thread_.loop().post([this, copy = counted_, at = handed_over_, due = intended_.load()]() mutable {
    shown_ = std::move(copy);
    rates_.add(at, {due, shown_.answered(), shown_.failed()});
  });
}

void MetricsPage::on_counts(const load::Begun& begun) {
  grow_to(intended_, begun.intended);
  grow_to(sent_, begun.sent);
}

// The page stays until the run has a result, for whoever asks for the last counts.
std::vector<std::string> MetricsPage::end() {
  hand_over();
  thread_.loop().post([this] {
    is_over_ = true;
    in_flight_ = 0;
    rates_ = {};
  });
  return {};
}

void MetricsPage::on_in_flight(std::uint64_t requests) {
  thread_.loop().post([this, requests] { in_flight_ = requests; });
}

std::string MetricsPage::page() {
  const experiment::LiveRates::Rates rates = rates_.rates();
  std::string text;
  wire::append_family(text, "galileo_run_info", "gauge", "The run that these counts are of.");
  text += info_;
  wire::append_metric(text, "galileo_requests_intended_total", "counter",
                      "Requests that became due.", std::max(intended_.load(), shown_.traces()));
  wire::append_metric(text, "galileo_requests_sent_total", "counter",
                      "Requests that went out, or tried to.",
                      std::max(sent_.load(), shown_.left()));
  wire::append_metric(text, "galileo_requests_in_flight", "gauge",
                      "Requests that became due and aren't over yet.", in_flight_);
  append_gauge(text, "galileo_offered_requests_per_second",
               "Requests that became due in the last second.", rates.offered_rps);
  append_gauge(text, "galileo_answered_requests_per_second", "Good answers in the last second.",
               rates.achieved_rps);
  return text + shown_.page();
}

}  // namespace galileo::commands
