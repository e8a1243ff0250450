// What a worker tells a scraper: Prometheus' text format.
#include <algorithm>

#include "fleet/worker.h"
#include "wire/prometheus.h"

namespace galileo::fleet {
std::string Worker::metrics() {
  const load::Engine::Snapshot snapshot = engine_->snapshot();
  const load::Ledger& ledger = snapshot.ledger;
  std::string text;
  const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    wire::append_metric(text, "galileo_worker_" + std::string(name), "counter", help, value);
  };
  const auto gauge = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    wire::append_metric(text, "galileo_worker_" + std::string(name), "gauge", help, value);
  };
  const std::uint64_t written = log_->traces_written();
  const std::uint64_t out = outlet_ ? outlet_->traces_out() : written;
  gauge("up", "1 while the bus is connected.", bus_.connected() ? 1 : 0);
  gauge("clients", "Clients at present.", counts_.clients);
  gauge("connections", "Open connections to applications.", snapshot.connections);
  gauge("in_flight", "Requests under way.", snapshot.in_flight);
  counter("requests_intended_total", "Requests that became due.", ledger.intended);
  counter("requests_sent_total", "Requests that went out.", ledger.sent);
  counter("requests_answered_total", "Answers whose status is no failure.", ledger.answered);
  counter("requests_failed_total", "Requests sent without a good answer.", ledger.failed());
  counter("requests_not_sent_total", "Requests that never went out.", ledger.not_sent());
  counter("responses_packed_total", "Answers whose compressed body couldn't be unpacked.",
          snapshot.responses_packed);
  counter("responses_cut_total", "Answers whose body is cut in the trace.", snapshot.responses_cut);
  counter("traces_written_total", "Traces written to the spool.", written);
  counter("traces_out_total", "Traces published or stored.", out);
  gauge("traces_waiting", "Traces in the spool.", written - std::min(written, out));
  counter("commands_total", "Messages obeyed.", counts_.commands);
  counter("messages_malformed_total", "Messages that couldn't be read.", counts_.malformed);
  counter("commands_refused_total", "Commands that couldn't be carried out.", counts_.refused);
  counter("reconnects_total", "Times that the bus came back.", counts_.reconnects);
  counter("heartbeats_failed_total", "Heartbeats that the bus didn't take.", beats_failed_.load());
  return text + log_->metrics_page();
}

}  // namespace galileo::fleet
