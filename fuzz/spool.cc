// Spools of any bytes. The first byte chooses: raw bytes behind the file's header, or records whose
// sums are right whatever their payload is, as no damage but only a foreign writer could make them.
// No crash, no hang; reading goes forward, damage is counted, and a second reader agrees.
#include "store/spool.h"

#include <cstdint>
#include <cstdlib>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/memory_file.h"
#include "store/spool_format.h"

using namespace galileo;
using namespace galileo::store;

namespace {

// What a reader hands on, added up; every text is touched, so that a bad view shows.
struct Seen final : SpoolVisitor {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  void add(std::string_view text) {
    for (const char c : text) bytes += static_cast<unsigned char>(c);
  }
  void on_experiment(const wire::Experiment& one, std::string_view metadata) override {
    ++records;
    add(one.id);
    add(one.status);
    add(metadata);
  }
  void on_end(const wire::Experiment& one, std::string_view metadata) override {
    on_experiment(one, metadata);
  }
  void on_node_info(const wire::NodeInfo& info) override {
    ++records;
    add(info.value);
  }
  void on_trace(const wire::Trace& trace, const wire::Names& names) override {
    ++records;
    const wire::NamedTrace named = wire::resolve(trace, names);
    add(named.request_id);
    add(named.server);
    add(named.headers);
    add(named.response);
  }
  void on_sample(const wire::Sample& sample) override {
    ++records;
    add(sample.metric);
  }
  void on_event(const wire::Event& event) override {
    ++records;
    add(event.value);
  }
};

// Pieces of the input, each a type, a size and a payload, as records with sound sums.
std::string as_records(std::string_view bytes) {
  std::string spool;
  while (bytes.size() >= 2) {
    const std::string_view rest = bytes.substr(2);
    const std::string_view payload = rest.substr(0, static_cast<unsigned char>(bytes[1]));
    const std::string body = bytes[0] + std::string(payload);
    spool_format::put(spool, static_cast<std::uint32_t>(payload.size()));
    spool_format::put(spool, crc32c(body));
    spool += body;
    bytes = rest.substr(payload.size());
  }
  return spool;
}

Seen read_all(MemoryDisk& disk, std::size_t records_max) {
  Seen seen;
  auto reader = SpoolReader::over(std::make_unique<MemoryFile>(disk));
  ENSURE(reader.ok());
  std::uint64_t before = 0;
  while (true) {
    const auto state = (*reader)->read(seen, records_max);
    ENSURE(state.ok());
    ENSURE((*reader)->position() >= before && (*reader)->position() <= disk.bytes.size());
    before = (*reader)->position();
    if (*state == SpoolReader::State::kMore) continue;
    const auto more = (*reader)->skip_damage();
    ENSURE(more.ok());
    if (!*more) break;
    ENSURE((*reader)->position() > before);
  }
  ENSURE((*reader)->damaged() <= disk.bytes.size());
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  MemoryDisk disk;
  disk.bytes = std::string(spool_format::kMagic);
  disk.bytes += data[0] & 1 ? std::string(bytes) : as_records(bytes);
  const Seen by_ones = read_all(disk, 1);
  const Seen at_once = read_all(disk, 1'000'000);
  ENSURE(by_ones.records == at_once.records && by_ones.bytes == at_once.bytes);
  return 0;
}
