// What the tables of docs/wire/database.md are in SQLite's words. Pure; knows nothing of its
// library.
#pragma once

#include <string>

#include "wire/trace_fields.h"

namespace galileo::store {

// Makes all tables but `traces`, and the indexes of all, where they aren't there.
extern const char* const kSqliteTables;

// Makes `traces` with its old columns; ours are added behind them where a database lacks them, each
// by its definition: "HANDSHAKE DOUBLE".
std::string sqlite_create_traces();
std::string sqlite_definition(const wire::TraceField& field);

// Puts in a trace, with a parameter for each field in their order.
std::string sqlite_insert_trace();

}  // namespace galileo::store
