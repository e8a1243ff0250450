// Folders of tables as they come back, from others' hands too: what is wrong is one error with file
// and line, and nothing is made up for what isn't there.
#include "tables/export_folder.h"

#include "base/file.h"
#include "base/text.h"
#include "store/store_fixture.h"
#include "tables/export.h"

using namespace galileo;
using namespace galileo::tables;
using store::kTestId;

namespace {

// A folder with an experiment of one row a table, as CSV.
class SmallExport {
 public:
  SmallExport() {
    const auto store = must(store::open_temporary("source"));
    const wire::Experiment experiment = store::test_experiment();
    must(store->save_experiment(experiment));
    must(store->begin());
    must(store->put_node_info(kTestId, 1, {"n1", "cpus", "2"}));
    must(store->put_trace(kTestId, 2, store::full_trace(1), store::test_names()));
    must(store->put_sample(kTestId, 3, {store::kTestStart, "n1", "cpu", "", 0.5}));
    must(store->put_event(kTestId, 4, {store::kTestStart, "begin", ""}));
    must(store->commit());
    ExportOptions options;
    options.folder = path();
    must(export_experiment(*store, experiment, options));
    text_ = text_of("traces.csv");
  }
  std::string path() const { return folder_.file("tables"); }
  std::string path(const std::string& name) const { return path() + "/" + name; }
  std::string text_of(const std::string& name) const {
    return must(read_whole_file(path(name), 1 << 20));
  }
  void write(const std::string& name, const std::string& text) const {
    must(write_whole_file(path(name), text));
  }
  void replace(const std::string& name, const std::string& old, const std::string& by) const {
    std::string text = text_of(name);
    const std::size_t at = text.find(old);
    REQUIRE(at != std::string::npos);
    write(name, text.replace(at, old.size(), by));
  }
  // Gives the trace's field of that column another text.
  void set_in_trace(std::string_view column, const std::string& value) const {
    const std::size_t end = text_.find("\r\n");
    const auto names = split(std::string_view(text_).substr(0, end), ',');
    std::string line;
    for (const std::string_view name : names)
      line += (line.empty() ? "" : ",") + (name == column ? value : field_of(name));
    write("traces.csv", text_.substr(0, end) + "\r\n" + line + "\r\n");
  }

 private:
  // As a trace that could have been has it.
  static std::string field_of(std::string_view name) {
    for (const wire::TraceField& field : wire::kTraceFields) {
      if (field.column != name) continue;
      if (field.kind == wire::FieldKind::code || field.kind == wire::FieldKind::count) return "1";
      const bool is_number = field.kind == wire::FieldKind::time ||
                             field.kind == wire::FieldKind::intended ||
                             field.kind == wire::FieldKind::duration;
      if (field.kind == wire::FieldKind::hex_id) return "4bf92f3577b34da6a3ce929d0e0e4736";
      return is_number ? "2.5" : "x";
    }
    return "";
  }
  const TestFolder folder_;
  std::string text_;
};

Error refused(const SmallExport& made) {
  const auto opened = open_export(made.path());
  REQUIRE_FALSE(opened.ok());
  return opened.error();
}

wire::NamedTrace the_trace(const SmallExport& made) {
  const auto store = must(open_export(made.path()));
  std::vector<wire::NamedTrace> traces;
  must(store->each_trace(kTestId, [&](const wire::NamedTrace& t) { traces.push_back(t); }));
  REQUIRE(traces.size() == 1);
  return traces[0];
}

}  // namespace

TEST_CASE("a folder without its description is no export, whatever else is in it") {
  const SmallExport made;
  std::filesystem::remove(made.path("experiment.json"));
  const Error error = refused(made);
  CHECK(error.code == ErrorCode::kNotFound);
  CHECK(error.where == made.path("experiment.json"));
}

TEST_CASE("a description that can't be is refused, and says why") {
  struct Wrong {
    std::string text;
    std::string why;
  };
  const std::string deep(100'000, '[');
  const std::string nested = R"({"id": "x", "format": "csv", "metadata": )" + deep;
  const Wrong kWrong[] = {
      {"", "it isn't a JSON object"},
      {"[]", "it isn't a JSON object"},
      {R"({"id": "x", "format": "csv")", "it isn't a JSON object"},
      {R"({"format": "csv"})", "it has no id"},
      {R"({"id": 7, "format": "csv"})", "it has no id"},
      {R"({"id": "", "format": "csv"})", "it has no id"},
      {R"({"id": "x"})", "its tables are of the format ''"},
      {R"({"id": "x", "format": "parquet"})", "its tables are of the format 'parquet'"},
      {R"({"id": "x", "format": "../../csv"})", "its tables are of the format '../../csv'"},
      {nested, "it is nested too deeply"},
  };
  const SmallExport made;
  for (const Wrong& wrong : kWrong) {
    INFO(wrong.text.substr(0, 60));
    made.write("experiment.json", wrong.text);
    const Error error = refused(made);
    CHECK(error.code == ErrorCode::kCorrupt);
    CHECK(error.where == made.path("experiment.json"));
    CHECK(error.why == wrong.why);
    CHECK_FALSE(error.hint.empty());
  }
}

TEST_CASE("each table must be there, with the rows that the description says") {
  for (const std::string name : {"nodeinfo", "traces", "telemetry", "events"}) {
    INFO(name);
    const std::string file = fmt::format("{}.csv", name);
    const SmallExport made;
    const std::string text = made.text_of(file);
    const std::size_t end = text.find("\r\n") + 2;
    made.write(file, text.substr(0, end));  // its rows are gone
    const Error short_error = refused(made);
    CHECK(short_error.where == made.path(file));
    CHECK(short_error.why == "it has 0 rows, and experiment.json says 1");
    made.write(file, text + text.substr(end));
    CHECK(refused(made).why == "it has 2 rows, and experiment.json says 1");
    std::filesystem::remove(made.path(file));
    CHECK(refused(made).where == made.path(file));
  }
}

TEST_CASE("of a field that can't be its file, line and text are told") {
  struct Wrong {
    std::string column;
    std::string value;
    std::optional<std::string> told;
  };
  const Wrong kWrong[] = {
      {"CREATED", "yesterday", "yesterday"},
      {"CREATED", "1e300", "1e300"},
      {"CREATED", "inf", "inf"},
      {"CREATED", "nan", "nan"},
      {"CREATED", "1 ", "1 "},
      {"SENT", "\"\"", ""},
      {"STATUS", "", "an empty field"},
      {"STATUS", "200.0", "200.0"},
      {"STATUS", "2147483648", "2147483648"},
      {"STATUS", "0x10", "0x10"},
      {"REQUEST_BYTES", "-1", "-1"},
      {"RESPONSE_BYTES", "9223372036854775808", "9223372036854775808"},
      {"HANDSHAKE", "-0.5", "-0.5"},
      {"HANDSHAKE", "1,5", std::nullopt},  // a comma makes two fields of it
      {"HANDSHAKE", "long", "long"},
  };
  const SmallExport made;
  for (const Wrong& wrong : kWrong) {
    INFO(wrong.column, " ", wrong.value);
    made.set_in_trace(wrong.column, wrong.value);
    const Error error = refused(made);
    CHECK(error.code == ErrorCode::kCorrupt);
    CHECK(error.where == made.path("traces.csv:2"));
    if (wrong.told)
      CHECK(error.why == fmt::format("'{}' isn't a number that can stand there", *wrong.told));
  }
  const SmallExport values;
  values.replace("telemetry.csv", ",0.5", ",nan");
  CHECK(refused(values).why == "'nan' isn't a number that can stand there");
  const SmallExport other;
  other.replace("telemetry.csv", ",0.5", ",");
  CHECK(refused(other).where == other.path("telemetry.csv:2"));
  CHECK(refused(other).why == "'an empty field' isn't a number that can stand there");
}

TEST_CASE("nothing is made up for a field that is empty") {
  const SmallExport made;
  struct Empty {
    std::string column;
    bool (*is_none)(const wire::NamedTrace&);
  };
  const Empty kEmpty[] = {
      {"CREATED", [](const wire::NamedTrace& t) { return t.created == kNoWall; }},
      {"SENT", [](const wire::NamedTrace& t) { return t.sent == kNoWall; }},
      {"DONE", [](const wire::NamedTrace& t) { return t.done == kNoWall; }},
      {"INTENDED", [](const wire::NamedTrace& t) { return t.intended == kNoWall; }},
      {"FIRST_BYTE", [](const wire::NamedTrace& t) { return t.first_byte == kNoWall; }},
      {"HANDSHAKE", [](const wire::NamedTrace& t) { return t.handshake == kNoDuration; }},
      {"PROTOCOL", [](const wire::NamedTrace& t) { return t.protocol.empty(); }},
      {"QUEUED", [](const wire::NamedTrace& t) { return t.queued == kNoDuration; }},
      {"SERVER", [](const wire::NamedTrace& t) { return t.server.empty(); }},
      {"ERROR", [](const wire::NamedTrace& t) { return t.failure.empty(); }},
      {"PHASE", [](const wire::NamedTrace& t) { return t.phase.empty(); }},
      {"HEADERS", [](const wire::NamedTrace& t) { return t.headers.empty(); }},
      {"RESPONSE",
       [](const wire::NamedTrace& t) { return t.response.empty() && !t.empty_response; }},
  };
  for (const Empty& empty : kEmpty) {
    INFO(empty.column);
    made.set_in_trace(empty.column, "");
    CHECK(empty.is_none(the_trace(made)));
  }
  made.set_in_trace("RESPONSE", "\"\"");
  CHECK(the_trace(made).empty_response);
  for (const char* never : {"-1", "-1.0", "-1e0"}) {
    made.set_in_trace("SENT", never);
    CHECK(the_trace(made).sent == kNoWall);
  }
}

TEST_CASE("a column that came later may lack, one of the first exports may not") {
  const SmallExport made;
  const std::string whole = made.text_of("traces.csv");
  for (const wire::TraceField& field : wire::kTraceFields) {
    if (field.kind == wire::FieldKind::experiment) continue;
    INFO(field.column);
    made.write("traces.csv", whole);
    made.replace("traces.csv", std::string(field.column), "OTHER");
    const auto opened = open_export(made.path());
    CHECK(opened.ok() == (field.since > 1));
    if (!opened.ok()) CHECK(opened.error().why == fmt::format("it has no column {}", field.column));
  }
}

TEST_CASE("rows beyond those of one transaction are read, and the last is told by its line") {
  constexpr int kRows = 10'001;
  const SmallExport made;
  std::string text = "TIMESTAMP,NAME,VALUE\n";
  for (int row = 1; row < kRows; ++row) text += fmt::format("{}.5,e{},\n", row, row);
  made.replace("experiment.json", "\"events\": 1", fmt::format("\"events\": {}", kRows));
  made.write("events.csv", text + "7.5,last,\n");
  CHECK(must(must(open_export(made.path()))->counts(kTestId)).events == kRows);
  made.write("events.csv", text + "7.5x,last,\n");
  CHECK(refused(made).where == made.path(fmt::format("events.csv:{}", kRows + 1)));
}
