#include "store/spool.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/text.h"
#include "store/spool_format.h"

namespace galileo::store {

using namespace spool_format;

namespace {

constexpr std::size_t kBufferMax = std::size_t{8} << 20;  // while the disk refuses
// So much is written unasked: what comes at once after a stall may be more than the buffer takes.
constexpr std::size_t kBufferFull = std::size_t{1} << 20;
constexpr std::uint64_t kExtentMax = std::uint64_t{64} << 20;
// Headers and response together; a trace with more goes without them rather than not at all.
constexpr std::size_t kTextsMax = std::size_t{8} << 20;
// Where there is no limit. Each section tells all names again.
constexpr std::uint64_t kSectionBytes = std::uint64_t{16} << 20;
constexpr std::uint64_t kNamesShare = 4;  // of a section's bytes one in so many, at most
constexpr std::uint64_t kSectionsInLimit = 16;
// Between being full and refusing: what is still under way when a run is told to end.
constexpr std::uint64_t kMarginMax = std::uint64_t{64} << 20;

std::uint64_t section_bytes(const SpoolLimit& limit) {
  if (limit.bytes_max == 0) return kSectionBytes;
  return std::min(kSectionBytes, limit.bytes_max / kSectionsInLimit);
}

void put_experiment(std::string& out, const wire::Experiment& experiment,
                    std::string_view metadata) {
  put_text(out, experiment.id);
  put_text(out, experiment.name);
  put_text(out, experiment.creator);
  put_text(out, experiment.status);
  put(out, packed(experiment.created));
  put(out, packed(experiment.start));
  put(out, packed(experiment.end));
  // Metadata that would burst the record are left out: the rows are worth more.
  put_text(out, metadata.size() <= kRecordMax / 2 ? metadata : std::string_view{});
}

// Each record of bytes that are whole records.
template <class F>
void each_record(std::string_view bytes, F&& f) {
  for (std::size_t at = 0; at < bytes.size();) {
    std::uint32_t payload = 0;
    std::memcpy(&payload, bytes.data() + at, 4);
    const std::size_t size = kRecordHeader + payload;
    f(at, bytes.substr(at, size));
    at += size;
  }
}

}  // namespace

// Names and the experiment are always kept: they are few, and the others mean nothing without.
SpoolWriter::Kind SpoolWriter::kind_of(std::string_view record) {
  switch (static_cast<std::uint8_t>(record[8])) {
    case kTrace:
      return Kind::kTrace;
    case kSample:
    case kEvent:
      return Kind::kOther;
    default:
      return Kind::kNeeded;
  }
}

SpoolWriter::SpoolWriter(std::unique_ptr<File> file, std::uint64_t extent, const SpoolLimit& limit)
    : file_(std::move(file)),
      extent_(extent),
      limit_(limit),
      section_bytes_(section_bytes(limit)),
      next_section_(kHeadBytes) {
  // What is reserved counts.
  if (limit_.bytes_max > 0) extent_ = std::min(extent_, section_bytes_);
  buffer_.reserve(std::size_t{1} << 20);
}

Result<std::unique_ptr<SpoolWriter>> SpoolWriter::create(const std::string& path,
                                                         const SpoolLimit& limit) {
  constexpr int kTries = 100;
  const std::string folder = std::filesystem::path(path).parent_path().string();
  Error failed;
  std::error_code ignored;
  for (int i = 0; i < kTries; ++i) {
    // Who recovers spools deletes the folder once it is empty, and a file that is still empty when
    // it has the lock first: both are made again.
    if (!folder.empty()) {
      const auto made = make_folders(folder);
      if (!made.ok()) failed = made.error();
      if (!made.ok()) break;
    }
    auto file = open_file(path, FileMode::kCreate);
    if (!file.ok()) {
      failed = file.error();
      if (std::filesystem::exists(folder.empty() ? "." : folder, ignored)) break;
      continue;
    }
    if (!(*file)->lock(true)) return system_error("can't lock the spool", path, errno);
    if (!(*file)->is_there()) continue;
    auto writer = over(std::move(*file), kExtentFirst, limit);
    // On a full disk a file may be made, but not written to: it mustn't be in the way later.
    if (!writer.ok()) std::filesystem::remove(path, ignored);
    return writer;
  }
  return Error{failed.code, "can't make the spool", path, failed.why,
               "check that its folder may be written to, or name another one with --spool"};
}

Result<std::unique_ptr<SpoolWriter>> SpoolWriter::over(std::unique_ptr<File> file,
                                                       std::uint64_t extent,
                                                       const SpoolLimit& limit) {
  std::unique_ptr<SpoolWriter> writer(new SpoolWriter(std::move(file), extent, limit));
  // Before anything is reserved: a file that has bytes begins as a spool does.
  TRY(writer->file_->write_at(0, kMagic));
  writer->flushed_ = writer->reserved_ = kFileHeader;
  return writer;
}

void SpoolWriter::begin_record() {
  record_at_ = buffer_.size();
  buffer_.append(kRecordHeader, '\0');
}

void SpoolWriter::seal_record(std::uint8_t type) {
  char* header = buffer_.data() + record_at_;
  header[8] = static_cast<char>(type);
  const auto length = static_cast<std::uint32_t>(buffer_.size() - record_at_ - kRecordHeader);
  const std::uint32_t sum = crc32c(std::string_view(header + 8, std::size_t{length} + 1));
  std::memcpy(header, &length, 4);
  std::memcpy(header + 4, &sum, 4);
}

// False where the record was refused.
bool SpoolWriter::end_record(std::uint8_t type, Kind kind) {
  const std::size_t size = buffer_.size() - record_at_ - kRecordHeader;
  std::uint64_t SpoolRows::* const count = count_of(kind);
  if (size > kRecordMax || (kind != Kind::kNeeded && buffer_.size() > kBufferMax)) {
    buffer_.resize(record_at_);
    ++(refused_.*count);
    return false;
  }
  if (kind != Kind::kNeeded) ++(waiting_.*count);
  if (kind != Kind::kNeeded) ++(taken_.*count);
  seal_record(type);
  // A failure is told by the next flush(), which tries the same again.
  if (buffer_.size() > kBufferFull && !failing_) static_cast<void>(flush().ok());
  return true;
}

void SpoolWriter::experiment(const wire::Experiment& experiment, std::string_view metadata_json) {
  begin_record();
  put_experiment(buffer_, experiment, metadata_json);
  end_record(kExperiment, Kind::kNeeded);
}

void SpoolWriter::end(const wire::Experiment& experiment, std::string_view metadata_json) {
  ending_ = true;  // this one is always written, and what waits with it
  begin_record();
  put_experiment(buffer_, experiment, metadata_json);
  end_record(kEnd, Kind::kNeeded);
}

void SpoolWriter::node_info(const wire::NodeInfo& info) {
  begin_record();
  put_text(buffer_, info.node);
  put_text(buffer_, info.key);
  put_text(buffer_, info.value);
  end_record(kNodeInfo, Kind::kNeeded);
}

void SpoolWriter::name(ProducerId producer, wire::NameId id, std::string_view text) {
  if (producer >= names_.size()) names_.resize(std::size_t{producer} + 1);
  if (id >= names_[producer].size()) names_[producer].resize(std::size_t{id} + 1);
  names_[producer][id] = text;
  put_name(producer, id, text);
}

void SpoolWriter::put_name(ProducerId producer, wire::NameId id, std::string_view text) {
  begin_record();
  put(buffer_, producer);
  put(buffer_, id);
  put_text(buffer_, text);
  end_record(kName, Kind::kNeeded);
}

// What comes before a section can be given back: it begins where a block does, with how many rows
// there were before it and all names that those behind it may use.
void SpoolWriter::begin_section() {
  const std::uint64_t least = size() + kRecordHeader + 1;
  const std::uint64_t position = (least + kSectionAlign - 1) / kSectionAlign * kSectionAlign;
  next_section_ = position + section_bytes_;
  begin_record();
  buffer_.append(position - least + 1, '\0');
  end_record(kPadding, Kind::kNeeded);
  if (sections_.empty()) in_head_ = up_to_section_ = taken_;
  sections_.push_back({position, taken_});
  begin_record();
  put(buffer_, taken_.traces);
  put(buffer_, taken_.others);
  end_record(kSection, Kind::kNeeded);
  for (std::size_t producer = 0; producer < names_.size(); ++producer) {
    for (std::size_t id = 0; id < names_[producer].size(); ++id)
      put_name(static_cast<ProducerId>(producer), static_cast<wire::NameId>(id),
               names_[producer][id]);
  }
  next_section_ = std::max(next_section_, position + kNamesShare * (size() - position));
}

void SpoolWriter::begin_row() {
  if (size() >= next_section_ && !failing_) begin_section();
  begin_record();
}

// Goes in front of the trace, and is never written without it unless the disk fails in between: so
// it says whose it is.
void SpoolWriter::put_beside(ProducerId producer, const wire::Trace& trace) {
  put(buffer_, producer);
  put(buffer_, trace.id_prefix);
  put(buffer_, trace.number);
  wire::each_field_beside(trace, [&](std::uint8_t number, std::int64_t value) {
    put(buffer_, number);
    put(buffer_, value);
  });
  seal_record(kBeside);
  begin_record();
}

void SpoolWriter::trace(ProducerId producer, const wire::Trace& trace) {
  begin_row();
  const std::size_t row_at = record_at_;
  if (wire::has_fields_beside(trace)) put_beside(producer, trace);
  const bool fits = trace.headers.size() + trace.response.size() <= kTextsMax;
  PackedTrace packed_trace = wire::pack(trace);
  packed_trace.producer = producer;
  if (!fits) packed_trace.headers_size = 0;
  put(buffer_, packed_trace);
  if (fits) {
    buffer_.append(trace.headers);
    buffer_.append(trace.response);
  }
  if (!end_record(kTrace, Kind::kTrace)) buffer_.resize(row_at);
}

void SpoolWriter::sample(const wire::Sample& sample) {
  begin_row();
  put(buffer_, packed(sample.at));
  put(buffer_, sample.value);
  put_text(buffer_, sample.node);
  put_text(buffer_, sample.metric);
  put_text(buffer_, sample.subsystem);
  end_record(kSample, Kind::kOther);
}

void SpoolWriter::event(const wire::Event& event) {
  begin_row();
  put(buffer_, packed(event.at));
  put_text(buffer_, event.name);
  put_text(buffer_, event.value);
  end_record(kEvent, Kind::kOther);
}

void SpoolWriter::release(std::uint64_t position) {
  const std::uint64_t before = released_.load();
  if (position > before) released_.add(position - before);
}

// Gives back so many sections, the oldest. False: it can't.
bool SpoolWriter::give_back(std::size_t sections) {
  if (sections == 0 || sections >= sections_.size() || cannot_give_back_) return false;
  const Section& first = sections_[sections];
  const auto punched = file_->punch(sections_.front().position, first.position);
  if (!punched.ok()) {
    cannot_give_back_ = punched.error();
    return false;
  }
  up_to_section_ = first.before;
  sections_.erase(sections_.begin(), sections_.begin() + static_cast<std::ptrdiff_t>(sections));
  return true;
}

void SpoolWriter::give_back_released() {
  const std::uint64_t released = std::min(released_.load(), flushed_);
  std::size_t sections = 0;
  while (sections + 1 < sections_.size() && sections_[sections + 1].position <= released)
    ++sections;
  give_back(sections);
}

SpoolRows SpoolWriter::given_up(const SpoolRows& taken) const {
  return up_to_section_.behind(
      {std::max(taken.traces, in_head_.traces), std::max(taken.others, in_head_.others)});
}

// Whether what waits may be written, by the limit; gives back the oldest where that is wanted.
Result<void> SpoolWriter::make_room() {
  if (limit_.bytes_max == 0 || ending_) return {};
  const std::uint64_t most = limit_.bytes_max;
  const std::uint64_t ahead = size() - std::min(size(), reserved_);
  std::uint64_t used = TRY(file_->disk_use());
  const bool drops = limit_.when_full == WhenFull::kDropOldest;
  // Never what isn't written yet.
  while (drops && used + ahead > most && sections_.size() > 1 &&
         sections_[1].position <= flushed_ && give_back(1))
    used = TRY(file_->disk_use());
  const std::uint64_t margin = std::min(most / 8, kMarginMax);
  is_full_ = !drops && used + ahead > most - margin;
  room_ = most - std::min(most, used);
  if (ahead <= room_) return {};
  Error error{ErrorCode::kIo, "can't write the spool", file_->path(),
              fmt::format("it takes {} of its disk and may take no more",
                          format_bytes(static_cast<double>(used))),
              "raise --spool-max, or let go of the oldest rows by --spool-full drop-oldest"};
  if (cannot_give_back_) error.why += fmt::format(" ({})", cannot_give_back_->why);
  return error;
}

// Reserving keeps the file in few pieces and finds a full disk early. Where it fails, the write
// itself says what is wrong, or still finds room.
void SpoolWriter::reserve(std::uint64_t end) {
  const std::uint64_t to = std::max(end, reserved_ + std::min(extent_, room_));
  if (!file_->allocate(reserved_, to).ok()) return;
  reserved_ = to;
  extent_ = std::min(extent_ * 2, limit_.bytes_max > 0 ? section_bytes_ : kExtentMax);
}

Result<void> SpoolWriter::flush() {
  if (buffer_.empty()) return {};
  give_back_released();
  if (auto room = make_room(); !room.ok()) {
    failing_ = true;
    return room;
  }
  if (size() > reserved_) reserve(size());
  auto written = file_->write_at(flushed_, buffer_);
  failing_ = !written.ok();
  if (failing_) {
    take_out_whole(file_->written());
    return written;
  }
  flushed_ += buffer_.size();
  buffer_.clear();
  waiting_ = {};
  return {};
}

// What was written whole before a write failed is in the spool: a reader may have it already.
void SpoolWriter::take_out_whole(std::uint64_t written) {
  std::size_t whole = 0;
  waiting_ = {};
  each_record(buffer_, [&](std::size_t at, std::string_view record) {
    if (at + record.size() <= written)
      whole = at + record.size();
    else if (kind_of(record) != Kind::kNeeded)
      ++(waiting_.*count_of(kind_of(record)));
  });
  flushed_ += whole;
  buffer_.erase(0, whole);
}

void SpoolWriter::give_up_waiting() {
  if (!failing_) return;
  std::string needed;
  each_record(buffer_, [&](std::size_t, std::string_view record) {
    const auto type = static_cast<std::uint8_t>(record[8]);
    // A section's place and counts would be wrong now, and fields beside a trace have none.
    const bool is_of_rows = type == kPadding || type == kSection || type == kBeside;
    if (kind_of(record) == Kind::kNeeded && !is_of_rows) needed += record;
  });
  buffer_ = std::move(needed);
  while (!sections_.empty() && sections_.back().position >= flushed_) sections_.pop_back();
  refused_ += waiting_;
  taken_ = taken_.behind(waiting_);
  waiting_ = {};
}

Result<void> SpoolWriter::close() {
  const auto flushed = flush();
  // Also after a failure: of a record that was written in part nothing is left.
  const auto cut = file_->truncate(flushed_);
  reserved_ = flushed_;
  TRY(flushed);
  TRY(cut);
  return file_->sync();
}

}  // namespace galileo::store
