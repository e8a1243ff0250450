// The session's call `experiments.remove`.
#include <nlohmann/json.hpp>

#include "commands/exp_common.h"
#include "commands/session_parts.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

class ExperimentCalls : public SessionPart {
 public:
  std::optional<Result<Json>> answer(std::string_view call, SessionRequest& request) override {
    if (call == "experiments.remove") return remove_some(request);
    return std::nullopt;
  }

 private:
  static Result<Json> remove_some(SessionRequest& request) {
    const auto database = TRY(request.take_text("db"));
    const auto ids = TRY(request.take_texts("ids"));
    TRY(request.end());
    if (database.empty()) return wrong_request("'db' isn't said");
    if (ids.empty()) return wrong_request("'ids' name no experiment");
    const auto store = TRY(open_database(database));
    Json removed = Json::array();
    TRY(remove_experiments(*store, ids, [&](const std::string& id) { removed.push_back(id); }));
    return Json{{"removed", std::move(removed)}};
  }
};

}  // namespace

std::unique_ptr<SessionPart> session_experiments() {
  return std::make_unique<ExperimentCalls>();
}

}  // namespace galileo::commands
