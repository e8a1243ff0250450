// InfluxDB v2: a bucket an experiment for its rows, and one of ours, "galileo", for the rest
// (docs/how-to/databases.md). It has no transactions: rows are the same points when they are put
// again, and a spool's position is written after its rows.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_set>

#include "base/crc32c.h"
#include "base/log.h"
#include "net/clock.h"
#include "store/experiment_id.h"
#include "store/influxdb_layout.h"
#include "store/influxdb_server.h"
#include "store/metadata_json.h"
#include "store/store.h"
#include "wire/line_protocol.h"

namespace galileo::store {
namespace {

using namespace influxdb;

constexpr const char* kKnownOptions = "tls ca org_id timeout_ms retention layout buckets";
// So many bytes of lines, in all buckets, are written at once, also within a transaction, and so
// many as soon as the server has nothing else to do, so that it never waits for us long.
constexpr std::size_t kLinesAtOnce = std::size_t{4} << 20;
constexpr std::size_t kBytesForIdleServer = std::size_t{512} << 10;
// How often it is seen to that lines which are being written go on.
constexpr std::uint64_t kRowsBetweenLooks = 256;
// How many lines that the server refused are told one by one, and kept.
constexpr std::uint64_t kRefusedTold = 10;
constexpr std::uint64_t kRefusedKept = 1000;
// How many of them are known again when a step of the drain is done once more.
constexpr std::size_t kRefusedKnown = 100'000;
// How often a span is copied in which traces still come in.
constexpr int kCopiesMax = 10;
constexpr std::int64_t kPerMillisecond = 1'000'000;

bool is_running(const wire::Experiment& experiment) {
  return experiment.status == wire::kRunning || experiment.status == "IN_PROGRESS";
}

// Rows of a millisecond come in the order of their place in it; hands them on by their exact times.
template <class Reader, class Row>
class InOrder {
 public:
  // `f` is false where it takes no more.
  explicit InOrder(const std::function<bool(const Row&, std::int64_t)>& f) : f_(f) {}
  bool put(Row row, std::int64_t time) {
    const auto millisecond = std::chrono::floor<std::chrono::milliseconds>(Duration{time});
    if (millisecond != millisecond_ && !flush()) return false;
    millisecond_ = millisecond;
    rows_.emplace_back(std::move(row), time);
    return true;
  }
  bool flush() {
    std::sort(rows_.begin(), rows_.end(), [](const auto& a, const auto& b) {
      const Wall first = Reader::key(a.first);
      const Wall second = Reader::key(b.first);
      return first != second ? first < second : a.second < b.second;
    });
    const bool takes_more = std::all_of(
        rows_.begin(), rows_.end(), [this](const auto& one) { return f_(one.first, one.second); });
    rows_.clear();
    return takes_more;
  }

 private:
  const std::function<bool(const Row&, std::int64_t)>& f_;
  std::chrono::milliseconds millisecond_{};
  std::vector<std::pair<Row, std::int64_t>> rows_;
};

class InfluxdbStore final : public Store {
 public:
  InfluxdbStore(std::unique_ptr<InfluxServer> server, Layout layout)
      : server_(std::move(server)),
        layout_(layout),
        sender_(*server_, server_->timeout(),
                static_cast<std::uint64_t>(net::RealClock::wall_now().time_since_epoch().count()),
                [this](const LineSender::Refused& one) { on_refused(one); }) {}

  Result<void> begin() override {
    forget();
    in_transaction_ = true;
    return {};
  }
  Result<void> commit() override {
    TRY(flush());
    in_transaction_ = false;
    return {};
  }
  void rollback() override {
    forget();
    in_transaction_ = false;
  }
  // What was answered with 204 is in the server's log on disk.
  Result<void> sync() override { return {}; }

  Result<void> save_experiment(const wire::Experiment& experiment) override {
    put_experiment(state_.text, experiment);
    state_.end_line();
    if (!server_->has_buckets()) experiments_[experiment.id] = experiment;
    return row_is_put();
  }

  Result<bool> change_experiment(const wire::Experiment& experiment,
                                 const std::string& from) override {
    const auto stored = TRY(this->experiment(experiment.id));
    if (!stored || stored->status != from) return false;
    TRY(save_experiment(experiment));
    return true;
  }

  Result<void> save_metadata(const std::string& id, std::string_view json) override {
    const std::string whole = TRY(metadata_with_id(json, id));
    put_metadata(state_.text, id, whole);
    state_.end_line();
    return row_is_put();
  }

  Result<void> put_node_info(const std::string& id, RowNumber row,
                             const wire::NodeInfo& info) override {
    influxdb::put_node_info(state_.text, id, row, info);
    state_.end_line();
    return row_is_put();
  }

  Result<void> put_trace(const std::string& id, RowNumber row, const wire::Trace& trace,
                         const wire::Names& names) override {
    wire::put_request_id(request_id_, trace, names);
    const wire::TraceView whole = wire::view(trace, names, id, request_id_);
    return add_trace(whole, point_time(trace.created, place_of(trace, row, names)));
  }

  Result<void> put_sample(const std::string& id, RowNumber row,
                          const wire::Sample& sample) override {
    LineBatch& batch = batches_[id];
    const bool put = layout_ == Layout::kOld
                         ? put_old_sample(batch.text, id, sample)
                         : influxdb::put_sample(batch.text, sample, point_time(sample.at, row));
    if (put) batch.end_line();
    return row_is_put();
  }

  Result<void> put_event(const std::string& id, RowNumber row, const wire::Event& event) override {
    LineBatch& batch = batches_[id];
    const bool put = layout_ == Layout::kOld
                         ? put_old_event(batch.text, id, event)
                         : influxdb::put_event(batch.text, event, point_time(event.at, row));
    if (put) batch.end_line();
    return row_is_put();
  }

  Result<void> save_spool_position(const std::string& id, std::uint64_t position) override {
    positions_[id] = position;
    if (in_transaction_) return {};
    return flush();
  }

  Result<std::optional<std::uint64_t>> spool_position(const std::string& id) override {
    std::optional<std::uint64_t> position;
    if (!server_->has_buckets()) {
      const auto found = written_positions_.find(id);
      if (found != written_positions_.end()) position = found->second;
      return position;
    }
    std::size_t column = Columns::kNone;
    TRY(server_->ask(kOurBucket,
                     "SELECT position FROM spool_position WHERE exp_id = " + id_text(id),
                     {[&](const Fields& header) { column = Columns(header).at("position"); },
                      [&](const Fields& row) {
                        if (column < row.size())
                          position = std::strtoull(std::string(row[column]).c_str(), nullptr, 10);
                      }}));
    return position;
  }

  RefusedRows refused() const override { return refused_; }

  Result<std::vector<wire::Experiment>> experiments() override {
    auto list = TRY(our_experiments(""));
    std::set<std::string> known;
    for (const wire::Experiment& experiment : list) known.insert(experiment.id);
    // The old system has only its buckets here; the rest is in its SQL database.
    for (const InfluxBucket& bucket : TRY(server_->buckets())) {
      if (looks_like_experiment_id(bucket.name) && !known.contains(bucket.name))
        list.push_back(unlisted(bucket.name, bucket.created));
    }
    std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
      return std::tie(a.created, a.id) < std::tie(b.created, b.id);
    });
    return list;
  }

  Result<std::optional<wire::Experiment>> experiment(const std::string& id) override {
    if (!server_->has_buckets()) {
      const auto found = experiments_.find(id);
      return found == experiments_.end() ? std::optional<wire::Experiment>() : found->second;
    }
    const auto found = TRY(our_experiments(id));
    if (!found.empty()) return std::optional(found.front());
    if (!looks_like_experiment_id(id)) return std::optional<wire::Experiment>();
    for (const InfluxBucket& bucket : TRY(server_->buckets())) {
      if (bucket.name == id) return std::optional(unlisted(id, bucket.created));
    }
    return std::optional<wire::Experiment>();
  }

  Result<std::optional<std::string>> running() override {
    std::optional<std::string> latest;
    for (const wire::Experiment& experiment : TRY(experiments())) {
      if (is_running(experiment)) latest = experiment.id;
    }
    return latest;
  }

  Result<std::string> metadata(const std::string& id) override {
    std::string json;
    if (!server_->has_buckets()) return json;
    TRY(each<MetadataReader>(
        kOurBucket, "metadata", "exp_id = " + id_text(id),
        [&](const MetadataReader& reader, const Fields& row) { json = reader.read(row); }));
    return json;
  }

  Result<StoredRows> counts(const std::string& id) override {
    TRY(must_read());
    StoredRows counts;
    counts.traces = TRY(count(id, "request_id", "traces"));
    counts.telemetry =
        TRY(count(id, "value", "telemetry")) + TRY(count(id, "infinite", "telemetry"));
    counts.events = TRY(count(id, "value", "events"));
    if (counts.traces == 0) return counts;
    counts.failed =
        TRY(count(id, "request_id", "traces WHERE status::field < 0 OR status::field >= 400"));
    // In the old layout the status is a tag, which is a text.
    counts.failed +=
        TRY(count(id, "request_id",
                  "traces WHERE exp_id::tag != '' AND status::tag !~ /^([123]?[0-9])?[0-9]$/"));
    return counts;
  }

  Result<void> remove(const std::string& id) override {
    TRY(must_read());
    // The rows first: as long as any are there the experiment is listed, and can be removed again.
    if (id != kOurBucket) TRY(server_->remove_bucket(id));
    return server_->remove_points(kOurBucket, fmt::format("exp_id=\"{}\"", predicate_text(id)), 0,
                                  kLastTime);
  }

  Result<std::uint64_t> touch_traces(const std::string& id, Wall from, Wall to) override;

  Result<void> each_trace(const std::string& id, const RowVisitor<wire::NamedTrace>& f) override {
    return each_in_order<TraceReader, wire::NamedTrace>(
        bucket_of(id), "traces", "",
        [&](const wire::NamedTrace& trace, std::int64_t) { return f(trace); });
  }

  Result<void> each_trace_figures(const std::string& id,
                                  const RowVisitor<wire::NamedTrace>& f) override {
    TRY(must_read());
    // With the old layout's points among them names mean two things, see RowReader.
    bool has_old = false;
    TRY(server_->ask(
        bucket_of(id), "SHOW TAG KEYS FROM traces",
        {[](const Fields&) {},
         [&](const Fields& row) { has_old |= !row.empty() && row.back() == "exp_id"; }}));
    if (has_old) return each_trace(id, f);
    return each_in_order<TraceReader, wire::NamedTrace>(
        bucket_of(id), "traces", "",
        [&](const wire::NamedTrace& trace, std::int64_t) { return f(trace); }, figure_keys());
  }

  Result<void> each_sample(const std::string& id, const RowVisitor<wire::Sample>& f) override {
    return each_in_order<SampleReader, wire::Sample>(
        bucket_of(id), "telemetry", "",
        [&](const wire::Sample& sample, std::int64_t) { return f(sample); });
  }

  Result<void> each_event(const std::string& id, const RowVisitor<wire::Event>& f) override {
    return each_in_order<EventReader, wire::Event>(
        bucket_of(id), "events", "",
        [&](const wire::Event& event, std::int64_t) { return f(event); });
  }

  Result<void> each_node_info(const std::string& id, const RowVisitor<wire::NodeInfo>& f) override {
    return each<NodeInfoReader>(
        kOurBucket, "nodeinfo", "exp_id = " + id_text(id),
        [&](const NodeInfoReader& reader, const Fields& row) { return f(reader.read(row)); });
  }

  const std::string& where() const override { return server_->where(); }

 private:
  struct Edge {
    std::string client;
    std::int64_t time;
  };
  static constexpr std::int64_t kLastTime = std::int64_t{9'223'372'036} * 1'000'000'000;

  static std::string id_text(const std::string& id) { return influxql_text(wire::tag_text(id)); }
  static std::string bucket_of(std::string_view id) {
    return std::string(id.empty() ? kOurBucket : id);
  }
  // Tags have no backslashes.
  static std::string predicate_text(const std::string& text) {
    std::string quoted;
    for (const char c : wire::tag_text(text)) {
      if (c == '"') quoted += '\\';
      quoted += c;
    }
    return quoted;
  }
  static wire::Experiment unlisted(const std::string& id, Wall created) {
    wire::Experiment experiment;
    experiment.id = id;
    experiment.created = created;
    experiment.status = wire::kFinished;
    return experiment;
  }

  Result<void> copy_untouched(
      const std::string& id, Wall from, Wall to, const std::string& span,
      const std::function<void(const std::string& client, std::int64_t time)>& f);

  Result<void> must_read() const {
    if (server_->has_buckets()) return {};
    return Error{ErrorCode::kUsage, "can't read the database", where(),
                 "with buckets=no it is only written to",
                 "leave buckets=no out, where the server has InfluxDB v2's buckets"};
  }

  // A client counts its own requests, all under one prefix; of other sources each may have one of
  // its own, and what has no number is told apart by its row.
  static std::uint64_t place_of(const wire::Trace& trace, RowNumber row, const wire::Names& names) {
    return trace.number > 0 ? trace.number + crc32c(names.at(trace.id_prefix)) : row;
  }

  Result<void> add_trace(const wire::TraceView& trace, std::int64_t time) {
    LineBatch& batch = batches_[bucket_of(trace.exp_id)];
    // Traces of no experiment are in our bucket, which has one layout.
    const bool put = layout_ == Layout::kOld && !trace.exp_id.empty()
                         ? put_old_trace(batch.text, trace)
                         : influxdb::put_trace(batch.text, trace, time);
    if (put) batch.end_line();
    return row_is_put();
  }

  Result<void> row_is_put() {
    if (!in_transaction_) return flush_rows();
    std::size_t bytes = 0;
    for (const auto& [bucket, batch] : batches_) bytes += batch.text.size();
    const bool looks = ++rows_put_ % kRowsBetweenLooks == 0;
    const bool idle = looks && !sender_.advance() && bytes >= kBytesForIdleServer;
    if (idle || bytes >= kLinesAtOnce) TRY(begin_rows());
    if (state_.text.size() >= kLinesAtOnce) return flush_rows();
    return {};
  }

  Result<void> begin_rows() {
    for (auto& [bucket, batch] : batches_) TRY(sender_.begin(bucket, batch));
    return {};
  }

  // Rows first: the rest tells of them.
  Result<void> flush_rows() {
    TRY(begin_rows());
    TRY(sender_.end());
    return flush_state();
  }

  Result<void> flush_state() {
    TRY(sender_.begin(kOurBucket, state_));
    return sender_.end();
  }

  Result<void> flush() {
    TRY(flush_rows());
    for (const auto& [id, position] : positions_) {
      put_position(state_.text, id, position);
      state_.end_line();
    }
    position_refused_.clear();
    TRY(flush_state());
    // A line that no server refuses which takes any at all.
    if (!position_refused_.empty())
      return Error{ErrorCode::kIo, "can't write to InfluxDB", where(), position_refused_,
                   "look at the server's log"};
    for (const auto& [id, position] : positions_) written_positions_[id] = position;
    positions_.clear();
    return {};
  }

  void forget() {
    sender_.abandon();
    batches_.clear();
    state_.clear();
    positions_.clear();
  }

  // Told in the log and counted, once however often the row is put, and kept beside the experiment.
  void on_refused(const LineSender::Refused& one) {
    if (one.line.starts_with("spool_position,")) position_refused_ = one.why.substr(0, 300);
    const std::uint32_t sum = crc32c(one.line);
    const std::uint64_t key = std::uint64_t{crc32c(one.bucket, sum)} << 32 | sum;
    if (!refused_known_.contains(key)) {
      if (refused_known_.size() < kRefusedKnown) refused_known_.insert(key);
      (one.line.starts_with("traces,") ? refused_.traces : refused_.others) += one.count;
      tell_refused(one);
    }
    if (one.bucket == kOurBucket || refused_.rows() > kRefusedKept) return;
    // Its own time, so that the same row is kept once.
    put_refused(state_.text, one.bucket, sum, one.line, one.why);
    state_.end_line();
  }

  void tell_refused(const LineSender::Refused& one) const {
    const std::uint64_t number = refused_.rows();
    if (number <= kRefusedTold)
      log(LogLevel::kError, "InfluxDB refused a row for good",
          {{"bucket", one.bucket},
           {"why", std::string(one.why.substr(0, 300))},
           {"row", std::string(one.line.substr(0, 200))}});
    if (number == kRefusedTold)
      log(LogLevel::kError, "further rows that InfluxDB refuses are counted only");
  }

  template <class Reader, class F>
  Result<void> each(const std::string& bucket, const std::string& measurement,
                    const std::string& condition, F&& f, const std::string& columns = "*") {
    TRY(must_read());
    std::optional<Reader> reader;
    std::string question = fmt::format("SELECT {} FROM {}", columns, measurement);
    if (!condition.empty()) question += " WHERE " + condition;
    return server_->ask(bucket, question,
                        {[&](const Fields& header) { reader.emplace(header); },
                         [&](const Fields& row) { return f(*reader, row); }});
  }

  template <class Reader, class Row>
  Result<void> each_in_order(const std::string& bucket, const std::string& measurement,
                             const std::string& condition,
                             const std::function<bool(const Row&, std::int64_t)>& f,
                             const std::string& columns = "*") {
    InOrder<Reader, Row> in_order(f);
    TRY(each<Reader>(
        bucket, measurement, condition,
        [&](const Reader& reader, const Fields& row) {
          return in_order.put(reader.read(row), reader.time(row));
        },
        columns));
    in_order.flush();
    return {};
  }

  Result<std::vector<wire::Experiment>> our_experiments(const std::string& id) {
    std::vector<wire::Experiment> list;
    TRY(each<ExperimentReader>(kOurBucket, "experiments",
                               id.empty() ? "" : "exp_id = " + id_text(id),
                               [&](const ExperimentReader& reader, const Fields& row) {
                                 list.push_back(reader.read(row));
                               }));
    return list;
  }

  Result<std::uint64_t> count(const std::string& id, const std::string& field,
                              const std::string& from) {
    std::uint64_t count = 0;
    std::size_t column = Columns::kNone;
    TRY(server_->ask(bucket_of(id), fmt::format("SELECT count({}) FROM {}", field, from),
                     {[&](const Fields& header) { column = Columns(header).at("count"); },
                      [&](const Fields& row) {
                        if (column < row.size())
                          count += std::strtoull(std::string(row[column]).c_str(), nullptr, 10);
                      }}));
    return count;
  }

  const std::unique_ptr<InfluxServer> server_;
  const Layout layout_;
  LineSender sender_;
  std::string position_refused_;  // why, by the last answer
  RefusedRows refused_;
  std::unordered_set<std::uint64_t> refused_known_;
  bool in_transaction_ = false;
  std::uint64_t rows_put_ = 0;
  std::map<std::string, LineBatch> batches_;  // rows by bucket
  LineBatch state_;                           // of our bucket
  std::map<std::string, std::uint64_t> positions_;
  // What is known without asking, for servers that can't be asked.
  std::map<std::string, std::uint64_t> written_positions_;
  std::map<std::string, wire::Experiment> experiments_;
  std::string request_id_;  // of the trace that is put
};

// Written to the experiment, then deleted where they were: cut off in between, it is done again
// with the same points. Whole milliseconds are deleted together, the others trace by trace; one
// that came in after its millisecond was read must not go unread.
Result<std::uint64_t> InfluxdbStore::touch_traces(const std::string& id, Wall from, Wall to) {
  TRY(must_read());
  if (!TRY(server_->bucket(id))) TRY(server_->make_bucket(id));
  const std::int64_t first = point_time(from, 0);
  const std::int64_t last = point_time(to, 0) + kPerMillisecond - 1;
  const std::int64_t inner_first = first + kPerMillisecond;
  const std::int64_t inner_last = last - kPerMillisecond;
  const bool has_inner = inner_first <= inner_last;
  for (int copies = 0; copies < kCopiesMax; ++copies) {
    std::vector<Edge> edges;
    std::uint64_t inner = 0;
    const std::uint64_t refused_before = sender_.refused();
    TRY(copy_untouched(id, from, to, fmt::format("time >= {} AND time <= {}", first, last),
                       [&](const std::string& client, std::int64_t time) {
                         if (time >= inner_first && time <= inner_last)
                           ++inner;
                         else
                           edges.push_back({client, time});
                       }));
    if (sender_.refused() > refused_before)
      return Error{ErrorCode::kIo, fmt::format("can't give traces to experiment {}", id), where(),
                   fmt::format("{} were refused; all of them stay where they were",
                               sender_.refused() - refused_before),
                   "the log tells why"};
    const std::string span = fmt::format("time >= {} AND time <= {}", inner_first, inner_last);
    if (has_inner && TRY(count("", "request_id", "traces WHERE " + span)) != inner) continue;
    const std::string traces = "_measurement=\"traces\"";
    if (inner > 0) TRY(server_->remove_points(kOurBucket, traces, inner_first, inner_last));
    // At the ends others of the same millisecond stay.
    for (const Edge& edge : edges) {
      std::string which = traces;
      if (!edge.client.empty())
        which += fmt::format(" AND client=\"{}\"", predicate_text(edge.client));
      TRY(server_->remove_points(kOurBucket, which, edge.time, edge.time));
    }
    return inner + edges.size();
  }
  return Error{ErrorCode::kUnavailable, fmt::format("can't give traces to experiment {}", id),
               where(), "more of that time are coming in; none was taken from where it was",
               "do it again when the workers have stored theirs"};
}

// All of the span are in the experiment when it returns, and where they were.
Result<void> InfluxdbStore::copy_untouched(
    const std::string& id, Wall from, Wall to, const std::string& span,
    const std::function<void(const std::string& client, std::int64_t time)>& f) {
  Result<void> written;
  TRY(begin());
  auto copied = each_in_order<TraceReader, wire::NamedTrace>(
      kOurBucket, "traces", span, [&](const wire::NamedTrace& trace, std::int64_t time) {
        if (trace.created < from || trace.created > to) return true;
        written = add_trace(wire::view(trace, id), time);
        f(trace.client, time);
        return written.ok();
      });
  if (copied.ok()) copied = written;
  if (copied.ok()) copied = commit();
  if (!copied.ok()) rollback();
  return copied;
}

}  // namespace

Result<std::unique_ptr<Store>> open_influxdb(const std::string& where, OpenMode mode) {
  const DatabaseUrl url = TRY(parse_database_url("influxdb:" + where, kKnownOptions));
  if (url.host.empty())
    return Error{ErrorCode::kUsage, "wrong database URL", "influxdb:" + where, "it names no host",
                 "write it as influxdb://:TOKEN@host:8086/organisation"};
  const std::string layout = url.option("layout").value_or("new");
  if (layout != "new" && layout != "old")
    return Error{ErrorCode::kUsage, "wrong option 'layout' in the database's URL", url.text(),
                 fmt::format("'{}' is neither new nor old", layout), "write layout=old"};
  auto server = TRY(InfluxServer::open(url));
  // The first real question: a wrong token or organisation is told here, and one that may not make
  // buckets, before anything is recorded.
  if (server->has_buckets()) {
    const auto ours = TRY(server->bucket(kOurBucket));
    if (!ours && mode == OpenMode::kCreate) TRY(server->make_bucket(kOurBucket));
    if (ours && ours->retention_seconds > 0 && mode == OpenMode::kCreate)
      return Error{ErrorCode::kUsage, "can't keep experiments in InfluxDB", server->where(),
                   fmt::format("the bucket '{}' forgets what is older than {} s, experiments too",
                               kOurBucket, ours->retention_seconds),
                   fmt::format("let it keep all: influx bucket update --retention 0 --id "
                               "\"$(influx bucket list --name {} --hide-headers | cut -f 1)\"",
                               kOurBucket)};
  }
  return std::unique_ptr<Store>(std::make_unique<InfluxdbStore>(
      std::move(server), layout == "old" ? Layout::kOld : Layout::kNew));
}

}  // namespace galileo::store
