#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/crc32c.h"
#include "store/spool.h"
#include "store/spool_format.h"

namespace galileo::store {

using namespace spool_format;

namespace {

constexpr std::size_t kReadAtOnce = std::size_t{1} << 20;
// In search of a sound record any four bytes may look like a size; larger ones aren't tried.
constexpr std::size_t kSearchedMax = std::size_t{1} << 20;

wire::Experiment take_experiment(Unpacker& unpacker) {
  wire::Experiment experiment;
  experiment.id = unpacker.take_text();
  experiment.name = unpacker.take_text();
  experiment.creator = unpacker.take_text();
  experiment.status = unpacker.take_text();
  experiment.created = unpacker.take_wall();
  experiment.start = unpacker.take_wall();
  experiment.end = unpacker.take_wall();
  return experiment;
}

// What lies in front of a trace, where it is that one's.
void take_beside(std::string_view payload, const PackedTrace& of, wire::Trace& trace) {
  Unpacker unpacker(payload);
  const auto producer = unpacker.take<ProducerId>();
  const auto prefix = unpacker.take<wire::NameId>();
  const auto number = unpacker.take<std::uint64_t>();
  if (producer != of.producer || prefix != of.id_prefix || number != of.number) return;
  while (unpacker.rest().size() >= wire::kBesideSize) {
    const auto field = unpacker.take<std::uint8_t>();
    wire::set_field_beside(trace, field, unpacker.take<std::int64_t>());
  }
}

std::size_t payload_size(std::string_view record) {
  std::uint32_t size = 0;
  std::memcpy(&size, record.data(), 4);
  return size;
}

}  // namespace

SpoolReader::SpoolReader(std::unique_ptr<File> file) : file_(std::move(file)) {}

Result<std::unique_ptr<SpoolReader>> SpoolReader::open(const std::string& path) {
  return over(TRY(open_file(path, FileMode::kRead)));
}

Result<std::unique_ptr<SpoolReader>> SpoolReader::over(std::unique_ptr<File> file) {
  char header[kFileHeader] = {};
  const std::size_t size = TRY(file->read_at(0, header, kFileHeader));
  if (std::string_view(header, size) != kMagic)
    return Error{ErrorCode::kCorrupt, "can't read the spool", file->path(),
                 "it doesn't begin as a spool of this version does",
                 "name a spool, or move this file out of the folder"};
  std::unique_ptr<SpoolReader> reader(new SpoolReader(std::move(file)));
  reader->place_.position = kFileHeader;
  return reader;
}

// Reads `size` bytes in place of what was buffered: the writer may have written on since.
Result<void> SpoolReader::fill(std::uint64_t from, std::size_t size) {
  at_ = 0;
  // A small file takes little memory. One that grows meanwhile is read on with the next call.
  const std::uint64_t end = TRY(file_->size());
  size = std::min<std::uint64_t>(size, end > from ? end - from : 0);
  if (size > capacity_) {
    // Not a vector: nothing is gained by zeros that a read then writes over.
    bytes_.reset(new char[size]);
    capacity_ = size;
  }
  size_ = 0;
  size_ = TRY(file_->read_at(from, bytes_.get(), size));
  return {};
}

// The size of the whole record that `bytes` begins with, if it is there and its sum holds; else 0.
std::size_t SpoolReader::sound_record(std::string_view bytes, std::size_t payload_max) const {
  if (bytes.size() < kRecordHeader) return 0;
  const std::size_t payload = payload_size(bytes);
  if (payload == 0 || payload > payload_max || bytes.size() < kRecordHeader + payload) return 0;
  std::uint32_t sum = 0;
  std::memcpy(&sum, bytes.data() + 4, 4);
  return crc32c(bytes.substr(8, payload + 1)) == sum ? kRecordHeader + payload : 0;
}

Result<SpoolReader::State> SpoolReader::read(SpoolVisitor& visitor, std::size_t records_max,
                                             std::uint64_t bytes_max) {
  const std::uint64_t began = place_.position;
  std::size_t asked = 0;  // bytes that were read anew at this position
  for (std::size_t records = 0; records < records_max && place_.position - began < bytes_max;) {
    const std::string_view left = buffered().substr(at_);
    if (const std::size_t size = sound_record(left, kRecordMax)) {
      const auto type = static_cast<std::uint8_t>(left[8]);
      const std::string_view payload = left.substr(0, size).substr(kRecordHeader);
      hand_on(type, payload, visitor);
      // Kept while reading may stop between the two.
      if (type == kBeside)
        place_.beside = payload;
      else if (!place_.beside.empty())
        place_.beside.clear();
      at_ += size;
      place_.position += size;
      ++records;
      asked = 0;
      continue;
    }
    std::size_t wanted = kReadAtOnce;
    if (left.size() >= kRecordHeader && payload_size(left) <= kRecordMax)
      wanted = std::max(wanted, kRecordHeader + payload_size(left));
    const bool zeros = left.size() >= kRecordHeader && payload_size(left) == 0;
    // The beginning of zeros that were looked through tells whether something has come since.
    const bool is_known = searched_from_ == place_.position;
    if (asked >= wanted || (asked > 0 && zeros && is_known)) {
      if (!zeros || !TRY(pass_gap())) return State::kEnd;
      asked = 0;
      continue;
    }
    asked = is_known && asked == 0 ? kRecordHeader : wanted;
    TRY(fill(place_.position, asked));
  }
  return State::kMore;
}

Result<bool> SpoolReader::may_have_more() {
  return at_ < size_ || TRY(file_->size()) > place_.position;
}

Result<bool> SpoolReader::skip_damage() {
  // Pieces overlap by the largest record that is searched for, so that each lies whole in one.
  constexpr std::size_t kPiece = 4 * kSearchedMax;
  constexpr std::size_t kOverlap = kRecordHeader + kSearchedMax;
  for (std::uint64_t from = place_.position + 1;; from += kPiece - kOverlap) {
    TRY(fill(from, kPiece));
    const std::string_view bytes = buffered();
    const bool is_last = bytes.size() < kPiece;
    const std::size_t end = is_last ? bytes.size() : kPiece - kOverlap;
    for (std::size_t i = 0; i < end; ++i) {
      // Most of a reserved file are zeros: past them without a look at sums.
      if (bytes.size() - i < kRecordHeader || payload_size(bytes.substr(i)) == 0) continue;
      const auto type = static_cast<std::uint8_t>(bytes[i + 8]);
      if (type < kExperiment || type > kLastType) continue;
      if (sound_record(bytes.substr(i), kSearchedMax) == 0) continue;
      damaged_ += from + i - place_.position;
      place_.position = from + i;
      place_.beside.clear();
      at_ = i;
      return true;
    }
    if (is_last) break;
  }
  go_to(Place(place_));
  return false;
}

Result<void> SpoolReader::skip_to(std::uint64_t position) {
  SpoolVisitor nothing;
  while (place_.position < position) {
    if (TRY(read(nothing, 1)) == State::kMore || TRY(skip_damage())) continue;
    return Error{ErrorCode::kCorrupt, "can't go on reading the spool", file_->path(),
                 fmt::format("it ends before byte {}", position),
                 "it was cut after it had been drained that far; move it out of the folder"};
  }
  return {};
}

void SpoolReader::go_to(const Place& place) {
  furthest_ = std::max(furthest_, place_.position);
  ENSURE(place.position <= furthest_, place.position, furthest_);
  place_ = place;
  at_ = 0;
  size_ = 0;
}

// What was given back reads as zeros, up to where a section begins. Zeros that were looked through
// once aren't looked through again: a reader that waits for its writer looks often.
Result<bool> SpoolReader::pass_gap() {
  const auto aligned = [](std::uint64_t at) { return at - at % kSectionAlign; };
  const std::uint64_t from = searched_from_ == place_.position ? searched_to_ : place_.position;
  if (TRY(file_->size()) <= from && from > place_.position) return false;
  std::uint64_t at = std::max(from, aligned(file_->next_data(from)));
  while (true) {
    TRY(fill(at, kReadAtOnce));
    const std::size_t data = buffered().find_first_not_of('\0');
    if (data != std::string_view::npos) at = aligned(at + data);
    if (data != std::string_view::npos || size_ == 0) break;
    at += size_;
  }
  searched_from_ = place_.position;
  searched_to_ = aligned(at);
  if (at > place_.position) TRY(fill(at, kRecordHeader + 2 * sizeof(std::uint64_t)));
  if (at <= place_.position || sound_record(buffered(), kRecordMax) == 0 ||
      static_cast<std::uint8_t>(bytes_[8]) != kSection) {
    go_to(Place(place_));
    return false;
  }
  Unpacker unpacker(buffered().substr(kRecordHeader));
  SpoolRows& rows = place_.rows;
  const auto traces = std::max(unpacker.take<std::uint64_t>(), rows.traces);
  const auto others = std::max(unpacker.take<std::uint64_t>(), rows.others);
  place_.missing += SpoolRows{traces, others}.behind(rows);
  rows = {traces, others};
  place_.position = at;
  place_.beside.clear();
  return true;
}

void SpoolReader::hand_on(std::uint8_t type, std::string_view payload, SpoolVisitor& visitor) {
  Unpacker unpacker(payload);
  switch (type) {
    case kTrace:
      return hand_on_trace(payload, visitor);
    case kName:
      return take_name(payload);
    case kSection: {
      const auto traces = unpacker.take<std::uint64_t>();
      const auto others = unpacker.take<std::uint64_t>();
      if (unpacker.ok()) place_.rows = {traces, others};
      return;
    }
    case kExperiment:
    case kEnd: {
      const wire::Experiment experiment = take_experiment(unpacker);
      const std::string_view metadata = unpacker.take_text();
      if (!unpacker.ok()) return;
      return type == kEnd ? visitor.on_end(experiment, metadata)
                          : visitor.on_experiment(experiment, metadata);
    }
    case kNodeInfo: {
      wire::NodeInfo info;
      info.node = unpacker.take_text();
      info.key = unpacker.take_text();
      info.value = unpacker.take_text();
      if (unpacker.ok()) visitor.on_node_info(info);
      return;
    }
    case kSample: {
      ++place_.rows.others;
      wire::Sample sample;
      sample.at = unpacker.take_wall();
      sample.value = unpacker.take<double>();
      sample.node = unpacker.take_text();
      sample.metric = unpacker.take_text();
      sample.subsystem = unpacker.take_text();
      if (unpacker.ok()) visitor.on_sample(sample);
      return;
    }
    case kEvent: {
      ++place_.rows.others;
      wire::Event event;
      event.at = unpacker.take_wall();
      event.name = unpacker.take_text();
      event.value = unpacker.take_text();
      if (unpacker.ok()) visitor.on_event(event);
      return;
    }
    case kBeside:  // kept until its trace is here
    default:       // of a later version
      return;
  }
}

void SpoolReader::take_name(std::string_view payload) {
  Unpacker unpacker(payload);
  const auto producer = unpacker.take<ProducerId>();
  const auto id = unpacker.take<wire::NameId>();
  const std::string_view text = unpacker.take_text();
  // Producers and their names are counted from 0 and each name took a record of its own: a number
  // that the file is too short for is none of a writer's, and would only eat memory.
  const std::uint64_t most = place_.position / kRecordHeader;
  if (!unpacker.ok() || producer > most || id > most) return;
  if (producer >= names_.size()) names_.resize(std::size_t{producer} + 1);
  const std::size_t known = names_[producer].size();
  const std::size_t grows = id < known ? 0 : id + 1 - known;
  if (names_count_ + grows > most) return;
  names_count_ += grows;
  names_[producer].set(id, std::string(text));
}

void SpoolReader::hand_on_trace(std::string_view payload, SpoolVisitor& visitor) {
  ++place_.rows.traces;
  Unpacker unpacker(payload);
  const auto from = unpacker.take<PackedTrace>();
  if (!unpacker.ok() || from.headers_size > unpacker.rest().size()) return;
  static const wire::Names kNone;
  const wire::Names& names = from.producer < names_.size() ? names_[from.producer] : kNone;
  wire::Trace trace = wire::unpack(from);
  if (!place_.beside.empty()) take_beside(place_.beside, from, trace);
  wire::each_name(trace, [&](wire::NameId& id) { id = id < names.size() ? id : 0; });
  trace.headers = unpacker.rest().substr(0, from.headers_size);
  trace.response = unpacker.rest().substr(from.headers_size);
  visitor.on_trace(trace, names);
}

}  // namespace galileo::store
