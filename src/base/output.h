// What the program says: data for other programs on stdout, talk for people on stderr, documents
// into whatever the user names. One place for all commands, so that what can't be written is never
// an abort and never passed over: the first failure of each stream is kept, and main.cc makes an
// exit code of it. Blocking; any thread may print.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace galileo {

// Called once, before anything is opened. A standard file that is closed is held by one that can't
// be read or written, so that no database or spool gets its number; and what a system call can say
// by an error (a reader that has gone, a file that has grown to its limit) doesn't come as a signal
// that kills.
void hold_standard_files();

// False: not all could be written, now or before; there is no use in going on. What names from
// outside could do to a terminal is made visible in talk, and in data that goes to one; colours
// stay. Talk says no URL's user and password.
bool print_data(std::string_view text);
bool print_talk(std::string_view text);
// The same for what draws on a terminal: with its escape codes.
bool draw_data(std::string_view text);
bool draw_talk(std::string_view text);

// What couldn't be written of either.
Result<void> data_printed();
Result<void> talk_printed();

// What the user names to be read or written: "-" is stdin and stdout. A document goes into the
// place of a plain file as a whole (write_whole_file()), and into anything else that is there.
Result<std::string> read_input(const std::string& path, std::size_t size_max);
Result<void> write_document(const std::string& path, std::string_view bytes);

// Whether a document there goes to stdout: talk that would go there too has to go elsewhere.
bool is_stdout(const std::string& path);

// The system denies what nothing works without: a descriptor, a thread, memory. It is said on
// stderr, and the process ends with exit code 1; what it has written down stays.
[[noreturn]] void give_up(const char* what, int error_number);

}  // namespace galileo
