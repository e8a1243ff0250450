// Checks of answers (load/checks.h): all of them are made of each complete answer and counted by
// their names, warm-up left out; the first that fails is what the request failed by. And by which
// run they and all else is counted.
#include "load/dispatcher.h"
#include "wire/content_coding.h"

namespace galileo::load {

using wire::Failure;

// Null where it can't be decompressed, or is longer than is looked at.
const std::string* Dispatcher::body_of(Sending& sending) {
  const std::string& body = sending.captured.body;
  if (body.size() > kCheckedMax) return nullptr;
  std::string_view coding;
  for (const auto& [name, value] : sending.captured.headers) {
    if (wire::http1::equals_ignoring_case(name, "content-encoding")) coding = value;
  }
  if (!wire::is_encoded(coding)) return &body;
  auto decoded = wire::decode_whole(coding, body, kCheckedMax);
  if (!decoded.ok()) return nullptr;
  sending.decoded = std::move(*decoded);
  return &sending.decoded;
}

void Dispatcher::run_checks(Sending& sending) {
  const Checks& checks = *sending.checks;
  RunCounting& counting = *sending.client->counting;
  std::vector<CheckCounts*>& counts = counting.check_places[&checks];
  for (std::size_t i = counts.size(); i < checks.size(); ++i)
    counts.push_back(&counting.figures.checks[checks.name(i)]);
  const CheckedAnswer answer{sending.status, &sending.captured.headers,
                             checks.wants_body() ? body_of(sending) : nullptr,
                             sending.done - sending.sent};
  const bool counted = !is_warmup(sending);
  for (std::size_t i = 0; i < checks.size(); ++i) {
    const bool holds = checks.holds(i, answer);
    if (counted) ++(holds ? counts[i]->passed : counts[i]->failed);
    if (holds || sending.failure != Failure::none) continue;
    sending.failure = Failure::check;
    sending.failed_check = sink_.name(checks.name(i));
  }
}

bool Dispatcher::is_warmup(const Sending& sending) const {
  return sending.created < options_.warmup_until || sending.created < sending.client->warmup_until;
}

// From here on its requests count as that run's.
void Dispatcher::count_for(Client& client, const std::string& run) {
  client.own_times = &own_times_[run];
  client.counting = &counting_[run];
  if (client.source())
    client.figures = &client.counting->figures.sources[client.group().sources->name()];
}

void Dispatcher::forget_own_times(const std::string& run) {
  const auto found = own_times_.find(run);
  if (run.empty() || found == own_times_.end()) return;
  for (const auto& [number, client] : clients_) {
    if (client->own_times != &found->second) continue;
    count_for(*client, {});
    client->own_times = nullptr;
  }
  own_times_.erase(found);
  counting_.erase(run);
}

RunFigures Dispatcher::figures(const std::string& run) const {
  const auto found = counting_.find(run);
  return found == counting_.end() ? RunFigures() : found->second.figures;
}

}  // namespace galileo::load
