// A recorded log, whose requests are due by the arrival that its times are (plan/file_lists.h).
#include <fmt/format.h>

#include "base/text.h"
#include "load/listed_requests.h"
#include "load/replay_file.h"
#include "load/request_description.h"

namespace galileo::load {

// The log is read here again: what the plan had of it were its times.
Result<std::unique_ptr<RequestSources>> make_replay_sources(const Request& request) {
  const ReplayFile file = TRY(replay_of_parameters(request.source.parameters));
  Replay replay = TRY(read_replay(file));
  const auto planned = request.source.parameters.find("requests");
  if (planned != request.source.parameters.end() &&
      planned->second != std::to_string(replay.list.size()))
    return Error{ErrorCode::kUsage, "can't replay the log", file.path,
                 "it has changed since its times were read", "replay a copy of it"};
  const std::string name = fmt::format("replay of {}", called(request.source, "file"));
  std::vector<std::string> notes{fmt::format(
      "{}: {} records read, {} sent, {} skipped{}{}", name, format_count(replay.counts.read),
      format_count(replay.counts.sent), format_count(replay.counts.all_skipped()),
      replay.counts.all_skipped() > 0 ? ": " : "", skipped_text(replay.counts))};
  for (const std::string& note : replay_notes(replay, file.options))
    notes.push_back(fmt::format("{}: {}", name, note));
  const std::uint32_t given_body = replay.given_body;
  auto sources = std::make_unique<ListedRequests>(name, std::move(replay.list), request, false,
                                                  std::move(notes));
  if (given_body != 0 && divide(file.options.body).size() > 1) {
    Request body;
    body.has_body = true;
    body.body = file.options.body;
    sources->make_bodies(
        given_body, TRY(RequestTemplate::compile(body, request.source.parameters, nullptr, {})));
  }
  return std::unique_ptr<RequestSources>(std::move(sources));
}

}  // namespace galileo::load
