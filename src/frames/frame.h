// An experiment's tables as columns, for programs that analyse: all rows of one or several
// experiments, with names in small letters, times in ns and texts that repeat as categories. Read
// row by row from any store; what they take of memory is the columns, and those are in the file.
// Blocking; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "frames/columns.h"
#include "store/store.h"

namespace galileo::frames {

// Which rows and columns. Rows of all experiments are behind each other, in the order of `ids`.
struct Wanted {
  std::vector<std::string> ids;      // of experiments that are there
  std::vector<std::string> columns;  // in that order; empty: the usual ones
  std::string service;               // traces of that one only; empty: of all
  Wall from = kNoWall;               // rows of [from, to): `created` of traces, `time` of others
  Wall to = kNoWall;
  // Asked every few thousand rows, with how many were read; false ends it (kInterrupted).
  std::function<bool(std::uint64_t rows)> go_on = [](std::uint64_t) { return true; };
};

// A table's columns, in order.
struct Frame {
  std::uint64_t rows = 0;
  std::vector<ColumnPlaces> columns;
};

// One that can be read. Errors: the store's; a column that isn't there (kUsage); no memory for
// them (kIo).
struct FrameTable {
  const char* name;
  Result<Frame> (*read)(store::Store& store, const Wanted& wanted, PartedFile& file);
};

// experiments, traces, telemetry, events, nodes.
std::span<const FrameTable> all_tables();

// One line of JSON: {"rows": n, "columns": [{"name", "type", "nulls", "validity", "values" or
// "texts", "dictionary"}]}, stretches as [offset, size].
std::string to_json(const Frame& frame);

}  // namespace galileo::frames
