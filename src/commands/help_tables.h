// The tables that the program is made from (the .def files), as people and scripts read them: what
// `galileo help` prints. scripts/tables.py puts them into the schema and the documentation. Pure
// functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "commands/commands.h"

namespace galileo::commands {

// A table ("arrivals", "policies", ...) in aligned columns, with a line above that says what it is.
std::string help_table_text(std::string_view name);

// Where `flag` is among the arguments the tables are printed, and the command is over.
std::optional<int> print_tables_if_asked(const Arguments& arguments, std::string_view flag,
                                         const std::vector<std::string>& tables);

// `galileo help [COMMAND | TABLE | --json]`.
int help(const Arguments& arguments);

}  // namespace galileo::commands
