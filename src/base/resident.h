// The memory of a small daemon on a small machine: what only its start needed is given back. For
// commands that then rest for hours; any thread.
#pragma once

namespace galileo {

// Fewer and smaller heaps, at the cost of threads that wait for each other's allocations. Before
// the first thread.
void keep_heap_small();

// Gives back free heap, and the pages of code and constants, which come again from their files when
// they are used. Where the kernel's files can't be read nothing happens.
void give_back_unused_memory();

}  // namespace galileo
