#include "plan/successes.h"

#include <fmt/format.h>

#include <algorithm>

#include "wire/http1.h"

namespace galileo::plan {
namespace {

std::vector<const load::ClientSpec*> clients_of_all_phases(const Plan& plan) {
  std::vector<const load::ClientSpec*> clients;
  for (const Phase& phase : plan.phases) {
    for (const load::ClientSpec& client : phase.clients) clients.push_back(&client);
  }
  return clients;
}

std::string accepted_codings(const load::Request& request) {
  for (const auto& [name, value] : request.headers) {
    if (wire::http1::equals_ignoring_case(name, "accept-encoding") && value != "identity")
      return value;
  }
  return {};
}

}  // namespace

void take_common_successes(Plan& plan) {
  const auto clients = clients_of_all_phases(plan);
  if (clients.empty() || !clients.front()->request.ok) return;
  const auto& ok = clients.front()->request.ok;
  if (std::all_of(clients.begin(), clients.end(),
                  [&](const load::ClientSpec* client) { return client->request.ok == ok; }))
    plan.limits.fail_on = ok->others();
}

std::vector<std::string> notes_of_requests(const Plan& plan) {
  std::vector<std::string> notes;
  for (const load::ClientSpec* const client : clients_of_all_phases(plan)) {
    if (client->request.ok)
      notes.push_back(fmt::format("client {}: a success is a status of {}", client->name,
                                  client->request.ok->to_text()));
    if (const std::string codings = accepted_codings(client->request); !codings.empty())
      notes.push_back(
          fmt::format("client {} takes compressed answers ({})", client->name, codings));
  }
  return notes;
}

}  // namespace galileo::plan
