#include "arrow.h"

#include <sys/mman.h>

#include <cerrno>
#include <system_error>

namespace galileo::python {
namespace {

constexpr std::int64_t kNullable = 2;  // ARROW_FLAG_NULLABLE
alignas(64) char nothing[64];          // the address of what is empty

// What a structure of Arrow's points to; owned by it.
struct SchemaParts {
  std::string format, name;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> children_at;
  ArrowSchema dictionary{};
};

void release_schema(ArrowSchema* schema) {
  auto* parts = static_cast<SchemaParts*>(schema->private_data);
  for (ArrowSchema& child : parts->children)
    if (child.release) child.release(&child);
  if (parts->dictionary.release) parts->dictionary.release(&parts->dictionary);
  delete parts;
  schema->release = nullptr;
}

SchemaParts* begin_schema(ArrowSchema* out, const std::string& format, const std::string& name,
                          std::int64_t flags) {
  auto* parts = new SchemaParts{format, name, {}, {}, {}};
  *out = {};
  out->format = parts->format.c_str();
  out->name = parts->name.c_str();
  out->flags = flags;
  out->release = release_schema;
  out->private_data = parts;
  return parts;
}

struct ArrayParts {
  std::vector<SharedMapped> shared;
  std::vector<const void*> buffers;
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> children_at;
  ArrowArray dictionary{};
};

void release_array(ArrowArray* array) {
  auto* parts = static_cast<ArrayParts*>(array->private_data);
  for (ArrowArray& child : parts->children)
    if (child.release) child.release(&child);
  if (parts->dictionary.release) parts->dictionary.release(&parts->dictionary);
  delete parts;
  array->release = nullptr;
}

ArrayParts* begin_array(ArrowArray* out, std::int64_t length, std::int64_t nulls,
                        std::vector<SharedMapped> shared) {
  auto* parts = new ArrayParts{std::move(shared), {}, {}, {}, {}};
  for (const SharedMapped& mapped : parts->shared)
    parts->buffers.push_back(mapped ? mapped->data() : nullptr);
  *out = {};
  out->length = length;
  out->null_count = nulls;
  out->n_buffers = static_cast<std::int64_t>(parts->buffers.size());
  out->buffers = parts->buffers.data();
  out->release = release_array;
  out->private_data = parts;
  return parts;
}

void export_texts(const Texts& texts, ArrowArray* out) {
  begin_array(out, texts.count, 0, {nullptr, texts.offsets, texts.bytes});
}

void export_column(const Column& column, std::int64_t rows, ArrowArray* out) {
  if (column.texts) {
    begin_array(out, rows, column.nulls,
                {column.validity, column.texts->offsets, column.texts->bytes});
    return;
  }
  ArrayParts* parts = begin_array(out, rows, column.nulls, {column.validity, column.values});
  if (!column.dictionary) return;
  export_texts(*column.dictionary, &parts->dictionary);
  out->dictionary = &parts->dictionary;
}

void export_array(const Table& table, ArrowArray* out) {
  ArrayParts* parts = begin_array(out, table.rows, 0, {nullptr});
  parts->children.resize(table.columns.size());
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    export_column(table.columns[i], table.rows, &parts->children[i]);
    parts->children_at.push_back(&parts->children[i]);
  }
  out->n_children = static_cast<std::int64_t>(parts->children.size());
  out->children = parts->children_at.data();
}

struct StreamParts {
  Table table;
  bool is_told = false;
};

int get_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  export_schema(static_cast<StreamParts*>(stream->private_data)->table, out);
  return 0;
}

int get_next(ArrowArrayStream* stream, ArrowArray* out) {
  auto* parts = static_cast<StreamParts*>(stream->private_data);
  *out = {};
  if (parts->is_told) return 0;
  parts->is_told = true;
  export_array(parts->table, out);
  return 0;
}

const char* get_last_error(ArrowArrayStream*) {
  return nullptr;
}

void release_stream(ArrowArrayStream* stream) {
  delete static_cast<StreamParts*>(stream->private_data);
  stream->release = nullptr;
}

}  // namespace

Mapped::Mapped(int descriptor, std::uint64_t offset, std::uint64_t size)
    : data_(nothing), size_(size) {
  if (size == 0) return;
  data_ = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor,
               static_cast<off_t>(offset));
  if (data_ == MAP_FAILED)
    throw std::system_error(errno, std::generic_category(), "can't map the columns");
}

Mapped::~Mapped() {
  if (size_ > 0) munmap(data_, size_);
}

void export_schema(const Table& table, ArrowSchema* out) {
  SchemaParts* parts = begin_schema(out, "+s", "", 0);
  parts->children.resize(table.columns.size());
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    ArrowSchema* child = &parts->children[i];
    SchemaParts* own =
        begin_schema(child, column.dictionary ? "i" : column.format, column.name, kNullable);
    if (column.dictionary) {
      begin_schema(&own->dictionary, column.format, "", 0);
      child->dictionary = &own->dictionary;
    }
    parts->children_at.push_back(child);
  }
  out->n_children = static_cast<std::int64_t>(parts->children.size());
  out->children = parts->children_at.data();
}

ArrowArrayStream* make_stream(const Table& table) {
  return new ArrowArrayStream{get_schema, get_next, get_last_error, release_stream,
                              new StreamParts{table}};
}

}  // namespace galileo::python
