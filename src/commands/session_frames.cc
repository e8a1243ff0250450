// The session's call `frame`: a table of a database, as columns in a file of the caller's.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands/exp_common.h"
#include "commands/session_parts.h"
#include "frames/frame.h"
#include "tables/export_folder.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

Result<Wall> take_time(SessionRequest& request, const char* key) {
  const auto ns = TRY(request.take_integer(key, -1));
  return ns < 0 ? kNoWall : Wall{Duration{ns}};
}

Result<Json> frame(SessionRequest& request) {
  const auto name = TRY(request.take_text("table"));
  const auto database = TRY(request.take_text("db"));
  const auto ids = TRY(request.take_texts("ids"));
  const auto descriptor = TRY(request.take_integer("descriptor", -1));
  frames::Wanted wanted;
  wanted.columns = TRY(request.take_texts("columns"));
  wanted.service = TRY(request.take_text("service"));
  wanted.from = TRY(take_time(request, "from"));
  wanted.to = TRY(take_time(request, "to"));
  wanted.go_on = [](std::uint64_t) { return !is_caller_gone(); };
  TRY(request.end());
  const auto tables = frames::all_tables();
  const auto table =
      std::find_if(tables.begin(), tables.end(), [&](const auto& one) { return one.name == name; });
  if (table == tables.end()) return wrong_request(fmt::format("there is no table '{}'", name));
  if (descriptor <= STDERR_FILENO || descriptor > 1 << 20)
    return wrong_request("'descriptor' must be that of an empty file");
  std::error_code ignored;
  const auto store =
      TRY(std::filesystem::is_directory(database, ignored) ? tables::open_export(database)
                                                           : open_database(database));
  store->pass_over_odd_values();
  for (const std::string& id : ids) wanted.ids.push_back(TRY(find_experiment(*store, id)).id);
  frames::PartedFile file(static_cast<int>(descriptor));
  const frames::Frame read = TRY(table->read(*store, wanted, file));
  Json told = Json::parse(frames::to_json(read));
  if (const store::OddValues odd = store->odd_values(); odd.rows > 0)
    told["odd"] = {{"rows", odd.rows}, {"first", odd.first}};
  return told;
}

class FrameCalls : public SessionPart {
 public:
  std::optional<Result<Json>> answer(std::string_view call, SessionRequest& request) override {
    if (call == "frame") return frame(request);
    return std::nullopt;
  }
};

}  // namespace

std::unique_ptr<SessionPart> session_frames() {
  return std::make_unique<FrameCalls>();
}

}  // namespace galileo::commands
