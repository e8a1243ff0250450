// galileo._columns: columns in mapped memory, for numpy without a copy, for Arrow, and as Python's
// own texts.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <utility>

#include "arrow.h"

namespace nb = nanobind;

namespace galileo::python {
namespace {

constexpr std::int64_t kAskEvery = 1 << 16;

bool is_valid(const SharedMapped& validity, std::int64_t row) {
  return !validity ||
         (static_cast<const unsigned char*>(validity->data())[row >> 3] >> (row & 7) & 1) != 0;
}

using Stretch = std::vector<std::uint64_t>;  // [offset, size]

SharedMapped map(int descriptor, const Stretch& stretch, std::uint64_t expected) {
  if (stretch.size() != 2 || stretch[1] < expected)
    throw nb::value_error("a stretch is too short for its rows");
  return std::make_shared<Mapped>(descriptor, stretch[0], stretch[1]);
}

std::uint64_t width(const std::string& format) {
  if (format == "i") return 4;
  if (format == "l" || format == "g" || format == "tsn:UTC" || format == "tDn") return 8;
  throw nb::value_error("a column is of a type that this version doesn't know");
}

Texts map_texts(int descriptor, nb::dict told) {
  Texts texts;
  texts.count = nb::cast<std::int64_t>(told["count"]);
  texts.offsets = map(descriptor, nb::cast<Stretch>(told["offsets"]),
                      static_cast<std::uint64_t>(texts.count + 1) * 8);
  texts.bytes = map(descriptor, nb::cast<Stretch>(told["bytes"]), 0);
  return texts;
}

// What `galileo session` says of a frame, mapped from its file.
Table map_table(int descriptor, nb::dict told) {
  Table table;
  table.rows = nb::cast<std::int64_t>(told["rows"]);
  const auto rows = static_cast<std::uint64_t>(table.rows);
  for (nb::handle item : nb::cast<nb::list>(told["columns"])) {
    const auto one = nb::cast<nb::dict>(item);
    Column column;
    column.name = nb::cast<std::string>(one["name"]);
    column.format = nb::cast<std::string>(one["type"]);
    column.nulls = nb::cast<std::int64_t>(one["nulls"]);
    if (one.contains("validity"))
      column.validity = map(descriptor, nb::cast<Stretch>(one["validity"]), (rows + 7) / 8);
    if (one.contains("texts")) {
      column.texts = map_texts(descriptor, nb::cast<nb::dict>(one["texts"]));
      if (column.texts->count != table.rows)
        throw nb::value_error("a column has another number of rows");
    } else {
      const bool is_category = one.contains("dictionary");
      column.values = map(descriptor, nb::cast<Stretch>(one["values"]),
                          rows * (is_category ? 4 : width(column.format)));
      if (is_category)
        column.dictionary = map_texts(descriptor, nb::cast<nb::dict>(one["dictionary"]));
    }
    table.columns.push_back(std::move(column));
  }
  return table;
}

// The object that keeps the memory while numpy uses it.
nb::capsule owner(const SharedMapped& mapped) {
  return nb::capsule(new SharedMapped(mapped),
                     [](void* shared) noexcept { delete static_cast<SharedMapped*>(shared); });
}

template <class T>
nb::object array_of(const SharedMapped& mapped, std::int64_t rows) {
  const std::size_t shape[1] = {static_cast<std::size_t>(rows)};
  return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(mapped->data(), 1, shape, owner(mapped)));
}

const Column& at(const Table& table, std::size_t place) {
  if (place >= table.columns.size()) throw nb::index_error("there is no such column");
  return table.columns[place];
}

// Numbers as they lie there; of a category the numbers of its texts.
nb::object values(const Table& table, std::size_t place) {
  const Column& column = at(table, place);
  if (!column.values) throw nb::value_error("a column of texts has no array of values");
  if (column.dictionary || column.format == "i")
    return array_of<std::int32_t>(column.values, table.rows);
  if (column.format == "g") return array_of<double>(column.values, table.rows);
  return array_of<std::int64_t>(column.values, table.rows);
}

// Texts as Python's own, into an array of objects with a place for each; None where there is none.
void fill(const Texts& texts, const SharedMapped& validity, nb::handle objects) {
  Py_buffer view;
  if (PyObject_GetBuffer(objects.ptr(), &view, PyBUF_WRITABLE | PyBUF_FORMAT | PyBUF_ND) != 0)
    throw nb::python_error();
  struct Release {
    Py_buffer* view;
    ~Release() { PyBuffer_Release(view); }
  } release{&view};
  if (view.itemsize != sizeof(PyObject*) || std::strcmp(view.format ? view.format : "", "O") != 0 ||
      view.len != texts.count * static_cast<Py_ssize_t>(sizeof(PyObject*)))
    throw nb::value_error("an array of as many objects is needed");
  auto** places = static_cast<PyObject**>(view.buf);
  const auto* offsets = static_cast<const std::int64_t*>(texts.offsets->data());
  const auto* bytes = static_cast<const char*>(texts.bytes->data());
  for (std::int64_t row = 0; row < texts.count; ++row) {
    if (row % kAskEvery == 0 && PyErr_CheckSignals() != 0) throw nb::python_error();
    PyObject* text = nullptr;
    if (is_valid(validity, row)) {
      text = PyUnicode_DecodeUTF8(bytes + offsets[row], offsets[row + 1] - offsets[row], "replace");
      if (!text) throw nb::python_error();
    } else {
      text = nb::none().release().ptr();
    }
    Py_XDECREF(std::exchange(places[row], text));
  }
}

void texts_into(const Table& table, std::size_t place, nb::handle objects) {
  const Column& column = at(table, place);
  if (!column.texts) throw nb::value_error("the column has no texts");
  fill(*column.texts, column.validity, objects);
}

void categories_into(const Table& table, std::size_t place, nb::handle objects) {
  const Column& column = at(table, place);
  if (!column.dictionary) throw nb::value_error("the column has no categories");
  fill(*column.dictionary, nullptr, objects);
}

nb::object schema_capsule(const Table& table) {
  auto* schema = new ArrowSchema{};
  export_schema(table, schema);
  return nb::capsule(schema, "arrow_schema", [](void* made) noexcept {
    auto* own = static_cast<ArrowSchema*>(made);
    if (own->release) own->release(own);
    delete own;
  });
}

// An array of all rows; a consumer that asks for another schema gets this one, as the protocol
// allows.
nb::object stream_capsule(const Table& table, nb::handle /*requested_schema*/) {
  return nb::capsule(make_stream(table), "arrow_array_stream", [](void* made) noexcept {
    auto* own = static_cast<ArrowArrayStream*>(made);
    if (own->release) own->release(own);
    delete own;
  });
}

}  // namespace

NB_MODULE(_columns, module) {
  // A thread that holds a table when the interpreter ends is no fault that users could mend.
  nb::set_leak_warnings(false);
  nb::class_<Table>(module, "Table", "Columns in mapped memory.")
      .def("__init__", [](Table* self, int descriptor,
                          nb::dict told) { new (self) Table(map_table(descriptor, told)); })
      .def_prop_ro("rows", [](const Table& table) { return table.rows; })
      .def("values", values)
      .def("texts_into", texts_into)
      .def("categories_into", categories_into)
      .def("nulls", [](const Table& table, std::size_t place) { return at(table, place).nulls; })
      .def("count",
           [](const Table& table, std::size_t place) {
             const Column& column = at(table, place);
             return column.dictionary ? column.dictionary->count : table.rows;
           })
      .def("__arrow_c_schema__", schema_capsule)
      .def("__arrow_c_stream__", stream_capsule, nb::arg("requested_schema").none() = nb::none());
}

}  // namespace galileo::python
