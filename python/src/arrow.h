// Tables as Arrow's C data interface hands them over: structures and flags are its ABI
// (https://arrow.apache.org/docs/format/CDataInterface.html and CStreamInterface.html). What is
// handed over shares mapped memory and holds no object of Python's, so that it may be released on
// any thread, also without an interpreter.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

extern "C" {
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};

struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema* out);
  int (*get_next)(ArrowArrayStream*, ArrowArray* out);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};
}

namespace galileo::python {

// A stretch of a file, mapped: changes stay with this mapping. Its memory goes with the last who
// shares it.
class Mapped {
 public:
  // Throws std::system_error. `size` 0 maps nothing; data() is a valid address all the same.
  Mapped(int descriptor, std::uint64_t offset, std::uint64_t size);
  ~Mapped();
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;

  void* data() const { return data_; }
  std::uint64_t size() const { return size_; }

 private:
  void* data_;
  std::uint64_t size_;
};
using SharedMapped = std::shared_ptr<Mapped>;

struct Texts {
  std::int64_t count = 0;
  SharedMapped offsets;  // count + 1 of 64 bits
  SharedMapped bytes;
};

// As galileo::frames::ColumnPlaces says it.
struct Column {
  std::string name;
  std::string format;
  std::int64_t nulls = 0;
  SharedMapped validity;  // none: every value is there
  SharedMapped values;
  std::optional<Texts> texts;
  std::optional<Texts> dictionary;
};

struct Table {
  std::int64_t rows = 0;
  std::vector<Column> columns;
};

// Of a struct, whose children are the columns. The caller releases it.
void export_schema(const Table& table, ArrowSchema* out);
// One array of all rows, then the end. Made by new; released by its user.
ArrowArrayStream* make_stream(const Table& table);

}  // namespace galileo::python
