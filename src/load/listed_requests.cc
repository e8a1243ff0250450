#include "load/listed_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace galileo::load {

class ListedRequests::OfClient final : public RequestSource {
 public:
  explicit OfClient(const ListedRequests& all) : all_(all) {}

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
    return Made::kMade;
  }

 private:
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

std::unique_ptr<RequestSource> ListedRequests::of_client(const ClientPlace&) {
  return std::make_unique<OfClient>(*this);
}

}  // namespace galileo::load
