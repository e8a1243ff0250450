// Two databases as one: experiments, metadata, node info and how far a spool is drained in an SQL
// database, where they are few and change; traces, telemetry and events in InfluxDB, which is made
// for them. There is no transaction over both: the rows are committed first, then what says that
// they are there. A crash in between has the rows put again, and InfluxDB knows them by their
// numbers.
#include <fmt/format.h>

#include <deque>

#include "store/store.h"

namespace galileo::store {
namespace {

class MixedStore final : public Store {
 public:
  MixedStore(std::unique_ptr<Store> metadata, std::unique_ptr<Store> runtime)
      : metadata_(std::move(metadata)),
        runtime_(std::move(runtime)),
        where_(fmt::format("mixed:{},{}", metadata_->where(), runtime_->where())) {}

  Result<void> begin() override {
    in_transaction_ = true;
    return runtime_->begin();
  }

  // The SQL database isn't locked while InfluxDB is waited for: what goes there waits until then.
  Result<void> commit() override {
    TRY(runtime_->commit());
    in_transaction_ = false;
    TRY(metadata_->begin());
    for (const Change& change : changes_) TRY(change());
    TRY(metadata_->commit());
    changes_.clear();
    return {};
  }
  void rollback() override {
    in_transaction_ = false;
    changes_.clear();
    runtime_->rollback();
    metadata_->rollback();
  }
  Result<void> sync() override {
    TRY(runtime_->sync());
    return metadata_->sync();
  }

  Result<void> save_experiment(const wire::Experiment& experiment) override {
    return change([this, experiment] { return metadata_->save_experiment(experiment); });
  }
  Result<bool> change_experiment(const wire::Experiment& experiment,
                                 const std::string& from) override {
    return metadata_->change_experiment(experiment, from);
  }
  Result<void> save_metadata(const std::string& id, std::string_view json) override {
    return change(
        [this, id, text = std::string(json)] { return metadata_->save_metadata(id, text); });
  }
  Result<void> put_node_info(const std::string& id, RowNumber row,
                             const wire::NodeInfo& info) override {
    return change([this, id, row, info] { return metadata_->put_node_info(id, row, info); });
  }
  Result<void> put_trace(const std::string& id, RowNumber row, const wire::Trace& trace,
                         const wire::Names& names) override {
    return runtime_->put_trace(id, row, trace, names);
  }
  Result<void> put_sample(const std::string& id, RowNumber row,
                          const wire::Sample& sample) override {
    return runtime_->put_sample(id, row, sample);
  }
  Result<void> put_event(const std::string& id, RowNumber row, const wire::Event& event) override {
    return runtime_->put_event(id, row, event);
  }
  Result<void> save_spool_position(const std::string& id, std::uint64_t position) override {
    return change([this, id, position] { return metadata_->save_spool_position(id, position); });
  }
  Result<std::optional<std::uint64_t>> spool_position(const std::string& id) override {
    return metadata_->spool_position(id);
  }

  RefusedRows refused() const override {
    const RefusedRows metadata = metadata_->refused();
    const RefusedRows runtime = runtime_->refused();
    return {metadata.traces + runtime.traces, metadata.others + runtime.others};
  }

  Result<std::vector<wire::Experiment>> experiments() override { return metadata_->experiments(); }
  Result<std::optional<wire::Experiment>> experiment(const std::string& id) override {
    return metadata_->experiment(id);
  }
  Result<std::optional<std::string>> running() override { return metadata_->running(); }
  Result<std::string> metadata(const std::string& id) override { return metadata_->metadata(id); }
  Result<StoredRows> counts(const std::string& id) override { return runtime_->counts(id); }
  // Its rows first: where that fails, the experiment is still listed and can be removed again.
  Result<void> remove(const std::string& id) override {
    TRY(runtime_->remove(id));
    return metadata_->remove(id);
  }
  Result<std::uint64_t> touch_traces(const std::string& id, Wall from, Wall to) override {
    return runtime_->touch_traces(id, from, to);
  }

  Result<void> each_trace(const std::string& id, const RowVisitor<wire::NamedTrace>& f) override {
    return runtime_->each_trace(id, f);
  }
  Result<void> each_trace_figures(const std::string& id,
                                  const RowVisitor<wire::NamedTrace>& f) override {
    return runtime_->each_trace_figures(id, f);
  }
  Result<void> each_sample(const std::string& id, const RowVisitor<wire::Sample>& f) override {
    return runtime_->each_sample(id, f);
  }
  Result<void> each_event(const std::string& id, const RowVisitor<wire::Event>& f) override {
    return runtime_->each_event(id, f);
  }
  Result<void> each_node_info(const std::string& id, const RowVisitor<wire::NodeInfo>& f) override {
    return metadata_->each_node_info(id, f);
  }

  // What InfluxDB keeps has its type.
  void pass_over_odd_values() override { metadata_->pass_over_odd_values(); }
  OddValues odd_values() const override { return metadata_->odd_values(); }

  const std::string& where() const override { return where_; }

 private:
  using Change = std::function<Result<void>()>;

  Result<void> change(Change&& change) {
    if (!in_transaction_) return change();
    changes_.push_back(std::move(change));
    return {};
  }

  const std::unique_ptr<Store> metadata_;
  const std::unique_ptr<Store> runtime_;
  const std::string where_;
  bool in_transaction_ = false;
  std::deque<Change> changes_;  // of the transaction, for the SQL database
};

}  // namespace

Result<std::unique_ptr<Store>> open_mixed(const std::string& where, OpenMode mode) {
  const std::size_t comma = where.find(",influxdb:");
  if (comma == std::string::npos || comma == 0)
    return Error{ErrorCode::kUsage, "wrong database URL",
                 "mixed:", "it doesn't name an SQL database and an InfluxDB",
                 "write it as mixed:mysql://...,influxdb://..."};
  auto metadata = TRY(open_store(where.substr(0, comma), mode));
  auto runtime = TRY(open_store(where.substr(comma + 1), mode));
  return std::unique_ptr<Store>(
      std::make_unique<MixedStore>(std::move(metadata), std::move(runtime)));
}

}  // namespace galileo::store
