// Lists of numbers in Python's pickle format, protocols 0 to 5: the profiles of the old system.
// A pickle is a program for a small machine, by which Python may be made to call anything. The one
// in here has what a list of numbers is made of, scalars of numpy's among it, and takes that as
// data. It imports nothing and calls nothing; the first byte that asks for anything else ends it,
// and what is behind isn't looked at. Pure functions; any thread.
//
// Beside the bytes themselves it touches four times their size of memory and 1 MiB at most,
// whatever indices and sizes they name, and it looks at each byte once.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace galileo::wire {

// Whether it begins as a pickle does (of a list or tuple, or of what has a name), and as no text of
// numbers.
bool is_pickle(std::string_view bytes);

// The numbers of a list or tuple, as doubles: floats, whole numbers up to 64 bits, and numpy's
// scalars of f2 to f8, i1 to i8 and u1 to u8; all finite. An Error (kUsage) says in `where` at
// which byte it is anything else.
Result<std::vector<double>> parse_pickle(std::string_view bytes);

// A pickle of the list, by protocol 3, which every Python 3 reads.
std::string to_pickle(std::span<const double> numbers);

}  // namespace galileo::wire
