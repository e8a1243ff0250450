// What stands in a request's line, of what somebody has written for a URL's path and query.
//
// URLs as Python's requests (with urllib3 1.26 or 2) makes them of what a script has written, for
// clients whose parameters are that library's. It is no normal form: "%7E" becomes "~", which
// breaks signed URLs, and one stray '%' has all others of its part escaped once more. Who writes
// for us gets his URL as he wrote it (written_target()). Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

namespace galileo::wire {

// What stands in the request's line for `path`, which may have a query and a fragment of its own,
// and `query`, which `params` made (a text of the user's, or escaped already): dot segments go,
// what isn't allowed is escaped, unreserved characters lose their escapes, a fragment is cut off.
std::string requests_target(std::string_view path, std::string_view query);

// Where a Location leads, quoted as requests quotes it before it resolves it.
std::string requests_location(std::string_view location);

// What stands in the next request's line, behind one for `base`, a path with its query. `location`
// is one of requests_location(): of a whole URL requests takes them as they stand there, with their
// dots.
std::string requests_hop(std::string_view location, std::string_view base);

// As it was written: dots, stray signs and escapes stay, and only what no line of a request can
// hold (blanks, controls, what isn't ASCII) is escaped. A fragment is cut off, a '/' put at the
// beginning where there is none.
std::string written_target(std::string_view text);

}  // namespace galileo::wire
