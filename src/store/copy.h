// Copies a whole experiment from one database into another: all of it, or none of it that looks
// whole. Blocking; the memory it takes doesn't grow with the rows.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "store/store.h"

namespace galileo::store {

// The status of an experiment whose rows are still being copied. What a killed copy left has it,
// and is begun anew by the next one.
inline constexpr const char* kImporting = "IMPORTING";

struct CopyCounts {
  std::uint64_t node_infos = 0;
  std::uint64_t traces = 0;
  std::uint64_t samples = 0;
  std::uint64_t events = 0;
  // Samples that are infinite, where the target has no such number. Not among `samples`.
  std::uint64_t infinite_left_out = 0;
  std::uint64_t rows() const { return node_infos + traces + samples + events; }
};

struct CopyOptions {
  std::string name;      // the copy's; empty: the same
  bool replace = false;  // what the target has under this id is removed first
  // Told after each transaction what has been copied; false ends the copy (kInterrupted).
  std::function<bool(const CopyCounts&)> go_on = [](const CopyCounts&) { return true; };
};

// Rows are counted on both sides in the end; a copy that failed is removed from the target again.
Result<CopyCounts> copy_experiment(Store& from, Store& to, wire::Experiment experiment,
                                   const CopyOptions& options);

// A stored trace as it can be put again. Its names are in a table of few places that are used
// anew for each trace, so that memory is bounded though every request id may be another name.
class TraceAgain {
 public:
  // The trace's texts are valid until the next call, and while `named` is.
  const wire::Trace& of(const wire::NamedTrace& named);
  const wire::Names& names() const { return names_; }

 private:
  wire::Trace trace_;
  wire::Names names_;
};

}  // namespace galileo::store
