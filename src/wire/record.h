// Records as the old system's Python encodes them (docs/wire/bus.md): the fields of a named tuple
// in order, wrapped as {"__obj": [...], "__type": "<class>"}; a record inside a record is a bare
// array. RecordWriter makes that form. RecordReader takes it, and the object form too (fields by
// name, those with a default may be left out), wrapped or bare, at each level; fields that it
// doesn't know are passed over. Both have the same members, so that one list of a record's fields
// serves both (worker_api.cc has such lists). Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/json.h"

namespace galileo::wire {

// A number that knows whether it was written as a whole one: Python tells 50 from 50.0. Whole
// numbers that a double can't hold exactly (beyond 2^53) count as others.
struct Number {
  double value = 0;
  bool whole = false;

  bool operator==(const Number&) const = default;
};

// Whether a message must say which class it is. The old system insists on it for calls and answers,
// and never looks at it in events.
enum class Tag : std::uint8_t { kRequired, kOptional };

using AnyKind = std::optional<Json::Kind>;

// Reads the fields of one record, in order. The first thing that is wrong is kept and the rest
// passed over; ask result() in the end. `optional` leaves the value as it is (its default) where
// the field is absent or null.
class RecordReader {
 public:
  // `type` is the class that the record must be of, if it says one. `json` and `type` outlive this.
  RecordReader(const Json& json, std::string_view type, Tag tag = Tag::kOptional);

  void field(std::string_view name, std::string& value);
  void field(std::string_view name, std::uint64_t& value);
  void field(std::string_view name, bool& value);
  void optional(std::string_view name, std::string& value);
  void optional(std::string_view name, std::optional<std::string>& value);
  void optional(std::string_view name, std::uint64_t& value);
  void optional(std::string_view name, std::optional<std::uint64_t>& value);
  void optional(std::string_view name, std::optional<std::vector<Number>>& value);

  // A value of that kind, or of any, as the text of its JSON; empty where it is null. Absent: an
  // Error, or left as it is.
  void json(std::string_view name, std::string& text, AnyKind wanted = {});
  void optional_json(std::string_view name, std::string& text, AnyKind wanted = {});

  // A record inside this one: each(RecordReader&) reads its fields.
  template <class F>
  void record(std::string_view name, std::string_view type, F&& each) {
    if (const Json* json = take(name)) {
      RecordReader inner(*json, type);
      each(inner);
      adopt(inner, name);
    }
  }

  Result<void> result() const;

 private:
  const Json* next(std::string_view name);  // null: absent
  const Json* take(std::string_view name);  // the same, but absent is wrong
  void wrong(std::string_view name, std::string_view wanted, const Json& found);
  void fail(std::string why);
  void adopt(const RecordReader& inner, std::string_view name);
  bool text_of(std::string_view name, const Json& json, std::string& value);
  bool count_of(std::string_view name, const Json& json, std::uint64_t& value);
  void json_of(std::string_view name, const Json& json, std::string& text, AnyKind wanted);

  const Json* fields_ = nullptr;  // an array or an object
  std::string_view type_;
  std::size_t position_ = 0;  // in an array
  std::string why_;           // empty: all is well so far
};

// Writes the fields of one record, in order, as an array.
class RecordWriter {
 public:
  explicit RecordWriter(std::string& to);  // appends

  void field(std::string_view name, const std::string& value);
  void field(std::string_view name, std::uint64_t value);
  void field(std::string_view name, bool value);
  void optional(std::string_view name, const std::string& value);
  void optional(std::string_view name, const std::optional<std::string>& value);
  void optional(std::string_view name, std::uint64_t value);
  void optional(std::string_view name, const std::optional<std::uint64_t>& value);
  void optional(std::string_view name, const std::optional<std::vector<Number>>& value);

  // The text is JSON; empty: null. What isn't JSON goes out as a text, and the reader says so.
  void json(std::string_view name, const std::string& text, AnyKind wanted = {});
  void optional_json(std::string_view name, const std::string& text, AnyKind wanted = {});

  template <class F>
  void record(std::string_view, std::string_view, F&& each) {
    separate();
    RecordWriter inner(to_);
    each(inner);
    inner.end();
  }

  void end();  // after the last field

 private:
  void separate();
  void put(std::string_view json);

  std::string& to_;
  bool first_ = true;
};

// The fields as RecordWriter wrote them, with their class.
std::string wrap_record(std::string_view fields, std::string_view type);

// The records of a list in any of its forms: a bare array, or {"__list": [...], "__type": type}.
// Points into `json`.
Result<const std::vector<Json>*> records_of(const Json& json, std::string_view type);

}  // namespace galileo::wire
