// Tables as columns: what a reader finds in the file is what the store has, row by row.
#include "frames/frame.h"

#include <sys/mman.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "store/store_fixture.h"
#include "wire/trace_fields.h"

using namespace galileo;
using namespace galileo::frames;
using store::kTestId;
using store::kTestStart;

namespace {

using Texts = std::vector<std::string>;

// A file in memory, and what a frame's columns have in it.
class Memory {
 public:
  Memory() : descriptor(memfd_create("galileo-test", MFD_CLOEXEC)) { REQUIRE(descriptor >= 0); }
  ~Memory() { close(descriptor); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  Frame read(const char* table, store::Store& store, const Wanted& wanted) const {
    PartedFile file(descriptor);
    return must(read_into(table, store, wanted, file));
  }
  static Result<Frame> read_into(const char* table, store::Store& store, const Wanted& wanted,
                                 PartedFile& file) {
    for (const FrameTable& one : all_tables())
      if (one.name == std::string_view(table)) return one.read(store, wanted, file);
    FAIL("there is no such table");
    return Frame{};
  }

  // Each value as text; "-" where there is none.
  Texts values(const Frame& frame, const std::string& name) const {
    const ColumnPlaces& column = column_of(frame, name);
    REQUIRE(column.rows == frame.rows);
    const std::string validity = column.validity ? bytes(*column.validity) : "";
    std::uint64_t nulls = 0;
    Texts all;
    for (std::uint64_t row = 0; row < column.rows; ++row) {
      const bool there = validity.empty() || (validity[row / 8] >> (row % 8) & 1) != 0;
      nulls += static_cast<std::uint64_t>(!there);
      all.push_back(there ? value(column, row) : "-");
    }
    CHECK(nulls == column.nulls);
    return all;
  }
  Texts dictionary(const Frame& frame, const std::string& name) const {
    const TextPlaces& texts = column_of(frame, name).dictionary.value();
    Texts all;
    for (std::uint64_t i = 0; i < texts.count; ++i) all.push_back(text(texts, i));
    return all;
  }
  template <class T>
  T number(const Stretch& stretch, std::uint64_t place) const {
    T value;
    REQUIRE((place + 1) * sizeof(T) <= stretch.size);
    REQUIRE(pread(descriptor, &value, sizeof(T),
                  static_cast<off_t>(stretch.offset + place * sizeof(T))) == sizeof(T));
    return value;
  }
  static const ColumnPlaces& column_of(const Frame& frame, const std::string& name) {
    for (const ColumnPlaces& column : frame.columns)
      if (column.name == name) return column;
    FAIL("there is no column ", name);
    return frame.columns.front();
  }

  const int descriptor;

 private:
  std::string bytes(const Stretch& stretch) const {
    std::string all(stretch.size, '\0');
    REQUIRE(pread(descriptor, all.data(), all.size(), static_cast<off_t>(stretch.offset)) ==
            static_cast<ssize_t>(all.size()));
    return all;
  }
  std::string text(const TextPlaces& texts, std::uint64_t i) const {
    const auto from = static_cast<std::uint64_t>(number<std::int64_t>(texts.offsets, i));
    const auto to = static_cast<std::uint64_t>(number<std::int64_t>(texts.offsets, i + 1));
    REQUIRE(to <= texts.bytes.size);
    return bytes({texts.bytes.offset + from, to - from});
  }
  std::string value(const ColumnPlaces& column, std::uint64_t row) const {
    if (column.dictionary)
      return text(*column.dictionary,
                  static_cast<std::uint64_t>(number<std::int32_t>(column.values, row)));
    const std::string_view type = column.type;
    if (type == kText) return text(column.texts, row);
    if (type == kInt32) return fmt::format("{}", number<std::int32_t>(column.values, row));
    if (type == kDouble) return fmt::format("{}", number<double>(column.values, row));
    return fmt::format("{}", number<std::int64_t>(column.values, row));
  }
};

std::unique_ptr<store::Store> filled(const std::string& id = kTestId) {
  auto store = must(store::open_temporary("source"));
  store::put_rows_of_all_kinds(*store, id);
  return store;
}

Wanted all_of(std::vector<std::string> ids = {kTestId}) {
  Wanted wanted;
  wanted.ids = std::move(ids);
  return wanted;
}

std::string ns(Wall at) {
  return fmt::format("{}", at.time_since_epoch().count());
}

}  // namespace

TEST_CASE("each trace's field is in its column, with none where there is none") {
  const auto store = filled();
  Wanted wanted = all_of();
  for (const wire::TraceField& field : wire::kTraceFields)
    wanted.columns.push_back(to_lower(field.column));
  const Memory memory;
  const Frame frame = memory.read("traces", *store, wanted);
  CHECK(frame.rows == 8);
  REQUIRE(frame.columns.size() == wire::kTraceFieldCount);
  for (std::size_t place = 0; place < wire::kTraceFieldCount; ++place)
    CHECK(frame.columns[place].name == wanted.columns[place]);

  // The store's own rows, written as the columns should have them.
  std::vector<Texts> expected(wire::kTraceFieldCount);
  must(store->each_trace(kTestId, [&](const wire::NamedTrace& trace) {
    expected[wire::field_place::exp_id].push_back(kTestId);
    wire::each_field(trace, [&](auto place, const auto& value) {
      using Value = std::decay_t<decltype(value)>;
      Texts& column = expected[place];
      const bool is_kept = place == wire::field_place::response && trace.empty_response;
      if constexpr (std::is_same_v<Value, std::string>)
        column.push_back(value.empty() && !is_kept &&
                                 wire::kTraceFields[place].none != wire::FieldNone::never
                             ? "-"
                             : value);
      else if constexpr (std::is_same_v<Value, Wall>)
        column.push_back(value == kNoWall ? "-" : ns(value));
      else if constexpr (std::is_same_v<Value, Duration>)
        column.push_back(value == kNoDuration ? "-" : fmt::format("{}", value.count()));
      else if constexpr (std::is_same_v<Value, wire::TraceId>)
        column.push_back(value.is_none() ? "-" : to_text(value));
      else
        column.push_back(fmt::format("{}", value));
    });
  }));
  for (std::size_t place = 0; place < wire::kTraceFieldCount; ++place) {
    INFO(wanted.columns[place]);
    CHECK(memory.values(frame, wanted.columns[place]) == expected[place]);
  }
  CHECK(memory.dictionary(frame, "service") == Texts{"hello"});
  // What stands where there is none is what numpy takes for no time.
  const auto& intended = Memory::column_of(frame, "intended");
  CHECK(intended.nulls > 0);
  bool is_seen = false;
  for (std::uint64_t row = 0; row < frame.rows; ++row)
    is_seen = is_seen || memory.number<std::int64_t>(intended.values, row) == kNotATime;
  CHECK(is_seen);
}

TEST_CASE(
    "without names the usual columns come; headers and answers are read when they are asked for") {
  const auto store = filled();
  const Memory memory;
  const Frame frame = memory.read("traces", *store, all_of());
  Texts names;
  for (const ColumnPlaces& column : frame.columns) names.push_back(column.name);
  CHECK(std::count(names.begin(), names.end(), "request_id") == 1);
  CHECK(std::count(names.begin(), names.end(), "headers") == 0);
  CHECK(std::count(names.begin(), names.end(), "response") == 0);
}

TEST_CASE(
    "columns come in the order in which they are asked for; unknown ones and doubles are told") {
  const auto store = filled();
  Wanted wanted = all_of();
  wanted.columns = {"status", "client", "created"};
  const Memory memory;
  const Frame frame = memory.read("traces", *store, wanted);
  REQUIRE(frame.columns.size() == 3);
  CHECK(frame.columns[0].name == "status");
  CHECK(frame.columns[1].name == "client");
  CHECK(frame.columns[2].name == "created");

  struct Wrong {
    const char* table;
    Texts columns;
    const char* text;
  };
  for (const Wrong& wrong : {Wrong{"traces", {"statsu"}, "there is no column statsu, table traces"},
                             Wrong{"events", {"name", "name"}, "column name is asked for twice"},
                             Wrong{"telemetry", {"TIMESTAMP"}, "it has exp_id, time, metric"},
                             Wrong{"nodes", {""}, "there is no column"},
                             Wrong{"experiments", {"id"}, "table experiments"}}) {
    wanted.columns = wrong.columns;
    PartedFile file(memory.descriptor);
    const auto read = Memory::read_into(wrong.table, *store, wanted, file);
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().code == ErrorCode::kUsage);
    INFO(read.error().to_text());
    CHECK(read.error().to_text().find(wrong.text) != std::string::npos);
  }
}

TEST_CASE("the way of a request is read from its headers, where its columns are wanted") {
  const auto store = must(store::open_temporary("source"));
  const wire::Names names = store::test_names();
  const char* const headers[] = {
      R"({"X-Final-Host": "10.0.0.5:8079, 10.42.0.1:8080", "X-Forwarded-For": "gw-a, gw-b", )"
      R"("X-Forwarded-Host-Gw-A": "9", "X-Forwarded-Host-Gw-B": "5", )"
      R"("X-Start": "6", "X-End": "7.5"})",
      R"({"X-Final-Host": "", "X-Start": "soon"})", ""};
  must(store->save_experiment(store::test_experiment(kTestId)));
  must(store->begin());
  for (std::uint64_t number = 1; number <= 3; ++number) {
    wire::Trace trace = store::test_trace(number);
    trace.headers = headers[number - 1];
    must(store->put_trace(kTestId, number, trace, names));
  }
  must(store->commit());
  Wanted wanted = all_of();
  wanted.columns = {"work_end", "final_host", "last_hop", "work_start"};
  const Memory memory;
  const Frame frame = memory.read("traces", *store, wanted);
  CHECK(memory.values(frame, "final_host") == Texts{"10.0.0.5:8079, 10.42.0.1:8080", "-", "-"});
  CHECK(memory.values(frame, "last_hop") == Texts{"5000000000", "-", "-"});
  CHECK(memory.values(frame, "work_start") == Texts{"6000000000", "-", "-"});
  CHECK(memory.values(frame, "work_end") == Texts{"7500000000", "-", "-"});
  wanted.columns.clear();
  for (const ColumnPlaces& column : memory.read("traces", *store, wanted).columns)
    CHECK(column.name != "final_host");
}

TEST_CASE("rows of several experiments follow each other, with one dictionary for all") {
  const auto store = filled("202611241200-aaaa");
  store::put_rows_of_all_kinds(*store, "202611241200-bbbb");
  const Memory memory;
  const Frame frame =
      memory.read("telemetry", *store, all_of({"202611241200-bbbb", "202611241200-aaaa"}));
  CHECK(frame.rows == 8);
  CHECK(memory.dictionary(frame, "exp_id") == Texts{"202611241200-bbbb", "202611241200-aaaa"});
  CHECK(memory.dictionary(frame, "node") == Texts{"n1"});
  CHECK(memory.dictionary(frame, "subsystem") == Texts{"eth0"});
  Texts half = memory.values(frame, "value");
  CHECK(half[0] == "0.1");
  CHECK(Texts(half.begin(), half.begin() + 4) == Texts(half.begin() + 4, half.end()));
}

TEST_CASE("a span of time has its beginning and not its end; what has no time is in none") {
  const auto store = filled();
  Wanted wanted = all_of();
  wanted.columns = {"request_id", "created"};
  // A table's doubles have a quarter of a microsecond.
  wanted.from = kTestStart + std::chrono::microseconds{1500};
  wanted.to = kTestStart + std::chrono::microseconds{3500};
  const Memory memory;
  CHECK(memory.values(memory.read("traces", *store, wanted), "request_id") ==
        Texts{"abcdef0123:2", "abcdef0123:3"});
  wanted.service = "another";
  CHECK(memory.read("traces", *store, wanted).rows == 0);
}

TEST_CASE("events, nodes and experiments have their columns") {
  const auto store = filled();
  const Memory memory;
  const Frame events = memory.read("events", *store, all_of());
  CHECK(memory.values(events, "name") == Texts{"begin", "scale"});
  CHECK(memory.values(events, "value") == Texts{"-", R"({"replicas": 3})"});
  CHECK(memory.values(events, "time") == Texts{ns(kTestStart), ns(kTestStart)});
  const Frame nodes = memory.read("nodes", *store, all_of());
  CHECK(memory.values(nodes, "key") == Texts{"cpus", "labels"});
  CHECK(memory.values(nodes, "value") == Texts{"2", "-"});
  const Frame experiments = memory.read("experiments", *store, {});
  CHECK(memory.values(experiments, "exp_id") == Texts{kTestId});
  CHECK(memory.values(experiments, "end") == Texts{"-"});
  CHECK(memory.values(experiments, "metadata").front().find("ü") != std::string::npos);
  CHECK(memory.read("experiments", *store, all_of({"another"})).rows == 0);
}

TEST_CASE("more rows than a write gathers, and than a byte has bits, stay in order") {
  const auto store = must(store::open_temporary("source"));
  must(store->save_experiment(store::test_experiment()));
  must(store->begin());
  const std::uint64_t count = 50'001;
  for (std::uint64_t i = 0; i < count; ++i)
    must(store->put_event(
        kTestId, i + 1,
        {kTestStart, fmt::format("e{}", i % 300), i % 3 ? fmt::format("value {}", i) : ""}));
  must(store->commit());
  std::uint64_t asked = 0;
  Wanted wanted = all_of();
  wanted.go_on = [&](std::uint64_t rows) {
    asked = rows;
    return true;
  };
  const Memory memory;
  const Frame frame = memory.read("events", *store, wanted);
  CHECK(frame.rows == count);
  CHECK(asked > count - 10'000);
  const Texts values = memory.values(frame, "value");
  const Texts names = memory.values(frame, "name");
  CHECK(values[0] == "-");
  CHECK(values[count - 1] == (((count - 1) % 3) ? fmt::format("value {}", count - 1) : "-"));
  CHECK(names[299] == "e299");
  CHECK(names[count - 1] == fmt::format("e{}", (count - 1) % 300));
  CHECK(memory.dictionary(frame, "name").size() == 300);

  wanted.go_on = [](std::uint64_t rows) { return rows < 20'000; };
  PartedFile file(memory.descriptor);
  const auto ended = Memory::read_into("events", *store, wanted, file);
  REQUIRE_FALSE(ended.ok());
  CHECK(ended.error().code == ErrorCode::kInterrupted);
}

TEST_CASE("memory that is denied is an error and not a short table") {
  const auto store = filled();
  const int closed = memfd_create("galileo-test", MFD_CLOEXEC);
  close(closed);
  PartedFile file(closed);
  const auto read = Memory::read_into("traces", *store, all_of(), file);
  REQUIRE_FALSE(read.ok());
  CHECK(read.error().code == ErrorCode::kIo);
  CHECK(read.error().what == "can't keep the columns");
}

TEST_CASE("texts that aren't UTF-8 are made so, and a category's stay different from each other") {
  const Memory memory;
  PartedFile file(memory.descriptor);
  CategoryColumn column(file, "c");
  for (const char* text : {"a\xff", "a\xfe", "a\xff", "b", ""}) column.put(text);
  Frame frame{5, {}};
  frame.columns.push_back(column.finish());
  CHECK(memory.dictionary(frame, "c") == Texts{"a\xef\xbf\xbd", "b", ""});
  CHECK(memory.values(frame, "c") ==
        Texts{"a\xef\xbf\xbd", "a\xef\xbf\xbd", "a\xef\xbf\xbd", "b", ""});
}

TEST_CASE("the description in JSON names type and place of each column") {
  const auto store = filled();
  const Memory memory;
  Wanted wanted = all_of();
  wanted.columns = {"sent", "service", "response"};
  const auto json = nlohmann::json::parse(to_json(memory.read("traces", *store, wanted)));
  CHECK(json["rows"] == 8);
  CHECK(json["columns"][0]["type"] == "tsn:UTC");
  CHECK(json["columns"][0]["values"][1] == 64);
  CHECK(json["columns"][0]["validity"][1] == 1);
  CHECK(json["columns"][1]["type"] == "U");
  CHECK(json["columns"][1]["dictionary"]["count"] == 1);
  CHECK_FALSE(json["columns"][1].contains("validity"));
  CHECK(json["columns"][2]["texts"]["count"] == 8);
}
