// Columns of a table as Arrow lays them out: values one behind the other, texts as bytes and where
// each begins, a bit for each value that says whether there is one. They grow in the parts of a
// file; whoever maps it has them without a copy. One thread.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "frames/parted_file.h"

namespace galileo::frames {

static_assert(std::endian::native == std::endian::little, "columns are mapped as they are");

// Types by the format strings of Arrow's C data interface.
inline constexpr const char* kInt32 = "i";
inline constexpr const char* kInt64 = "l";
inline constexpr const char* kDouble = "g";
inline constexpr const char* kText = "U";             // UTF-8, with 64-bit offsets
inline constexpr const char* kTimestamp = "tsn:UTC";  // int64, ns since 1970
inline constexpr const char* kDuration = "tDn";       // int64, ns

// Texts one behind the other: n + 1 offsets of 64 bits into the bytes.
struct TextPlaces {
  std::uint64_t count = 0;
  Stretch offsets;
  Stretch bytes;
};

// Where a column is. Exactly one of `values` and `texts` is meant, by its type.
struct ColumnPlaces {
  std::string name;
  const char* type = kInt64;  // of one with a dictionary: of the dictionary's texts
  std::uint64_t rows = 0;
  std::uint64_t nulls = 0;
  std::optional<Stretch> validity;  // none: every value is there
  Stretch values;                   // with a dictionary: numbers of its texts, int32
  TextPlaces texts;
  std::optional<TextPlaces> dictionary;  // each text once, in the order of their first appearance
};

class ColumnWriter {
 public:
  virtual ~ColumnWriter() = default;
  // After its last value.
  virtual ColumnPlaces finish() = 0;

 protected:
  ColumnWriter(PartedFile& file, std::string name) : file_(file), name_(std::move(name)) {}

  // Each value says whether it is there.
  void put_validity(bool valid) {
    if (!valid) ++nulls_;
    bits_ |= static_cast<unsigned>(valid) << (rows_ & 7);
    if ((++rows_ & 7) == 0) end_bits();
  }
  ColumnPlaces places(const char* type);

  PartedFile& file_;

 private:
  void end_bits();

  const std::string name_;
  std::uint64_t rows_ = 0;
  std::uint64_t nulls_ = 0;
  unsigned bits_ = 0;
  std::string all_bits_;  // an eighth of a byte a row
};

template <class T>
class NumberColumn final : public ColumnWriter {
 public:
  NumberColumn(PartedFile& file, std::string name, const char* type)
      : ColumnWriter(file, std::move(name)), type_(type), values_(file.add_part()) {}

  void put(T value) {
    values_.put_value(value);
    put_validity(true);
  }
  // What stands in its place is `value`.
  void put_null(T value) {
    values_.put_value(value);
    put_validity(false);
  }
  ColumnPlaces finish() override {
    ColumnPlaces all = places(type_);
    all.values = file_.finish(values_);
    return all;
  }

 private:
  const char* const type_;
  PartedFile::Part& values_;
};

// In the place of a time or duration that there is none of: the least number, which pandas and
// numpy take for "not a time".
inline constexpr std::int64_t kNotATime = INT64_MIN;

class TimeColumn final : public ColumnWriter {
 public:
  TimeColumn(PartedFile& file, std::string name, const char* type)
      : ColumnWriter(file, std::move(name)), type_(type), values_(file.add_part()) {}

  void put(Wall value) { put_ns(value.time_since_epoch().count(), value != kNoWall); }
  void put(Duration value) { put_ns(value.count(), value != kNoDuration); }
  ColumnPlaces finish() override {
    ColumnPlaces all = places(type_);
    all.values = file_.finish(values_);
    return all;
  }

 private:
  void put_ns(std::int64_t value, bool valid) {
    values_.put_value(valid ? value : kNotATime);
    put_validity(valid);
  }

  const char* const type_;
  PartedFile::Part& values_;
};

// Writes texts one behind the other.
class TextWriter {
 public:
  explicit TextWriter(PartedFile& file)
      : file_(file), offsets_(file.add_part()), bytes_(file.add_part()) {
    offsets_.put_value(std::int64_t{0});
  }
  // What isn't UTF-8 in it gets the sign for that.
  void put(std::string_view text);
  TextPlaces finish() { return {count_, file_.finish(offsets_), file_.finish(bytes_)}; }

 private:
  PartedFile& file_;
  PartedFile::Part& offsets_;
  PartedFile::Part& bytes_;
  std::uint64_t count_ = 0;
};

class TextColumn final : public ColumnWriter {
 public:
  TextColumn(PartedFile& file, std::string name)
      : ColumnWriter(file, std::move(name)), texts_(file) {}

  void put(std::string_view text) {
    texts_.put(text);
    put_validity(true);
  }
  void put_null() {
    texts_.put({});
    put_validity(false);
  }
  ColumnPlaces finish() override {
    ColumnPlaces all = places(kText);
    all.texts = texts_.finish();
    return all;
  }

 private:
  TextWriter texts_;
};

// Texts of which there are few different ones.
class CategoryColumn final : public ColumnWriter {
 public:
  CategoryColumn(PartedFile& file, std::string name)
      : ColumnWriter(file, std::move(name)), numbers_(file.add_part()), texts_(file) {}

  void put(std::string_view text) {
    numbers_.put_value(number_of(text));
    put_validity(true);
  }
  void put_null() {
    numbers_.put_value(std::int32_t{-1});
    put_validity(false);
  }
  ColumnPlaces finish() override {
    ColumnPlaces all = places(kText);
    all.values = file_.finish(numbers_);
    all.dictionary = texts_.finish();
    return all;
  }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  std::int32_t number_of(std::string_view text) {
    if (last_ && text == *last_) return last_number_;
    return look_up(text);
  }
  std::int32_t look_up(std::string_view given);

  PartedFile::Part& numbers_;
  TextWriter texts_;
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> known_;
  const std::string* last_ = nullptr;  // a key of `known_`: rows often say what the last one said
  std::int32_t last_number_ = -1;
};

}  // namespace galileo::frames
