#include "kubernetes/watch.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/log.h"
#include "kubernetes/objects.h"
#include "kubernetes/paths.h"

namespace galileo::kubernetes {
namespace {

// A server that is asked to end a watch sends a bookmark just before, so that a quiet watch is
// never silent for longer, and one that has died is found out.
constexpr std::uint64_t kSecondsMin = 45;
constexpr std::uint64_t kSecondsMax = 55;
constexpr Duration kSilentMax = std::chrono::seconds{60};
// One that ends sooner, with nothing said, isn't begun again at once.
constexpr Duration kShort = std::chrono::seconds{1};
// After so many it may be the version that the server doesn't know.
constexpr int kRefusedMax = 3;

}  // namespace

Watch::Watch(Api& api, std::string path, std::string label_selector, std::string field_selector,
             Handlers handlers)
    : api_(api),
      path_(std::move(path)),
      label_selector_(std::move(label_selector)),
      field_selector_(std::move(field_selector)),
      handlers_(std::move(handlers)),
      random_(static_cast<std::uint64_t>(api.loop().clock().now().time_since_epoch().count()), 1),
      go_on_([this](Time) { go_on(); }) {
  api_.loop().timers().set(go_on_, api_.loop().clock().now());
}

Watch::~Watch() {
  if (call_ != 0) api_.drop(call_);
}

void Watch::go_on() {
  listing_.reset();
  if (version_.empty())
    list();
  else
    watch();
}

void Watch::list() {
  ++lists_;
  listing_.emplace(api_, path_, label_selector_, field_selector_,
                   Listing::Handlers{[this](nlohmann::json&& object) { note(object); },
                                     [this](Result<Listing::End> end) { listed(std::move(end)); }});
  listing_->start();
}

void Watch::listed(Result<Listing::End> end) {
  if (!end.ok()) return rest(end.error().to_text());
  if (end->skipped > 0) {
    skipped_ += end->skipped;
    count_skipped();
  }
  if (end->version.empty()) return rest("the list took longer than the server's history is kept");
  std::vector<std::string> gone;
  for (const auto& [uid, known] : known_) {
    if (known.list != lists_) gone.push_back(uid);
  }
  for (const std::string& uid : gone) {
    known_.erase(uid);
    handlers_.on_gone(uid, nullptr);
  }
  version_ = end->version;
  refused_ = 0;
  set_trouble({});
  handlers_.on_synced();
  // The listing still stands on the stack.
  api_.loop().timers().set(go_on_, api_.loop().clock().now());
}

void Watch::watch() {
  ApiRequest request;
  const std::uint64_t seconds = kSecondsMin + random_.below(kSecondsMax - kSecondsMin + 1);
  request.path = with_query(path_, {{"watch", "1"},
                                    {"allowWatchBookmarks", "true"},
                                    {"resourceVersion", version_},
                                    {"timeoutSeconds", std::to_string(seconds)},
                                    {"labelSelector", label_selector_},
                                    {"fieldSelector", field_selector_}});
  request.within = kSilentMax;
  lines_.clear();
  said_.clear();
  is_open_ = false;
  began_ = api_.loop().clock().now();
  call_ =
      api_.stream(std::move(request),
                  {[this](std::string_view piece) {
                     lines_.feed(piece, [this](std::string_view line) { return on_line(line); });
                     if (lines_.skipped() != std::exchange(skipped_lines_, lines_.skipped())) {
                       ++skipped_;
                       count_skipped();
                     }
                   },
                   [this](const Result<ApiAnswer>& answer) { watch_ends(answer); },
                   [this] {
                     is_open_ = true;
                     set_trouble({});
                   }});
}

void Watch::count_skipped() {
  log(LogLevel::kWarning, "an object is larger than 4 MiB; it isn't seen",
      {{"path", path_}, {"so far", std::to_string(skipped_)}});
}

// False: what else has come isn't of interest.
bool Watch::on_line(std::string_view line) {
  nlohmann::json object;
  const WatchChange change = read_watch_line(line, object);
  switch (change) {
    case WatchChange::kExpired:
      api_.drop(std::exchange(call_, 0));
      expire(message_of(object));
      return false;
    case WatchChange::kTrouble:
      said_ = message_of(object);
      if (said_.empty()) said_ = "the server ends the watch";
      return true;
    case WatchChange::kUnknown:
      return true;
    case WatchChange::kThere:
      note(object);
      break;
    case WatchChange::kGone:
      lose(object);
      break;
    case WatchChange::kBookmark:
      break;
  }
  if (std::string version = version_of(object); !version.empty()) version_ = std::move(version);
  refused_ = 0;
  pauses_.begin_anew();
  return true;
}

void Watch::note(const nlohmann::json& object) {
  const std::string uid = uid_of(object);
  if (uid.empty()) return;
  std::string version = version_of(object);
  Known& known = known_[uid];
  known.list = lists_;
  if (known.version == version && !version.empty()) return;
  known.version = std::move(version);
  handlers_.on_object(object);
}

void Watch::lose(const nlohmann::json& last) {
  const std::string uid = uid_of(last);
  if (known_.erase(uid) > 0) handlers_.on_gone(uid, &last);
}

void Watch::watch_ends(const Result<ApiAnswer>& answer) {
  call_ = 0;
  if (!answer.ok()) {
    // It was silent, or cut: which is as normal as an end, unless it can't be begun again.
    if (!is_open_) return rest(answer.error().to_text());
    return again();
  }
  if (is_expired(answer->status, answer->status == 200 ? nlohmann::json() : answer->json()))
    return expire(message_of(answer->json()));
  if (answer->status != 200) {
    ApiRequest request;
    request.path = path_;
    const bool is_of_version =
        answer->status != 429 && answer->status != 401 && answer->status != 403;
    return refused(refusal(request, *answer).to_text(), is_of_version);
  }
  if (!said_.empty()) return refused(said_, true);
  again();
}

// A server that was put back to an earlier state never knows that version again.
void Watch::refused(const std::string& why, bool is_of_version) {
  if (!is_of_version || ++refused_ < kRefusedMax) return rest(why);
  refused_ = 0;
  set_trouble(why);
  expire(why);
}

void Watch::again() {
  if (api_.loop().clock().now() - began_ >= kShort) {
    pauses_.begin_anew();
    return go_on();
  }
  api_.loop().timers().set(go_on_, api_.loop().clock().now() + pauses_.next(random_));
}

void Watch::expire(const std::string& why) {
  version_.clear();
  if (handlers_.on_gap) handlers_.on_gap(why);
  api_.loop().timers().set(go_on_, api_.loop().clock().now() + pauses_.next(random_));
}

void Watch::rest(const std::string& why) {
  set_trouble(why);
  api_.loop().timers().set(go_on_, api_.loop().clock().now() + pauses_.next(random_));
}

void Watch::set_trouble(const std::string& why) {
  if (trouble_ == why) return;
  trouble_ = why;
  if (handlers_.on_trouble) handlers_.on_trouble(why);
}

}  // namespace galileo::kubernetes
