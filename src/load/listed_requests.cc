#include "load/listed_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace galileo::load {

class ListedRequests::OfClient final : public RequestSource {
 public:
  OfClient(const ListedRequests& all, const ClientPlace& place) : all_(all), place_(place) {}

  Made make(Turn& turn, MadeRequest& into) override {
    const auto& entries = all_.list_.entries();
    if (!all_.round_ && turn.of_all >= entries.size()) {
      into.why = fmt::format("it has {} requests", format_count(entries.size()));
      return Made::kOver;
    }
    const RequestList::Entry& entry = entries[turn.of_all % entries.size()];
    into.method = all_.list_.text(entry.method);
    into.path = all_.list_.text(entry.target);
    into.has_body = entry.body != 0;
    into.body = all_.list_.text(entry.body);
    headers_ = 0;
    for (const auto& [name, value] : all_.own_) add(into, name, value);
    all_.list_.each_header(entry, [&](std::string_view name, std::string_view value) {
      if (!is_own(name)) add(into, name, value);
    });
    into.headers.resize(headers_);
    const bool is_made = all_.body_ && entry.body == all_.made_body_;
    return is_made ? make_body(turn, into) : Made::kMade;
  }

 private:
  // Of the request's number and draws of its own, as other templates are.
  Made make_body(const Turn& turn, MadeRequest& into) {
    constexpr std::uint64_t kDraws = 0x626f64696573u;  // apart from schedules' draws
    RequestTemplate::Moment moment{place_, turn,    nullptr,
                                   0,      nullptr, Random(place_.seed ^ kDraws, turn.of_all)};
    made_.shared_body = nullptr;
    made_.has_body = false;
    const Made how = all_.body_->make(moment, made_);
    if (how != Made::kMade) into.why = made_.why;
    if (const std::string* const body = made_.sent_body()) into.body = *body;
    return how;
  }
  bool is_own(std::string_view name) const {
    return std::any_of(all_.own_.begin(), all_.own_.end(), [&](const auto& own) {
      return wire::http1::equals_ignoring_case(own.first, name);
    });
  }
  // In texts that are there from the request before.
  void add(MadeRequest& into, std::string_view name, std::string_view value) {
    if (headers_ == into.headers.size()) into.headers.emplace_back();
    into.headers[headers_].first = name;
    into.headers[headers_].second = value;
    ++headers_;
  }

  const ListedRequests& all_;
  const ClientPlace& place_;
  MadeRequest made_;  // for its body alone
  std::size_t headers_ = 0;
};

ListedRequests::ListedRequests(std::string name, RequestList list, const Request& own, bool round,
                               std::vector<std::string> notes)
    : name_(std::move(name)),
      list_(std::move(list)),
      own_(own.headers),
      round_(round),
      notes_(std::move(notes)) {}

// A list that goes round has none.
std::vector<Duration> ListedRequests::times() const {
  std::vector<Duration> times;
  if (round_) return times;
  times.reserve(list_.size());
  for (const RequestList::Entry& entry : list_.entries()) times.push_back(entry.at);
  return times;
}

std::unique_ptr<RequestSource> ListedRequests::of_client(const ClientPlace& place) {
  return std::make_unique<OfClient>(*this, place);
}

}  // namespace galileo::load
