#include "service/lab_watch.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/log.h"

namespace galileo::service {
namespace {

using Json = nlohmann::ordered_json;

constexpr Duration kLookEvery = std::chrono::seconds{1};
constexpr std::size_t kOverShown = 20;
constexpr std::string_view kLiveChannel = "galileo/live/";
constexpr std::size_t kToldMax = std::size_t{256} << 10;

// Nothing: it isn't what a run tells.
std::optional<LabWatch::Told> told_of(std::string_view channel, std::string_view message) {
  if (message.size() > kToldMax || !channel.starts_with(kLiveChannel)) return std::nullopt;
  Json json = Json::parse(message, nullptr, false);
  if (!json.is_object() || !json.contains("type") || !json["type"].is_string()) return std::nullopt;
  LabWatch::Told told;
  told.type = json["type"].get<std::string>();
  told.experiment = channel.substr(kLiveChannel.size());
  if (!json.contains("id")) json["id"] = told.experiment;
  told.json = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return told;
}

bool is_final(const wire::Experiment& row) {
  return row.status == wire::kFinished || row.status == wire::kFailed || row.status == "CANCELLED";
}

// Those that aren't over, and the newest that are, in the order of the rows.
std::vector<wire::Experiment> worth_showing(const std::vector<wire::Experiment>& rows) {
  std::vector<wire::Experiment> shown;
  std::size_t over = 0;
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    if (is_final(*row) && over++ >= kOverShown) continue;
    shown.push_back(*row);
  }
  std::reverse(shown.begin(), shown.end());
  return shown;
}

}  // namespace

LabWatch::LabWatch(net::Loop& loop, bus::Bus& bus, OpenStore open_store,
                   std::function<void(Seen)> on_seen, std::function<void(Told)> on_told)
    : loop_(loop),
      bus_(bus),
      open_store_(std::move(open_store)),
      on_seen_(std::move(on_seen)),
      on_told_(std::move(on_told)) {
  desk_.start("lab", [this](Time now) {
    look();
    return now + kLookEvery;
  });
}

LabWatch::~LabWatch() {
  desk_.stop([this] { subscription_.reset(); });
}

void LabWatch::nudge() {
  desk_.post([this] { desk_.set_next(Time{}); });
}

void LabWatch::look() {
  if (!subscription_) {
    auto made = bus_.subscribe({}, {std::string(kLiveChannel) + "*"},
                               [this](std::string_view channel, std::string_view message) {
                                 auto told = told_of(channel, message);
                                 if (!told) return;
                                 loop_.post([this, told = std::move(*told)] { on_told_(told); });
                               });
    if (made.ok()) subscription_ = std::move(*made);
  }
  auto now = seen();
  if (!now.ok()) {
    if (!std::exchange(fails_, true))
      log(LogLevel::kWarning, "the laboratory can't be looked at",
          {{"why", now.error().to_text()}});
    return;
  }
  fails_ = false;
  loop_.post([this, what = std::move(*now)] { on_seen_(what); });
}

Result<LabWatch::Seen> LabWatch::seen() {
  if (!store_) store_ = TRY(open_store_());
  const auto rows = TRY(store_->experiments());
  Seen seen;
  std::map<std::string, ExperimentView> over;
  std::vector<wire::Experiment> open;
  for (wire::Experiment& row : worth_showing(rows)) {
    const auto known = over_.find(row.id);
    if (known != over_.end() && is_final(row) && known->second.row.status == row.status)
      over.insert(*known);
    else
      open.push_back(std::move(row));
  }
  for (ExperimentView& view : TRY(views_of(bus_, *store_, open, true))) {
    seen.experiments[view.row.id] = view_json(view);
    if (view.is_over()) over.insert_or_assign(view.row.id, std::move(view));
  }
  for (const auto& [id, view] : over) seen.experiments[id] = view_json(view);
  over_ = std::move(over);
  std::set<std::string> there;
  for (const wire::Experiment& row : rows) there.insert(row.id);
  for (const auto& [id, json] : shown_) {
    if (!there.contains(id)) seen.removed.push_back(id);
  }
  shown_ = seen.experiments;
  return seen;
}

}  // namespace galileo::service
