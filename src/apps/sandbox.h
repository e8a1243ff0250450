// The process that a client app's generators run below, held so that it can do little harm: in a
// session of its own, with limits, without the network, and gone when we are. What holds it is what
// the machine allows: namespaces of its own (processes, network), where they may be made; else a
// filter of system calls. Blocking, but short; one thread, which must live as long as the process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace galileo::apps {

struct AppLimits {
  std::uint64_t memory_bytes = std::uint64_t{512}
                               << 20;  // resident: a client's process and its own
  std::uint32_t processes = 32;        // a client's process and its own
  std::uint32_t open_files = 256;      // of each process
  std::uint32_t cpu_s = 0;             // of each process; 0: no limit
  bool network = false;                // it may have the network
  bool namespaces = true;  // of its own, where they may be made; else the filter holds it anyway
  bool groups = true;      // of control, where they may be made; else it is looked at
  Duration answer_within = std::chrono::seconds{10};  // to load, and for the next request
};

// What keeps the process from the network, and its children from leaving.
enum class Hold : unsigned char { kNamespaces, kFilter };
// "namespaces of its own": for people.
const char* hold_text(Hold hold);

// Descriptors that the program gets: 0 is /dev/null, 1 and 2 are `output` and `errors`, 3 is
// `control`, 4 is `input`; no other is open in it.
struct SandboxFiles {
  int output = -1;
  int errors = -1;
  int control = -1;
  int input = -1;
};

struct Started {
  pid_t pid = 0;  // the caller's to wait for
  Hold hold = Hold::kFilter;
};

// `words` begins with the program, which is looked for in PATH. Errors: it can't be started
// (kNotFound where there is none), or nothing of this machine can keep it from the network.
Result<Started> start_held(std::vector<std::string> words, const SandboxFiles& files,
                           const AppLimits& limits);

}  // namespace galileo::apps
