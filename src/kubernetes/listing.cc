#include "kubernetes/listing.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "kubernetes/objects.h"
#include "kubernetes/paths.h"
#include "kubernetes/watch_lines.h"

namespace galileo::kubernetes {

Listing::Listing(Api& api, std::string path, std::string label_selector, std::string field_selector,
                 Handlers handlers)
    : api_(api),
      path_(std::move(path)),
      label_selector_(std::move(label_selector)),
      field_selector_(std::move(field_selector)),
      handlers_(std::move(handlers)) {}

Listing::~Listing() {
  if (call_ != 0) api_.drop(call_);
}

void Listing::ask(const std::string& from) {
  request_ = {};
  request_.path = with_query(path_, {{"limit", "500"},
                                     {"labelSelector", label_selector_},
                                     {"fieldSelector", field_selector_},
                                     {"continue", from}});
  request_.repeatable = true;
  is_broken_ = false;
  items_.emplace([this](std::string_view item) {
    nlohmann::json object = nlohmann::json::parse(item, nullptr, false);
    if (object.is_object()) handlers_.on_object(std::move(object));
  });
  call_ =
      api_.stream(request_, {[this](std::string_view piece) {
                               if (!is_broken_) is_broken_ = !items_->feed(piece);
                             },
                             [this](Result<ApiAnswer> answer) { page_ends(std::move(answer)); }});
}

void Listing::page_ends(Result<ApiAnswer> answer) {
  call_ = 0;
  if (!answer.ok()) return end(answer.error());
  if (answer->status == 410) {
    // The server offers to go on with what is there now.
    const std::string from = text_at(answer->json(), {"metadata", "continue"});
    is_of_one_moment_ = false;
    if (!from.empty()) return ask(from);
  }
  if (answer->status != 200) return end(refusal(request_, *answer));
  nlohmann::json rest = nlohmann::json::parse(items_->rest(), nullptr, false);
  if (is_broken_ || !items_->done() || !rest.is_object())
    return end(Error{ErrorCode::kUnavailable, "no answer from the API server", path_,
                     "its list can't be read, or was cut off", api_.access().told_by});
  skipped_ += items_->skipped();
  const std::string from = text_at(rest, {"metadata", "continue"});
  if (!from.empty()) return ask(from);
  end(End{is_of_one_moment_ ? version_of(rest) : std::string(), skipped_});
}

void Listing::end(Result<End> end) {
  const auto on_end = handlers_.on_end;
  on_end(std::move(end));
}

}  // namespace galileo::kubernetes
