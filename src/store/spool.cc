#include "store/spool.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/crc32c.h"

// The format is in docs/spool_format.md. All numbers are little-endian as the machines that run
// this are; a record is u32 length, u32 crc32c of what follows, u8 type, payload.

namespace galileo::store {
namespace {

// "GALSPOOL", the version as u32, four bytes to spare.
constexpr std::string_view kMagic{"GALSPOOL\x01\0\0\0\0\0\0\0", 16};
constexpr std::size_t kFileHeader = kMagic.size();
constexpr std::size_t kRecordHeader = 9;
constexpr std::size_t kRecordMax = std::size_t{16} << 20;
constexpr std::size_t kBufferMax = std::size_t{8} << 20;  // while the disk refuses
constexpr std::size_t kReadAtOnce = std::size_t{1} << 20;

enum RecordType : std::uint8_t {
  kExperiment = 1,
  kEnd = 2,
  kNodeInfo = 3,
  kName = 4,
  kTrace = 5,
  kSample = 6,
  kEvent = 7,
};

enum TraceFlags : std::uint8_t { kClosedLoop = 1, kRetried = 2 };

// A trace without its texts, as it lies in the file.
struct PackedTrace {
  std::uint16_t producer;
  std::uint8_t flags;
  std::uint8_t failure;
  std::int32_t status;
  std::uint32_t client;
  std::uint32_t id_prefix;
  std::uint32_t service;
  std::uint32_t server;
  std::uint32_t phase;
  std::uint32_t headers_size;
  std::uint64_t number;
  std::int64_t created;
  std::int64_t dispatched;
  std::int64_t sent;
  std::int64_t first_byte;
  std::int64_t done;
  std::uint64_t request_bytes;
  std::uint64_t response_bytes;
};
static_assert(sizeof(PackedTrace) == 96);

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

// Takes values off a payload; after a short one nothing is taken any more and ok() is false.
class Taker {
 public:
  explicit Taker(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  T take() {
    T value{};
    if (bytes_.size() < sizeof value) {
      ok_ = false;
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view take_text() {
    const auto size = take<std::uint32_t>();
    if (!ok_ || bytes_.size() < size) {
      ok_ = false;
      return {};
    }
    const std::string_view text = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return text;
  }
  std::string_view rest() const { return bytes_; }
  bool ok() const { return ok_; }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

// A record with its header: does its sum hold?
bool is_sound(std::string_view record) {
  std::uint32_t sum = 0;
  std::memcpy(&sum, record.data() + 4, 4);
  return crc32c(record.substr(8)) == sum;
}

std::int64_t packed(Wall wall) {
  return wall.time_since_epoch().count();
}
Wall unpacked(std::int64_t ns) {
  return Wall{Duration{ns}};
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
  put_text(out, metadata);
}

wire::Experiment take_experiment(Taker& taker) {
  wire::Experiment experiment;
  experiment.id = taker.take_text();
  experiment.name = taker.take_text();
  experiment.creator = taker.take_text();
  experiment.status = taker.take_text();
  experiment.created = unpacked(taker.take<std::int64_t>());
  experiment.start = unpacked(taker.take<std::int64_t>());
  experiment.end = unpacked(taker.take<std::int64_t>());
  return experiment;
}

}  // namespace

SpoolWriter::SpoolWriter(std::unique_ptr<File> file, std::uint64_t extent)
    : file_(std::move(file)), extent_(extent) {
  buffer_.reserve(std::size_t{1} << 20);
}

Result<std::unique_ptr<SpoolWriter>> SpoolWriter::create(const std::string& path) {
  auto file = TRY(open_file(path, FileMode::kCreate));
  if (!file->lock()) return system_error("can't lock the spool", path, EAGAIN);
  return over(std::move(file));
}

Result<std::unique_ptr<SpoolWriter>> SpoolWriter::over(std::unique_ptr<File> file,
                                                       std::uint64_t extent) {
  std::unique_ptr<SpoolWriter> writer(new SpoolWriter(std::move(file), extent));
  writer->buffer_.assign(kMagic);
  TRY(writer->flush());
  return writer;
}

void SpoolWriter::begin_record() {
  record_at_ = buffer_.size();
  buffer_.append(kRecordHeader, '\0');
}

void SpoolWriter::end_record(std::uint8_t type, bool is_trace) {
  const std::size_t size = buffer_.size() - record_at_ - kRecordHeader;
  if (buffer_.size() > kBufferMax || size > kRecordMax) {
    buffer_.resize(record_at_);
    if (is_trace) ++traces_lost_;
    return;
  }
  char* header = buffer_.data() + record_at_;
  header[8] = static_cast<char>(type);
  const auto length = static_cast<std::uint32_t>(size);
  const std::uint32_t sum = crc32c(std::string_view(header + 8, size + 1));
  std::memcpy(header, &length, 4);
  std::memcpy(header + 4, &sum, 4);
}

void SpoolWriter::experiment(const wire::Experiment& experiment, std::string_view metadata_json) {
  begin_record();
  put_experiment(buffer_, experiment, metadata_json);
  end_record(kExperiment, false);
}

void SpoolWriter::end(const wire::Experiment& experiment, std::string_view metadata_json) {
  begin_record();
  put_experiment(buffer_, experiment, metadata_json);
  end_record(kEnd, false);
}

void SpoolWriter::node_info(const wire::NodeInfo& info) {
  begin_record();
  put_text(buffer_, info.node);
  put_text(buffer_, info.key);
  put_text(buffer_, info.value);
  end_record(kNodeInfo, false);
}

void SpoolWriter::name(ProducerId producer, wire::NameId id, std::string_view text) {
  begin_record();
  put(buffer_, producer);
  put(buffer_, id);
  put_text(buffer_, text);
  end_record(kName, false);
}

void SpoolWriter::trace(ProducerId producer, const wire::Trace& trace) {
  begin_record();
  PackedTrace packed_trace{
      producer,
      static_cast<std::uint8_t>((trace.closed_loop ? kClosedLoop : 0) |
                                (trace.retried ? kRetried : 0)),
      static_cast<std::uint8_t>(trace.failure),
      trace.status,
      trace.client,
      trace.id_prefix,
      trace.service,
      trace.server,
      trace.phase,
      static_cast<std::uint32_t>(trace.headers.size()),
      trace.number,
      packed(trace.created),
      packed(trace.dispatched),
      packed(trace.sent),
      packed(trace.first_byte),
      packed(trace.done),
      trace.request_bytes,
      trace.response_bytes,
  };
  put(buffer_, packed_trace);
  buffer_.append(trace.headers);
  buffer_.append(trace.response);
  end_record(kTrace, true);
}

void SpoolWriter::sample(const wire::Sample& sample) {
  begin_record();
  put(buffer_, packed(sample.at));
  put(buffer_, sample.value);
  put_text(buffer_, sample.node);
  put_text(buffer_, sample.metric);
  put_text(buffer_, sample.subsystem);
  end_record(kSample, false);
}

void SpoolWriter::event(const wire::Event& event) {
  begin_record();
  put(buffer_, packed(event.at));
  put_text(buffer_, event.name);
  put_text(buffer_, event.value);
  end_record(kEvent, false);
}

Result<void> SpoolWriter::flush() {
  if (buffer_.empty()) return {};
  const std::uint64_t wanted = offset_ + buffer_.size();
  if (wanted > allocated_) {
    const std::uint64_t size = (wanted + extent_ - 1) / extent_ * extent_;
    TRY(file_->allocate(size));
    allocated_ = size;
  }
  TRY(file_->write_at(offset_, buffer_));
  offset_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<void> SpoolWriter::close() {
  TRY(flush());
  TRY(file_->truncate(offset_));
  allocated_ = offset_;
  return file_->sync();
}

SpoolReader::SpoolReader(std::unique_ptr<File> file) : file_(std::move(file)) {}

Result<std::unique_ptr<SpoolReader>> SpoolReader::open(const std::string& path) {
  return over(TRY(open_file(path, FileMode::kRead)));
}

Result<std::unique_ptr<SpoolReader>> SpoolReader::over(std::unique_ptr<File> file) {
  char header[kFileHeader] = {};
  const std::size_t size = TRY(file->read_at(0, header, kFileHeader));
  if (size < kFileHeader || std::string_view(header, kFileHeader) != kMagic)
    return Error{ErrorCode::kCorrupt,
                 "can't read the spool",
                 file->path(),
                 "it doesn't begin as a spool of this version does",
                 {}};
  std::unique_ptr<SpoolReader> reader(new SpoolReader(std::move(file)));
  reader->position_ = kFileHeader;
  return reader;
}

// Reads `size` bytes from position() on, in place of what was buffered: the writer may have written
// on since.
Result<void> SpoolReader::fill(std::size_t size) {
  at_ = 0;
  buffer_.resize(size);
  const auto count = file_->read_at(position_, buffer_.data(), size);
  buffer_.resize(count.ok() ? *count : 0);
  return count.ok() ? Result<void>() : Result<void>(count.error());
}

Result<SpoolReader::State> SpoolReader::read(SpoolVisitor& visitor, std::size_t records_max) {
  std::size_t filled = 0;  // bytes asked for at this position already
  for (std::size_t records = 0; records < records_max;) {
    const std::string_view left = std::string_view(buffer_).substr(at_);
    std::uint32_t length = 0;
    if (left.size() >= kRecordHeader) std::memcpy(&length, left.data(), 4);
    const bool plausible = length > 0 && length <= kRecordMax;
    const std::size_t size = kRecordHeader + (plausible ? length : 0);
    if (plausible && left.size() >= size && is_sound(left.substr(0, size))) {
      if (!hand_on(static_cast<std::uint8_t>(left[8]), left.substr(kRecordHeader, length), visitor))
        return State::kEnd;
      at_ += size;
      position_ += size;
      ++records;
      filled = 0;
      continue;
    }
    const std::size_t wanted = std::max(size, kReadAtOnce);
    if (filled >= wanted) return State::kEnd;
    TRY(fill(wanted));
    filled = wanted;
  }
  return State::kMore;
}

Result<void> SpoolReader::skip_to(std::uint64_t position) {
  struct Nothing final : SpoolVisitor {
    void on_experiment(const wire::Experiment&, std::string_view) override {}
    void on_end(const wire::Experiment&, std::string_view) override {}
    void on_node_info(const wire::NodeInfo&) override {}
    void on_trace(const wire::Trace&, const wire::Names&) override {}
    void on_sample(const wire::Sample&) override {}
    void on_event(const wire::Event&) override {}
  } nothing;
  while (position_ < position) {
    if (TRY(read(nothing, 1)) == State::kEnd)
      return Error{ErrorCode::kCorrupt,
                   "can't go on reading the spool",
                   file_->path(),
                   fmt::format("it ends before byte {}", position),
                   {}};
  }
  return {};
}

bool SpoolReader::hand_on(std::uint8_t type, std::string_view payload, SpoolVisitor& visitor) {
  if (type == kTrace) return hand_on_trace(payload, visitor);
  Taker taker(payload);
  switch (type) {
    case kExperiment:
    case kEnd: {
      const wire::Experiment experiment = take_experiment(taker);
      const std::string_view metadata = taker.take_text();
      if (!taker.ok()) return false;
      type == kEnd ? visitor.on_end(experiment, metadata)
                   : visitor.on_experiment(experiment, metadata);
      return true;
    }
    case kNodeInfo: {
      const wire::NodeInfo info{std::string(taker.take_text()), std::string(taker.take_text()),
                                std::string(taker.take_text())};
      if (taker.ok()) visitor.on_node_info(info);
      return taker.ok();
    }
    case kName: {
      const auto producer = taker.take<ProducerId>();
      const auto id = taker.take<wire::NameId>();
      const std::string_view text = taker.take_text();
      if (!taker.ok() || producer > 4096 || id > 10'000'000) return false;
      if (producer >= names_.size()) names_.resize(std::size_t{producer} + 1);
      names_[producer].set(id, std::string(text));
      return true;
    }
    case kSample: {
      wire::Sample sample;
      sample.at = unpacked(taker.take<std::int64_t>());
      sample.value = taker.take<double>();
      sample.node = taker.take_text();
      sample.metric = taker.take_text();
      sample.subsystem = taker.take_text();
      if (taker.ok()) visitor.on_sample(sample);
      return taker.ok();
    }
    case kEvent: {
      wire::Event event;
      event.at = unpacked(taker.take<std::int64_t>());
      event.name = taker.take_text();
      event.value = taker.take_text();
      if (taker.ok()) visitor.on_event(event);
      return taker.ok();
    }
    default:
      return true;  // of a later version: passed over
  }
}

bool SpoolReader::hand_on_trace(std::string_view payload, SpoolVisitor& visitor) {
  Taker taker(payload);
  const auto from = taker.take<PackedTrace>();
  if (!taker.ok() || from.headers_size > taker.rest().size()) return false;
  if (from.producer >= names_.size() || from.failure >= wire::kFailureCount) return false;
  const wire::Names& names = names_[from.producer];
  for (const std::uint32_t id :
       {from.client, from.id_prefix, from.service, from.server, from.phase}) {
    if (id >= names.size()) return false;
  }
  wire::Trace trace;
  trace.client = from.client;
  trace.id_prefix = from.id_prefix;
  trace.service = from.service;
  trace.server = from.server;
  trace.phase = from.phase;
  trace.status = from.status;
  trace.failure = static_cast<wire::Failure>(from.failure);
  trace.closed_loop = (from.flags & kClosedLoop) != 0;
  trace.retried = (from.flags & kRetried) != 0;
  trace.number = from.number;
  trace.created = unpacked(from.created);
  trace.dispatched = unpacked(from.dispatched);
  trace.sent = unpacked(from.sent);
  trace.first_byte = unpacked(from.first_byte);
  trace.done = unpacked(from.done);
  trace.request_bytes = from.request_bytes;
  trace.response_bytes = from.response_bytes;
  trace.headers = taker.rest().substr(0, from.headers_size);
  trace.response = taker.rest().substr(from.headers_size);
  visitor.on_trace(trace, names);
  return true;
}

}  // namespace galileo::store
