// The calls of InfluxDB's API that a store needs: buckets, writing, deleting, and questions in
// InfluxQL, whose answers come row by row in the order of time (docs/decisions.md says why not
// Flux). Blocking; lives at the store's desk.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/influxdb_connection.h"
#include "store/influxdb_sender.h"
#include "store/row_visitor.h"

namespace galileo::store {

// It has what is no experiment's rows, and forgets nothing: many of its points have no time.
inline constexpr const char* kOurBucket = "galileo";

struct InfluxBucket {
  std::string name;
  Wall created = kNoWall;
  std::int64_t retention_seconds = 0;  // 0: for ever
};

class InfluxServer final : public LineServer {
 public:
  // Options of the URL: those of InfluxConnection, org_id, retention, buckets.
  static Result<std::unique_ptr<InfluxServer>> open(const DatabaseUrl& url);

  // Whether buckets are made and asked for; else lines are written and nothing else is done.
  bool has_buckets() const { return has_buckets_; }
  Duration timeout() const { return connection_->timeout(); }
  const std::string& where() const override { return connection_->where(); }

  std::string packed(std::string_view lines) override;
  void begin_write(const std::string& bucket, std::string packed_lines) override;
  bool advance_write() override;
  Result<HttpAnswer> end_write() override;
  void abandon_write() override;
  // With the retention of the URL, but ours; fine where it is there already, and left as it is
  // then.
  Result<void> make_bucket(const std::string& bucket) override;
  Time now() override;
  void wait(Duration duration) override;

  // An Error where the token or the organisation isn't known to the server.
  Result<std::optional<InfluxBucket>> bucket(const std::string& name);
  Result<std::vector<InfluxBucket>> buckets();
  // Fine where it isn't there.
  Result<void> remove_bucket(const std::string& bucket);
  // Points of which the predicate holds ("a=\"b\" AND ..."), from the first to the last time.
  Result<void> remove_points(const std::string& bucket, const std::string& predicate,
                             std::int64_t first, std::int64_t last);

  // Visits an answer: the columns' names, then rows of them; the names may change in between.
  struct AnswerVisitor {
    std::function<void(const std::vector<std::string_view>&)> columns;
    RowVisitor<std::vector<std::string_view>> row;
  };
  // One SELECT or SHOW. Nothing is taken where the bucket isn't there. An Error where the answer
  // isn't whole, after some of its rows perhaps.
  Result<void> ask(const std::string& bucket, const std::string& question,
                   const AnswerVisitor& visitor);

 private:
  InfluxServer() = default;
  Result<std::string> organisation_id();
  Result<HttpAnswer> find_bucket(const std::string& bucket);
  Error why_not_whole(const std::string& bucket, const std::string& question);

  std::unique_ptr<InfluxConnection> connection_;
  std::string organisation_;
  std::string organisation_id_;  // empty: not known yet
  std::int64_t retention_seconds_ = 0;
  bool has_buckets_ = true;
};

// A text in InfluxQL: 'it\'s'.
std::string influxql_text(std::string_view text);

}  // namespace galileo::store
