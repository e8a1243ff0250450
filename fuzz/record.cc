// Any bytes as a record with a field of each kind: no crash, and what was read and written is read
// the same, in the array form that the writer makes.
#include "wire/record.h"

#include <cstdint>
#include <string>

#include "base/check.h"

using namespace galileo;

namespace {

struct Inner {
  std::string name;
  std::optional<std::string> note;
  bool operator==(const Inner&) const = default;
};

struct Outer {
  std::string id;
  std::uint64_t count = 0;
  bool fine = false;
  Inner inner;
  std::string kind = "plain";
  std::optional<std::uint64_t> limit;
  std::optional<std::vector<wire::Number>> numbers;
  std::string any;
  bool operator==(const Outer&) const = default;
};

void each_field(auto& visit, auto& record) {
  visit.field("id", record.id);
  visit.field("count", record.count);
  visit.field("fine", record.fine);
  visit.record("inner", "Inner", [&](auto& inner) {
    inner.field("name", record.inner.name);
    inner.optional("note", record.inner.note);
  });
  visit.optional("kind", record.kind);
  visit.optional("limit", record.limit);
  visit.optional("numbers", record.numbers);
  visit.optional_json("any", record.any);
}

Result<Outer> read(std::string_view text) {
  const wire::Json json = TRY(wire::parse_json(text));
  Outer record;
  wire::RecordReader reader(json, "Outer");
  each_field(reader, record);
  TRY(reader.result());
  return record;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Result<Outer> record = read({reinterpret_cast<const char*>(data), size});
  if (!record.ok()) {
    ENSURE(!record.error().why.empty());
    return 0;
  }
  std::string fields;
  wire::RecordWriter writer(fields);
  each_field(writer, *record);
  writer.end();
  const std::string text = wire::wrap_record(fields, "Outer");
  const Result<Outer> again = read(text);
  ENSURE(again.ok() && *again == *record, text);
  return 0;
}
