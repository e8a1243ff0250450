// The spool: one append-only file a run, into which every trace, sample and event goes first
// (docs/spool_format.md). Preallocated, each record with a checksum, so that it survives a crash:
// what was flushed is read back, a torn end is cut. One writer; any number of readers, also of
// other processes and while it grows. Blocking: lives at a desk.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "wire/experiment.h"
#include "wire/sample.h"
#include "wire/trace.h"

namespace galileo::store {

// Traces name things by numbers of their producer (an event loop).
using ProducerId = std::uint16_t;

class SpoolWriter {
 public:
  // Makes the file, which must not be there, and locks it. `extent` bytes are reserved at a time.
  static Result<std::unique_ptr<SpoolWriter>> create(const std::string& path);
  // Over any file, for tests.
  static Result<std::unique_ptr<SpoolWriter>> over(std::unique_ptr<File> file,
                                                   std::uint64_t extent = kExtent);

  // Into the buffer; on disk with the next flush().
  void experiment(const wire::Experiment& experiment, std::string_view metadata_json);
  void end(const wire::Experiment& experiment, std::string_view metadata_json);
  void node_info(const wire::NodeInfo& info);
  void name(ProducerId producer, wire::NameId id, std::string_view text);
  void trace(ProducerId producer, const wire::Trace& trace);
  void sample(const wire::Sample& sample);
  void event(const wire::Event& event);

  // Writes what is buffered with one call. After an Error the buffer is kept for the next try, up
  // to a bound; what is beyond it is lost and counted.
  Result<void> flush();
  // Flushes, syncs to disk and gives back what was reserved beyond the end.
  Result<void> close();

  // Also the position of the next record in the file, once flushed.
  std::uint64_t size() const { return offset_ + buffer_.size(); }
  std::uint64_t flushed() const { return offset_; }
  std::uint64_t traces_lost() const { return traces_lost_; }
  const std::string& path() const { return file_->path(); }

 private:
  static constexpr std::uint64_t kExtent = std::uint64_t{16} << 20;

  SpoolWriter(std::unique_ptr<File> file, std::uint64_t extent);
  void begin_record();
  void end_record(std::uint8_t type, bool is_trace);

  std::unique_ptr<File> file_;
  const std::uint64_t extent_;
  std::string buffer_;
  std::size_t record_at_ = 0;  // where the record under way begins in the buffer
  std::uint64_t offset_ = 0;   // of the buffer's first byte in the file
  std::uint64_t allocated_ = 0;
  std::uint64_t traces_lost_ = 0;
};

// Takes what a reader finds. The views are valid during the call.
class SpoolVisitor {
 public:
  virtual ~SpoolVisitor() = default;
  virtual void on_experiment(const wire::Experiment& experiment, std::string_view metadata) = 0;
  virtual void on_end(const wire::Experiment& experiment, std::string_view metadata) = 0;
  virtual void on_node_info(const wire::NodeInfo& info) = 0;
  virtual void on_trace(const wire::Trace& trace, const wire::Names& names) = 0;
  virtual void on_sample(const wire::Sample& sample) = 0;
  virtual void on_event(const wire::Event& event) = 0;
};

class SpoolReader {
 public:
  enum class State {
    kMore,  // the bound was reached
    kEnd,   // no complete record (yet): the end, a record being written, or a torn one
  };

  static Result<std::unique_ptr<SpoolReader>> open(const std::string& path);
  static Result<std::unique_ptr<SpoolReader>> over(std::unique_ptr<File> file);

  // Hands on up to `records_max` records from position() on. An Error where the file can't be read
  // or isn't a spool.
  Result<State> read(SpoolVisitor& visitor, std::size_t records_max);

  // The offset after the last record handed on: where another reader may go on.
  std::uint64_t position() const { return position_; }
  // Reads from the start up to there, for the names only, so that reading can go on there.
  Result<void> skip_to(std::uint64_t position);
  const std::string& path() const { return file_->path(); }

 private:
  explicit SpoolReader(std::unique_ptr<File> file);
  Result<void> fill(std::size_t size);
  bool hand_on(std::uint8_t type, std::string_view payload, SpoolVisitor& visitor);
  bool hand_on_trace(std::string_view payload, SpoolVisitor& visitor);

  std::unique_ptr<File> file_;
  std::string buffer_;
  std::size_t at_ = 0;              // in the buffer
  std::uint64_t position_ = 0;      // in the file, of buffer_[at_]
  std::vector<wire::Names> names_;  // by producer
};

}  // namespace galileo::store
