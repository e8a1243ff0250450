#include "load/request_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/utf8.h"
#include "wire/prometheus.h"

namespace galileo::load {
namespace {

constexpr const char* kOther = "_other";
// Of lines without the labels client and service, at most, with counts of 13 digits.
constexpr std::size_t kDurationLine = 82;
constexpr std::size_t kOtherLine = 64;
constexpr std::size_t kDurationLines = kDurationBounds.size() + 3;
constexpr std::size_t kRowLines = 3 + kDelayBounds.size() + 3;
// How much of the page they take.
constexpr std::size_t row_size(std::size_t labels) {
  return kRowLines * (kOtherLine + labels);
}
constexpr std::size_t durations_size(std::size_t labels) {
  return kDurationLines * (kDurationLine + labels);
}
constexpr std::size_t failure_size(std::size_t labels) {
  return kOtherLine + labels;
}
// What rows that have no room of their own may need: each class of statuses, and each reason.
constexpr std::size_t kLabelsOfOther = 32;
constexpr std::size_t kOtherMost = row_size(kLabelsOfOther) + 7 * durations_size(kLabelsOfOther) +
                                   wire::kFailureCount * failure_size(kLabelsOfOther + 20);

std::string label_of(std::string_view text) {
  return shortened(make_utf8(text), RequestMetrics::kLabelMost);
}

std::string labels_text(std::string_view client, std::string_view service) {
  return fmt::format("client=\"{}\",service=\"{}\"", wire::label_value(client),
                     wire::label_value(service));
}

std::string status_class(std::int32_t status) {
  if (status < 100) return "none";
  if (status > 599) return "other";
  return fmt::format("{}xx", status / 100);
}

template <std::size_t kBounds>
void append_buckets(std::string& page, std::string_view name, const std::string& labels,
                    const Buckets<kBounds>& buckets, const std::array<double, kBounds>& bounds) {
  const auto out = std::back_inserter(page);
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < kBounds; ++i) {
    below += buckets.counts[i];
    fmt::format_to(out, "{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, bounds[i], below);
  }
  fmt::format_to(out, "{}_bucket{{{},le=\"+Inf\"}} {}\n", name, labels, buckets.count);
  fmt::format_to(out, "{}_sum{{{}}} {}\n", name, labels, buckets.sum_s);
  fmt::format_to(out, "{}_count{{{}}} {}\n", name, labels, buckets.count);
}

}  // namespace

std::string_view client_label(std::string_view client) {
  const std::size_t last = client.rfind(':');
  const std::size_t first = client.find(':');
  if (first == last) return client;
  const std::string_view number = client.substr(last + 1);
  const bool is_number = !number.empty() && std::all_of(number.begin(), number.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
  return is_number ? client.substr(first + 1, last - first - 1) : client;
}

bool RequestMetrics::has_room(std::size_t size) {
  if (page_size_ + size + kOtherMost > kPageMost) return false;
  page_size_ += size;
  return true;
}

std::size_t RequestMetrics::row_named(std::string_view client, std::string_view service) {
  const std::string client_text = label_of(client_label(client));
  const std::string service_text = label_of(service);
  const auto find = [&](std::string_view its_client, std::string_view its_service) {
    const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const Row& row) {
      return row.client == its_client && row.service == its_service;
    });
    return static_cast<std::size_t>(found - rows_.begin());
  };
  std::size_t at = find(client_text, service_text);
  if (at < rows_.size()) return at;
  const bool has_own = has_room(row_size(labels_text(client_text, service_text).size()));
  if (!has_own) at = find(kOther, kOther);
  if (at < rows_.size()) return at;
  rows_.emplace_back();
  rows_.back().client = has_own ? client_text : kOther;
  rows_.back().service = has_own ? service_text : kOther;
  rows_.back().labels = labels_text(rows_.back().client, rows_.back().service);
  return at;
}

RequestMetrics::Row& RequestMetrics::row_of(const wire::Trace& trace, const wire::Names& names) {
  auto known = std::find_if(known_.begin(), known_.end(),
                            [&](const Known& one) { return one.names == &names; });
  if (known == known_.end()) known = known_.insert(known_.end(), Known{&names, {}});
  if (trace.client >= known->rows.size())
    known->rows.resize(std::max<std::size_t>(names.size(), trace.client + std::size_t{1}));
  std::uint32_t& row = known->rows[trace.client];
  if (row == 0)
    row =
        static_cast<std::uint32_t>(row_named(names.at(trace.client), names.at(trace.service)) + 1);
  return rows_[row - 1];
}

void RequestMetrics::add(const wire::Trace& trace, const wire::Names& names) {
  Row* row = &row_of(trace, names);
  const std::size_t labels = row->labels.size();
  const std::string_view reason = wire::failure_name(trace, names);
  const bool has_left = wire::failure_group(trace.failure) != wire::FailureGroup::not_sent;
  const std::string status = status_class(trace.status);
  // What it is counted by for the first time needs room, or it is one of the others'.
  const bool fits =
      row->client == kOther ||
      ((reason.empty() || row->failed.contains(reason) ||
        has_room(failure_size(labels + reason.size()))) &&
       (!has_left || row->durations.contains(status) || has_room(durations_size(labels))));
  if (!fits) row = &rows_[row_named(kOther, kOther)];
  ++traces_;
  row->request_bytes += trace.request_bytes;
  row->response_bytes += trace.response_bytes;
  if (reason.empty()) {
    ++row->answered;
    ++answered_;
  } else {
    // A foreign reason may be anything.
    ++row->failed[trace.failure == wire::Failure::none ? kOther : std::string(reason)];
    failed_ += has_left ? 1 : 0;
  }
  if (!has_left) return;
  ++left_;
  if (trace.done != kNoWall && trace.created != kNoWall)
    row->durations[status].add(trace.done - trace.created, kDurationBounds);
  if (trace.dispatched != kNoWall && trace.created != kNoWall)
    row->delays.add(trace.dispatched - trace.created, kDelayBounds);
}

std::string RequestMetrics::page() const {
  std::string page;
  const auto out = std::back_inserter(page);
  const auto family = [&](std::string_view name, std::string_view type, std::string_view help) {
    wire::append_family(page, name, type, help);
  };
  const auto counts = [&](std::string_view name, std::string_view help, auto member) {
    family(name, "counter", help);
    for (const Row& row : rows_)
      fmt::format_to(out, "{}{{{}}} {}\n", name, row.labels, row.*member);
  };
  counts("galileo_requests_answered_total", "Answers whose status is no failure.", &Row::answered);
  family("galileo_requests_failed_total", "counter", "Requests without a good answer, by reason.");
  for (const Row& row : rows_) {
    for (const auto& [reason, count] : row.failed)
      fmt::format_to(out, "galileo_requests_failed_total{{{},reason=\"{}\"}} {}\n", row.labels,
                     reason, count);
  }
  counts("galileo_request_bytes_total", "Bytes of requests.", &Row::request_bytes);
  counts("galileo_response_bytes_total", "Bytes of answers.", &Row::response_bytes);
  family("galileo_request_duration_seconds", "histogram",
         "From when a request was due (closed loop: made) to its end.");
  for (const Row& row : rows_) {
    for (const auto& [status, durations] : row.durations)
      append_buckets(page, "galileo_request_duration_seconds",
                     fmt::format("{},code=\"{}\"", row.labels, status), durations, kDurationBounds);
  }
  family("galileo_send_delay_seconds", "histogram",
         "From when a request was due to when the generator acted on it.");
  for (const Row& row : rows_)
    append_buckets(page, "galileo_send_delay_seconds", row.labels, row.delays, kDelayBounds);
  return page;
}

}  // namespace galileo::load
