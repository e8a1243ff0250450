// Requests of a list that is there before any of them is due: what replays and targets files have
// in common. One list a group of clients, read by all of its loops; each entry is sent once a
// round, by whatever client and loop its turn falls to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "load/request_list.h"
#include "load/request_source.h"
#include "load/request_template.h"

namespace galileo::load {

class ListedRequests final : public RequestSources {
 public:
  // `own`: headers that are sent with each request, in place of those of the same names.
  // `round`: after the last entry comes the first again.
  ListedRequests(std::string name, RequestList list, const Request& own, bool round,
                 std::vector<std::string> notes);
  // The body of that number in the list is made anew for each request.
  void make_bodies(std::uint32_t number, RequestTemplate made_of) {
    made_body_ = number;
    body_.emplace(std::move(made_of));
  }
  std::string name() const override { return name_; }
  std::vector<std::string> notes() const override { return notes_; }
  std::vector<Duration> times() const override;
  std::unique_ptr<RequestSource> of_client(const ClientPlace& place) override;

 private:
  class OfClient;

  const std::string name_;
  const RequestList list_;
  const wire::http1::Headers own_;
  const bool round_;
  const std::vector<std::string> notes_;
  std::uint32_t made_body_ = 0;  // of body_
  std::optional<RequestTemplate> body_;
};

}  // namespace galileo::load
