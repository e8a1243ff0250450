// The spool: one append-only file a run, into which every trace, sample and event goes first
// (docs/wire/spool.md). Reserved ahead, each record with a checksum, so that it survives a crash:
// what was flushed is read back, a torn end is cut, a damaged place costs the records in it and no
// more. One writer; any number of readers, also of other processes and while it grows. Blocking:
// each lives at one desk. What fails is the disk: an Error then, and the next try may succeed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "base/file.h"
#include "wire/experiment.h"
#include "wire/sample.h"
#include "wire/trace.h"

namespace galileo::store {

// Traces name things by numbers of their producer (an event loop).
using ProducerId = std::uint16_t;

// What becomes of a spool that takes as much of its disk as it may.
enum class WhenFull : std::uint8_t {
  kStop,        // no more is taken; whoever writes sees it coming by is_full()
  kDropOldest,  // the oldest rows go, also those that are nowhere else
};

struct SpoolLimit {
  std::uint64_t bytes_max = 0;  // of disk; 0: as much as there is
  WhenFull when_full = WhenFull::kStop;
};
inline constexpr std::uint64_t kSpoolLimitMin = std::uint64_t{4} << 20;

// So many rows of a spool.
struct SpoolRows {
  std::uint64_t traces = 0;
  std::uint64_t others = 0;  // samples and events

  SpoolRows& operator+=(const SpoolRows& more) {
    traces += more.traces;
    others += more.others;
    return *this;
  }
  friend SpoolRows operator+(SpoolRows all, const SpoolRows& more) { return all += more; }
  // Those behind the first `taken`; none where more were taken than there are.
  SpoolRows behind(const SpoolRows& taken) const {
    return {traces - std::min(traces, taken.traces), others - std::min(others, taken.others)};
  }
  bool operator==(const SpoolRows&) const = default;
};

// Owned by the Recording, or by a worker's TraceLog. One thread writes it; from any other one only
// release() may be called. A row that can't be taken is counted, never an Error of the call that
// put it: flush() and close() tell of the disk.
class SpoolWriter {
 public:
  // Makes the file, which must not be there, and holds its lock until destroyed: others see by it
  // that the run is on.
  static Result<std::unique_ptr<SpoolWriter>> create(const std::string& path,
                                                     const SpoolLimit& limit = {});
  // Over any empty file, for tests. `extent` bytes are reserved first, then twice as many a time.
  static Result<std::unique_ptr<SpoolWriter>> over(std::unique_ptr<File> file,
                                                   std::uint64_t extent = kExtentFirst,
                                                   const SpoolLimit& limit = {});

  // Into the buffer; in the file with the next flush(), or once a MiB waits. A trace's names come
  // before it.
  void experiment(const wire::Experiment& experiment, std::string_view metadata_json);
  void end(const wire::Experiment& experiment, std::string_view metadata_json);
  void node_info(const wire::NodeInfo& info);
  void name(ProducerId producer, wire::NameId id, std::string_view text);
  void trace(ProducerId producer, const wire::Trace& trace);
  void sample(const wire::Sample& sample);
  void event(const wire::Event& event);

  // Writes what is buffered with one call. After an Error the buffer is kept for the next try; once
  // it holds 8 MiB, further traces, samples and events are refused and counted.
  Result<void> flush();
  // Rows before `position` are safe elsewhere: their disk is given back with one of the next
  // flush()es. From one other thread.
  void release(std::uint64_t position);
  // It is nearly as large as it may be, and will refuse rows soon.
  bool is_full() const { return is_full_; }
  // Where the file system can give nothing back, why.
  const std::optional<Error>& cannot_give_back() const { return cannot_give_back_; }
  // Those rows that were given back and lie behind the first `taken`: lost, where
  // somebody has taken those.
  SpoolRows given_up(const SpoolRows& taken) const;

  // Traces, samples and events that still wait for a disk that failed are refused for good.
  void give_up_waiting();
  // Flushes, gives back what was reserved beyond the end, syncs to disk.
  Result<void> close();
  // After close(): the file goes, and with it its lock. Only the counts may be asked from then on.
  void let_go() { file_.reset(); }

  // The position of the next record in the file.
  std::uint64_t size() const { return flushed_ + buffer_.size(); }
  std::uint64_t flushed() const { return flushed_; }
  // Refused, together with those that still wait for a disk that failed at the last flush().
  std::uint64_t traces_lost() const { return refused_.traces + (failing_ ? waiting_.traces : 0); }
  // The same of samples and events.
  std::uint64_t others_lost() const { return refused_.others + (failing_ ? waiting_.others : 0); }
  const std::string& path() const { return file_->path(); }

 private:
  static constexpr std::uint64_t kExtentFirst = std::uint64_t{16} << 20;
  enum class Kind { kTrace, kOther, kNeeded };
  static Kind kind_of(std::string_view record);
  static std::uint64_t SpoolRows::* count_of(Kind kind) {
    return kind == Kind::kTrace ? &SpoolRows::traces : &SpoolRows::others;
  }

  // Where a section begins, and the rows before it.
  struct Section {
    std::uint64_t position;
    SpoolRows before;
  };

  SpoolWriter(std::unique_ptr<File> file, std::uint64_t extent, const SpoolLimit& limit);
  void begin_section();
  void put_name(ProducerId producer, wire::NameId id, std::string_view text);
  bool give_back(std::size_t sections);
  void give_back_released();
  Result<void> make_room();
  void begin_row();
  void begin_record();
  void put_beside(ProducerId producer, const wire::Trace& trace);
  void seal_record(std::uint8_t type);
  bool end_record(std::uint8_t type, Kind kind);
  void reserve(std::uint64_t end);
  void take_out_whole(std::uint64_t written);

  std::unique_ptr<File> file_;
  std::uint64_t extent_;
  std::string buffer_;
  std::size_t record_at_ = 0;  // where the record under way begins in the buffer
  std::uint64_t flushed_ = 0;  // of the file: where the buffer goes
  std::uint64_t reserved_ = 0;
  bool failing_ = false;
  SpoolRows waiting_;  // in the buffer
  SpoolRows refused_;
  SpoolRows taken_;  // not refused
  const SpoolLimit limit_;
  std::uint64_t section_bytes_;
  std::uint64_t next_section_;
  std::deque<Section> sections_;  // the first one begins where nothing has been given back
  SpoolRows in_head_;             // before all sections: always kept
  SpoolRows up_to_section_;       // up to the first one
  std::vector<std::vector<std::string>> names_;  // by producer: each section tells them again
  RelaxedCounter released_;
  std::uint64_t room_ = UINT64_MAX;  // of disk, beyond what is reserved
  bool is_full_ = false;
  bool ending_ = false;
  std::optional<Error> cannot_give_back_;
};

// Takes what a reader finds. The views are valid during the call.
class SpoolVisitor {
 public:
  virtual ~SpoolVisitor() = default;
  virtual void on_experiment(const wire::Experiment&, std::string_view /*metadata*/) {}
  virtual void on_end(const wire::Experiment&, std::string_view /*metadata*/) {}
  virtual void on_node_info(const wire::NodeInfo&) {}
  virtual void on_trace(const wire::Trace&, const wire::Names&) {}
  virtual void on_sample(const wire::Sample&) {}
  virtual void on_event(const wire::Event&) {}
};

// Reads from the beginning on, as often as asked for more: State::kEnd may be a writer's pause.
// Owned and used by one thread; the spool may be another process's, and may go while it is read.
class SpoolReader {
 public:
  enum class State {
    kMore,  // the bound was reached
    kEnd,   // no sound record (yet): the end, one being written, a torn or a damaged one
  };

  static Result<std::unique_ptr<SpoolReader>> open(const std::string& path);
  static Result<std::unique_ptr<SpoolReader>> over(std::unique_ptr<File> file);

  // Hands on records from position() on, up to `records_max` and until they make `bytes_max`.
  // Records of types that aren't known, and those that make no sense, are passed over. A name that
  // was lost to damage reads as empty.
  Result<State> read(SpoolVisitor& visitor, std::size_t records_max,
                     std::uint64_t bytes_max = UINT64_MAX);

  // Whether there may be records behind position(): cheaper than to read in vain.
  Result<bool> may_have_more();

  // After State::kEnd, where nobody writes any more: looks for a sound record behind position() and
  // goes there. False: there is none, the spool ends here.
  Result<bool> skip_damage();
  // Bytes that were passed over so.
  std::uint64_t damaged() const { return damaged_; }

  // Where the last record handed on ends: another reader may go on there.
  std::uint64_t position() const { return place_.position; }
  // During a visitor's call: where the record that it takes begins.
  std::uint64_t record_at() const { return place_.position; }
  // Rows up to position(), those that had been given back before they could be read too.
  const SpoolRows& rows() const { return place_.rows; }
  // Those: the rows that were in parts of the spool that had been given back.
  const SpoolRows& missing() const { return place_.missing; }
  // Reads from position() on for the names only, damage too, so that reading goes on at `position`,
  // or behind it where that has been given back.
  Result<void> skip_to(std::uint64_t position);
  // Where this reader has been before.
  struct Place {
    std::uint64_t position = 0;
    SpoolRows rows;
    SpoolRows missing;
    std::string beside = {};  // of the trace that begins here
  };
  const Place& place() const { return place_; }
  void go_to(const Place& place);
  const std::string& path() const { return file_->path(); }

 private:
  explicit SpoolReader(std::unique_ptr<File> file);
  Result<void> fill(std::uint64_t from, std::size_t size);
  std::size_t sound_record(std::string_view bytes, std::size_t payload_max) const;
  void hand_on(std::uint8_t type, std::string_view payload, SpoolVisitor& visitor);
  void hand_on_trace(std::string_view payload, SpoolVisitor& visitor);
  void take_name(std::string_view payload);
  Result<bool> pass_gap();
  std::string_view buffered() const { return {bytes_.get(), size_}; }

  std::unique_ptr<File> file_;
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;             // of what was read
  std::size_t at_ = 0;               // in the buffer
  Place place_;                      // its position in the file is that of bytes_[at_]
  std::uint64_t furthest_ = 0;       // it has been
  std::uint64_t searched_from_ = 0;  // for the end of zeros: nothing is there ..
  std::uint64_t searched_to_ = 0;    // .. up to here
  std::vector<wire::Names> names_;   // by producer
  std::uint64_t names_count_ = 0;    // in all of them
  std::uint64_t damaged_ = 0;
};

}  // namespace galileo::store
