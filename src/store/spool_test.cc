#include "store/spool.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/crc32c.h"
#include "base/memory_file.h"
#include "store/store_fixture.h"

using namespace galileo;
using namespace galileo::store;

namespace {

constexpr std::size_t kHeader = 16;
constexpr std::uint64_t kSmallExtent = 64;
constexpr Wall kStart{std::chrono::seconds{1'795'500'000}};

std::unique_ptr<SpoolWriter> writer_on(MemoryDisk& disk, std::uint64_t extent = kSmallExtent) {
  auto writer = SpoolWriter::over(std::make_unique<MemoryFile>(disk), extent);
  REQUIRE(writer.ok());
  return std::move(*writer);
}

std::unique_ptr<SpoolReader> reader_on(MemoryDisk& disk) {
  auto reader = SpoolReader::over(std::make_unique<MemoryFile>(disk));
  REQUIRE(reader.ok());
  return std::move(*reader);
}

wire::Trace trace_of(std::uint64_t number) {
  wire::Trace trace;
  trace.client = 1;
  trace.id_prefix = 2;
  trace.status = 200;
  trace.number = number;
  trace.created = kStart + Duration{static_cast<std::int64_t>(number)};
  trace.done = trace.created + Duration{500};
  return trace;
}

wire::Experiment an_experiment() {
  wire::Experiment experiment;
  experiment.id = "202611241200-0a1b";
  experiment.name = "hello";
  experiment.creator = "me";
  experiment.created = experiment.start = kStart;
  experiment.status = wire::kRunning;
  return experiment;
}

// Writes down what it is handed, a line a record.
struct Lines final : SpoolVisitor {
  void on_experiment(const wire::Experiment& e, std::string_view metadata) override {
    all.push_back(fmt::format("experiment {} {} {}", e.id, e.status, metadata));
  }
  void on_end(const wire::Experiment& e, std::string_view metadata) override {
    all.push_back(fmt::format("end {} {} {}", e.id, e.status, metadata));
  }
  void on_node_info(const wire::NodeInfo& info) override {
    all.push_back(fmt::format("info {} {} {}", info.node, info.key, info.value));
  }
  void on_trace(const wire::Trace& t, const wire::Names& names) override {
    all.push_back(fmt::format("trace {} {}:{} {} {}", names.at(t.client), names.at(t.id_prefix),
                              t.number, t.headers, t.response));
  }
  void on_sample(const wire::Sample& s) override {
    all.push_back(fmt::format("sample {} {} {} {}", s.node, s.metric, s.subsystem, s.value));
  }
  void on_event(const wire::Event& event) override {
    all.push_back(fmt::format("event {} {}", event.name, event.value));
  }
  std::vector<std::string> all;
};

std::vector<std::string> lines_of(SpoolReader& reader) {
  Lines lines;
  do {
    while (reader.read(lines, 1000).value() == SpoolReader::State::kMore) {
    }
  } while (reader.skip_damage().value());
  return lines.all;
}

// One record of each kind; the offsets of their ends.
std::vector<std::uint64_t> write_one_of_each(SpoolWriter& writer) {
  std::vector<std::uint64_t> ends;
  const auto end_of_record = [&] { ends.push_back(writer.size()); };
  writer.experiment(an_experiment(), "{}");
  end_of_record();
  writer.name(0, 0, "");
  end_of_record();
  writer.name(0, 1, "w:hello:1");
  end_of_record();
  writer.name(0, 2, "abcdef0123");
  end_of_record();
  writer.node_info({"n1", "cpu", "fast"});
  end_of_record();
  writer.trace(0, trace_of(1));
  end_of_record();
  writer.sample({kStart, "n1", "rx", "eth0", 1.5});
  end_of_record();
  wire::Trace with_texts = trace_of(2);
  with_texts.headers = "{\"A\": \"b\"}";
  with_texts.response = "hello";
  writer.trace(0, with_texts);
  end_of_record();
  writer.event({kStart, "begin", "now"});
  end_of_record();
  writer.end(an_experiment(), "{\"a\": 1}");
  end_of_record();
  return ends;
}

const std::vector<std::string> kOneOfEach{
    "experiment 202611241200-0a1b RUNNING {}",
    "info n1 cpu fast",
    "trace w:hello:1 abcdef0123:1  ",
    "sample n1 rx eth0 1.5",
    "trace w:hello:1 abcdef0123:2 {\"A\": \"b\"} hello",
    "event begin now",
    "end 202611241200-0a1b RUNNING {\"a\": 1}",
};

}  // namespace

TEST_CASE("what is written is read back, in order and with its names") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  write_one_of_each(*writer);
  REQUIRE(writer->close().ok());
  CHECK(disk.bytes.size() == writer->size());
  CHECK(lines_of(*reader_on(disk)) == kOneOfEach);
}

TEST_CASE("all that a trace says is kept") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  for (wire::NameId id = 0; id < 6; ++id) writer->name(3, id, fmt::format("name {}", id));
  wire::Trace trace;
  trace.client = 1;
  trace.id_prefix = 2;
  trace.service = 3;
  trace.server = 4;
  trace.phase = 5;
  trace.status = -1;
  trace.failure = wire::Failure::body_too_large;
  trace.closed_loop = true;
  trace.retried = true;
  trace.number = 1ull << 40;
  trace.created = kStart;
  trace.dispatched = kStart + Duration{1};
  trace.sent = kNoWall;
  trace.first_byte = kStart + Duration{3};
  trace.done = kStart + Duration{4};
  trace.request_bytes = 5;
  trace.response_bytes = 1ull << 33;
  writer->trace(3, trace);
  REQUIRE(writer->close().ok());

  struct One final : SpoolVisitor {
    void on_trace(const wire::Trace& seen, const wire::Names& names) override {
      trace = seen;
      server = names.at(seen.server);
      phase = names.at(seen.phase);
      service = names.at(seen.service);
    }
    wire::Trace trace;
    std::string server, phase, service;
  } one;
  REQUIRE(reader_on(disk)->read(one, 100).ok());
  CHECK(one.service == "name 3");
  CHECK(one.server == "name 4");
  CHECK(one.phase == "name 5");
  CHECK(one.trace.status == -1);
  CHECK(one.trace.failure == wire::Failure::body_too_large);
  CHECK(one.trace.closed_loop);
  CHECK(one.trace.retried);
  CHECK(one.trace.number == trace.number);
  CHECK(one.trace.created == trace.created);
  CHECK(one.trace.dispatched == trace.dispatched);
  CHECK(one.trace.sent == kNoWall);
  CHECK(one.trace.first_byte == trace.first_byte);
  CHECK(one.trace.done == trace.done);
  CHECK(one.trace.request_bytes == 5);
  CHECK(one.trace.response_bytes == trace.response_bytes);
}

TEST_CASE("the bytes are those that docs/wire/spool.md promises") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  writer->event({Wall{Duration{0x0102}}, "go", "x"});
  REQUIRE(writer->close().ok());
  const std::string payload("\x02\x01\0\0\0\0\0\0\x02\0\0\0go\x01\0\0\0x", 19);
  std::string record("\x13\0\0\0", 4);
  const std::uint32_t sum = crc32c_portable("\x07" + payload);
  for (int shift = 0; shift < 32; shift += 8) record += static_cast<char>(sum >> shift & 0xff);
  CHECK(disk.bytes ==
        std::string("GALSPOOL\x01\0\0\0\0\0\0\0", kHeader) + record + "\x07" + payload);
}

TEST_CASE("cut anywhere, a spool gives the records before the cut and no more") {
  MemoryDisk whole;
  auto writer = writer_on(whole);
  const std::vector<std::uint64_t> ends = write_one_of_each(*writer);
  REQUIRE(writer->close().ok());
  for (std::size_t cut = 0; cut < whole.bytes.size(); ++cut) {
    CAPTURE(cut);
    MemoryDisk disk{whole.bytes.substr(0, cut)};
    if (cut % 2 == 0 && cut >= kHeader) disk.bytes.resize(cut + 3000);  // as when it was reserved
    auto reader = SpoolReader::over(std::make_unique<MemoryFile>(disk));
    REQUIRE(reader.ok() == (cut >= kHeader));
    if (!reader.ok()) continue;
    // Where only zeros were cut off, the zeros behind make the record whole again.
    std::size_t records = 0;
    for (const std::uint64_t end : ends)
      records += disk.bytes.substr(0, end) == whole.bytes.substr(0, end) ? 1 : 0;
    Lines lines;
    CHECK((*reader)->read(lines, 1000).value() == SpoolReader::State::kEnd);
    CHECK((*reader)->position() == (records == 0 ? kHeader : ends[records - 1]));
    CHECK_FALSE((*reader)->skip_damage().value());
    CHECK((*reader)->damaged() == 0);
    CHECK(lines.all == std::vector<std::string>(
                           kOneOfEach.begin(),
                           kOneOfEach.begin() + static_cast<std::ptrdiff_t>(lines.all.size())));
  }
}

TEST_CASE("a damaged byte costs the record that it is in, not those behind") {
  MemoryDisk whole;
  auto writer = writer_on(whole);
  const std::vector<std::uint64_t> ends = write_one_of_each(*writer);
  REQUIRE(writer->close().ok());
  // The records of kOneOfEach among all of them: names have no line.
  const std::vector<int> line_of{0, -1, -1, -1, 1, 2, 3, 4, 5, 6};
  for (std::size_t at = kHeader; at < whole.bytes.size(); ++at) {
    CAPTURE(at);
    MemoryDisk disk{whole.bytes};
    disk.bytes[at] = static_cast<char>(disk.bytes[at] ^ 0x21);
    std::size_t hit = 0;
    while (ends[hit] <= at) ++hit;
    std::vector<std::string> expected = kOneOfEach;
    if (line_of[hit] >= 0) expected.erase(expected.begin() + line_of[hit]);
    auto reader = reader_on(disk);
    const std::vector<std::string> lines = lines_of(*reader);
    REQUIRE(lines.size() == expected.size());
    if (line_of[hit] >= 0) CHECK(lines == expected);
    const std::uint64_t begin = hit == 0 ? kHeader : ends[hit - 1];
    const bool is_last = hit + 1 == ends.size();
    CHECK(reader->damaged() == (is_last ? 0 : ends[hit] - begin));
  }
}

TEST_CASE("behind megabytes of damage reading goes on") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  writer->event({kStart, "before", ""});
  REQUIRE(writer->flush().ok());
  const auto from = static_cast<std::size_t>(writer->size());
  const std::string filler(100'000, 'x');
  for (int i = 0; i < 95; ++i) {
    writer->event({kStart, "filler", filler});
    REQUIRE(writer->flush().ok());
  }
  const auto to = static_cast<std::size_t>(writer->size());
  writer->event({kStart, "after", ""});
  REQUIRE(writer->close().ok());
  for (std::size_t i = from; i < to; ++i) disk.bytes[i] = static_cast<char>(i * 31 % 251);
  auto reader = reader_on(disk);
  CHECK(lines_of(*reader) == std::vector<std::string>{"event before ", "event after "});
  CHECK(reader->damaged() == to - from);
}

// Damage is looked through in pieces; wherever their borders are, one of these records lies over
// each of the first.
TEST_CASE("behind damage a large record is found wherever it lies") {
  const std::string filler(100'000, 'x');
  const std::string large(900'000, 'y');
  for (int fillers = 8; fillers <= 72; fillers += 8) {
    CAPTURE(fillers);
    MemoryDisk disk;
    auto writer = writer_on(disk);
    writer->event({kStart, "before", ""});
    REQUIRE(writer->flush().ok());
    const std::size_t from = disk.bytes.size();
    for (int i = 0; i < fillers; ++i) {
      writer->event({kStart, "filler", filler});
      REQUIRE(writer->flush().ok());
    }
    const std::size_t to = disk.bytes.size();
    writer->event({kStart, "large", large});
    REQUIRE(writer->flush().ok());
    writer->event({kStart, "after", ""});
    REQUIRE(writer->close().ok());
    std::fill(disk.bytes.begin() + static_cast<std::ptrdiff_t>(from),
              disk.bytes.begin() + static_cast<std::ptrdiff_t>(to), '\xff');
    auto reader = reader_on(disk);
    const std::vector<std::string> lines = lines_of(*reader);
    REQUIRE(lines.size() == 3);
    CHECK(lines[1] == "event large " + large);
    CHECK(reader->damaged() == to - from);
  }
}

TEST_CASE("a file that doesn't begin as a spool does is refused, with its name") {
  for (const char* text : {"", "GALSPOO", "SQLite format 3\0......................."}) {
    MemoryDisk disk{text};
    const auto reader = SpoolReader::over(std::make_unique<MemoryFile>(disk));
    REQUIRE_FALSE(reader.ok());
    CHECK(reader.error().code == ErrorCode::kCorrupt);
    CHECK(reader.error().where == "memory");
  }
}

TEST_CASE("another reader goes on where one has stopped, and knows the names") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  const std::vector<std::uint64_t> ends = write_one_of_each(*writer);
  REQUIRE(writer->close().ok());
  for (const std::uint64_t end : ends) {
    CAPTURE(end);
    auto reader = reader_on(disk);
    REQUIRE(reader->skip_to(end).ok());
    CHECK(reader->position() == end);
    const std::vector<std::string> rest = lines_of(*reader);
    CHECK(rest ==
          std::vector<std::string>(kOneOfEach.end() - static_cast<std::ptrdiff_t>(rest.size()),
                                   kOneOfEach.end()));
  }
  CHECK_FALSE(reader_on(disk)->skip_to(ends.back() + 1).ok());
}

TEST_CASE("a reader that went back hands on the same again") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  write_one_of_each(*writer);
  REQUIRE(writer->close().ok());
  auto reader = reader_on(disk);
  Lines first;
  REQUIRE(reader->read(first, 6).ok());
  reader->go_to({kHeader, {}, {}});
  CHECK(lines_of(*reader) == kOneOfEach);
}

TEST_CASE("read while it grows byte by byte, each record is handed on once") {
  MemoryDisk whole;
  auto writer = writer_on(whole);
  write_one_of_each(*writer);
  REQUIRE(writer->close().ok());
  MemoryDisk growing{whole.bytes.substr(0, kHeader)};
  auto reader = reader_on(growing);
  Lines lines;
  for (std::size_t size = kHeader; size <= whole.bytes.size(); ++size) {
    growing.bytes = whole.bytes.substr(0, size);
    if (size % 3 == 0) growing.bytes.resize(whole.bytes.size() + 10);  // reserved
    CHECK(reader->read(lines, 100).value() == SpoolReader::State::kEnd);
  }
  CHECK(lines.all == kOneOfEach);
}

TEST_CASE("a disk that can't be read is an Error, and the next try goes on") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  write_one_of_each(*writer);
  REQUIRE(writer->close().ok());
  auto reader = reader_on(disk);
  Lines lines;
  disk.can_read = false;
  CHECK_FALSE(reader->read(lines, 100).ok());
  CHECK_FALSE(reader->skip_damage().ok());
  disk.can_read = true;
  CHECK(lines_of(*reader) == kOneOfEach);
}

TEST_CASE("with the disk full for a while nothing is lost and nothing is doubled") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  writer->name(0, 1, "c");
  writer->name(0, 2, "p");
  REQUIRE(writer->flush().ok());
  for (std::uint64_t i = 1; i <= 100; ++i) writer->trace(0, trace_of(i));
  disk.room = 3000;  // in the middle of a record
  const auto failed = writer->flush();
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().why == "No space left on device");
  Lines early;
  auto reader = reader_on(disk);
  REQUIRE(reader->read(early, 1000).ok());
  // A reader takes those that were written whole, so they aren't lost.
  CHECK(early.all.size() > 20);
  CHECK(writer->traces_lost() == 100 - early.all.size());
  CHECK(reader->position() == writer->flushed());
  disk.room = 1'000'000;
  for (std::uint64_t i = 101; i <= 110; ++i) writer->trace(0, trace_of(i));
  REQUIRE(writer->flush().ok());
  CHECK(writer->traces_lost() == 0);
  REQUIRE(reader->read(early, 1000).ok());
  REQUIRE(early.all.size() == 110);
  for (std::size_t i = 0; i < 110; ++i) CHECK(early.all[i] == fmt::format("trace c p:{}  ", i + 1));
}

TEST_CASE("what a full buffer refuses is counted, but names are kept: the later traces need them") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  disk.room = 0;
  const std::string big(1 << 20, 'x');
  wire::Trace trace = trace_of(1);
  trace.response = big;
  for (int i = 0; i < 20; ++i) {
    writer->trace(0, trace);
    CHECK_FALSE(writer->flush().ok());
  }
  CHECK(writer->size() < (std::uint64_t{9} << 20));
  writer->event({kStart, "lost", big});
  writer->name(0, 1, "c");
  writer->name(0, 2, "p");
  disk.room = std::uint64_t{1} << 30;
  REQUIRE(writer->flush().ok());
  CHECK(writer->traces_lost() == 13);
  CHECK(writer->others_lost() == 1);
  writer->trace(0, trace_of(2));
  REQUIRE(writer->close().ok());
  const std::vector<std::string> lines = lines_of(*reader_on(disk));
  CHECK(lines.size() == 8);
  CHECK(lines.back() == "trace c p:2  ");
}

TEST_CASE(
    "more than the buffer takes, all at once and without a flush, is written and not refused") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  writer->name(0, 1, "c");
  writer->name(0, 2, "p");
  for (std::uint64_t i = 1; i <= 200'000; ++i) writer->trace(0, trace_of(i));  // some 20 MiB
  CHECK(writer->traces_lost() == 0);
  CHECK(writer->size() - writer->flushed() < (std::uint64_t{2} << 20));
  REQUIRE(writer->close().ok());
  CHECK(lines_of(*reader_on(disk)).size() == 200'000);
}

TEST_CASE("closed on a full disk, it holds what was counted as kept") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  for (std::uint64_t i = 1; i <= 10; ++i) writer->trace(0, trace_of(i));
  REQUIRE(writer->flush().ok());
  for (std::uint64_t i = 11; i <= 20; ++i) writer->trace(0, trace_of(i));
  disk.room = writer->flushed() + 300;
  CHECK_FALSE(writer->close().ok());
  CHECK(writer->traces_lost() == 8);
  CHECK(lines_of(*reader_on(disk)).size() == 12);
}

TEST_CASE("what was given up while the disk was full stays lost when there is room again") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  for (std::uint64_t i = 1; i <= 20; ++i) writer->trace(0, trace_of(i));
  writer->give_up_waiting();  // of a disk that works nothing is given up
  disk.room = writer->flushed() + 1000;
  REQUIRE_FALSE(writer->flush().ok());
  writer->event({kStart, "late", ""});
  writer->give_up_waiting();
  disk.room = 1'000'000;
  writer->end(an_experiment(), "{}");
  REQUIRE(writer->close().ok());
  CHECK(writer->traces_lost() == 11);
  CHECK(writer->others_lost() == 1);
  CHECK(lines_of(*reader_on(disk)).size() == 9 + 1);
}

TEST_CASE("a disk that can't sync is an Error of close()") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  disk.can_sync = false;
  CHECK_FALSE(writer->close().ok());
}

TEST_CASE("without room to reserve ahead, what still fits is written") {
  MemoryDisk disk;
  auto writer = writer_on(disk, 1'000'000);
  disk.room = 5000;
  writer->event({kStart, "fits", ""});
  REQUIRE(writer->close().ok());
  CHECK(lines_of(*reader_on(disk)).size() == 1);
  CHECK(disk.reserved.size() == 1);
}

TEST_CASE("disk is reserved in growing extents, ahead of what is written, by one write a flush") {
  MemoryDisk disk;
  auto writer = writer_on(disk, 1000);
  for (int i = 0; i < 100; ++i) {
    for (int k = 0; k < 3; ++k) writer->event({kStart, "e", "some text"});
    REQUIRE(writer->flush().ok());
    CHECK(disk.bytes.size() >= writer->flushed());
  }
  CHECK(disk.writes == 101);  // and the file's header
  REQUIRE(disk.reserved.size() >= 3);
  CHECK(disk.reserved[0] == std::pair<std::uint64_t, std::uint64_t>{16, 1016});
  CHECK(disk.reserved[1] == std::pair<std::uint64_t, std::uint64_t>{1016, 3016});
  CHECK(disk.reserved[2] == std::pair<std::uint64_t, std::uint64_t>{3016, 7016});
  REQUIRE(writer->close().ok());
  CHECK(disk.bytes.size() == writer->size());
}

// A run of 200 requests a second took a whole core so: each look read through what was reserved.
TEST_CASE("a reader that waits at the end of a spool for more reads next to nothing") {
  MemoryDisk disk;
  auto writer = writer_on(disk, std::uint64_t{64} << 20);
  auto reader = reader_on(disk);
  Lines lines;
  for (int i = 0; i < 1000; ++i) {
    writer->event({kStart, "e", "some text"});
    REQUIRE(writer->flush().ok());
    for (int look = 0; look < 3; ++look)
      CHECK(reader->read(lines, 1000).value() == SpoolReader::State::kEnd);
  }
  CHECK(lines.all.size() == 1000);
  CHECK(disk.bytes_read < 2 * disk.bytes.size());
}

TEST_CASE(
    "zeros that an earlier version reserved are looked through once, however often it is read") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  writer->event({kStart, "e", ""});
  REQUIRE(writer->close().ok());
  disk.bytes.resize(std::size_t{16} << 20);
  auto reader = reader_on(disk);
  Lines lines;
  for (int look = 0; look < 100; ++look)
    CHECK(reader->read(lines, 1000).value() == SpoolReader::State::kEnd);
  CHECK(lines.all.size() == 1);
  CHECK(disk.bytes_read < 2 * disk.bytes.size());
}

TEST_CASE("what is reserved is no part of the file that readers see") {
  const TestFolder folder;
  auto writer = SpoolWriter::create(folder.file("a.spool")).value();
  writer->event({kStart, "e", ""});
  REQUIRE(writer->flush().ok());
  auto file = open_file(folder.file("a.spool"), FileMode::kRead).value();
  CHECK(file->size().value() == writer->flushed());
  CHECK(file->disk_use().value() > writer->flushed());
  REQUIRE(writer->close().ok());
  CHECK(file->disk_use().value() < std::uint64_t{1} << 20);
}

TEST_CASE("a trace with texts beyond all measure is kept without them") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  writer->name(0, 1, "c");
  writer->name(0, 2, "p");
  const std::string huge(std::size_t{9} << 20, 'x');
  wire::Trace trace = trace_of(7);
  trace.headers = "{}";
  trace.response = huge;
  writer->trace(0, trace);
  REQUIRE(writer->close().ok());
  CHECK(lines_of(*reader_on(disk)) == std::vector<std::string>{"trace c p:7  "});
  CHECK(writer->traces_lost() == 0);
}

TEST_CASE("records of a later version are passed over") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  writer->event({kStart, "before", ""});
  REQUIRE(writer->close().ok());
  const std::string body = "\x63 from the future";
  std::string record(8, '\0');
  record[0] = static_cast<char>(body.size() - 1);
  const std::uint32_t sum = crc32c(body);
  for (int i = 0; i < 4; ++i)
    record[static_cast<std::size_t>(4 + i)] = static_cast<char>(sum >> 8 * i & 0xff);
  MemoryDisk longer{disk.bytes + record + body + disk.bytes.substr(kHeader)};
  CHECK(lines_of(*reader_on(longer)) == std::vector<std::string>{"event before ", "event before "});
}

TEST_CASE("a spool of the first version is read to the last field") {
  const auto reader =
      SpoolReader::open(std::string(GALILEO_SOURCE_DIR) + "/tests/golden/formats/spool-v1");
  REQUIRE(reader.ok());
  struct Traces final : SpoolVisitor {
    void on_trace(const wire::Trace& trace, const wire::Names& names) override {
      all.push_back(all_of(wire::resolve(trace, names)));
    }
    std::vector<std::string> all;
  } traces;
  REQUIRE((*reader)->read(traces, 1000).value() == SpoolReader::State::kEnd);
  REQUIRE(traces.all.size() == 4);
  CHECK(traces.all[0].starts_with(
      "abcdef0123:1|w:hello:1|hello|1795500000000000001|1795500000000020003|1795500000000400005|"
      "200|hello\nworld|{\"Server\": \"x\"}|127.0.0.1:8080|1795500000000000001|"
      "1795500000000010002|1795500000000300004|80|8589934592||main|"));
  CHECK(traces.all[1].starts_with(
      "abcdef0123:1099511627776|w:hello:1|hello|1795500000000000001|1795500000000020003|"
      "1795500000000400005|200|||127.0.0.1:8080|-1|1795500000000010002|1795500000000300004|80|"
      "8589934592||main|"));
  CHECK(traces.all[1].ends_with("|true"));
  CHECK(traces.all[2].starts_with(
      "abcdef0123:3|w:hello:1|hello|1795500000000000000|-1|1795500000000000008|-1||||"
      "1795500000000000000|1795500000000000007|-1|0|0|no_connection||"));
  CHECK(traces.all[3].starts_with(
      "of:another:system|w:hello:1|hello|1795500000000000000|1795500000000000002|"
      "1795500000000000009|503|||127.0.0.1:8080|-1|-1|-1|0|0|status||"));
}

namespace {

wire::Trace with_handshake(std::uint64_t number) {
  wire::Trace trace = trace_of(number);
  trace.handshake = std::chrono::microseconds{number};
  return trace;
}

// The handshake of each trace, in microseconds; -1: none.
struct Handshakes final : SpoolVisitor {
  void on_trace(const wire::Trace& trace, const wire::Names&) override {
    all.push_back(trace.handshake == kNoDuration ? -1 : trace.handshake.count() / 1000);
  }
  std::vector<std::int64_t> all;
};

}  // namespace

TEST_CASE("a field of a later version is beside its trace, wherever reading stops in between") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  const std::uint64_t before = writer->size();
  writer->trace(0, trace_of(1));
  const std::uint64_t plain = writer->size() - before;
  writer->trace(0, with_handshake(2));
  CHECK(writer->size() - before == 2 * plain + 9 + 14 + 9);
  writer->trace(0, trace_of(3));
  writer->trace(0, with_handshake(4));
  REQUIRE(writer->close().ok());
  const auto reader = reader_on(disk);
  Handshakes seen;
  std::vector<SpoolReader::Place> places;
  while (reader->read(seen, 1).value() == SpoolReader::State::kMore)
    places.push_back(reader->place());
  CHECK(seen.all == std::vector<std::int64_t>{-1, 2, -1, 4});
  for (const SpoolReader::Place& place : places) {
    reader->go_to(place);
    Handshakes again;
    REQUIRE(reader->read(again, 1000).value() == SpoolReader::State::kEnd);
    CHECK(again.all ==
          std::vector<std::int64_t>(seen.all.end() - static_cast<std::ptrdiff_t>(again.all.size()),
                                    seen.all.end()));
    // A drain that was begun anew passes over what it has.
    const auto other = reader_on(disk);
    REQUIRE(other->skip_to(place.position).ok());
    Handshakes others;
    REQUIRE(other->read(others, 1000).value() == SpoolReader::State::kEnd);
    CHECK(others.all == again.all);
  }
}

TEST_CASE("a field beside a trace that was lost isn't taken for another's") {
  MemoryDisk disk;
  auto writer = writer_on(disk);
  const std::uint64_t first = writer->size();
  writer->trace(0, with_handshake(1));
  const std::uint64_t second = writer->size();
  writer->trace(0, trace_of(2));
  REQUIRE(writer->close().ok());
  const std::string whole = disk.bytes;
  const std::size_t beside = 9 + 14 + 9;
  Handshakes seen;
  SUBCASE("by damage") {
    disk.bytes[first + beside + 20] ^= 1;
    const auto reader = reader_on(disk);
    REQUIRE(reader->read(seen, 1000).value() == SpoolReader::State::kEnd);
    REQUIRE(reader->skip_damage().value());
    REQUIRE(reader->read(seen, 1000).value() == SpoolReader::State::kEnd);
  }
  SUBCASE("by a disk that failed in between") {
    disk.bytes = whole.substr(0, first + beside) + whole.substr(second);
    REQUIRE(reader_on(disk)->read(seen, 1000).value() == SpoolReader::State::kEnd);
  }
  CHECK(seen.all == std::vector<std::int64_t>{-1});
}
