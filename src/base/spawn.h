// Starts another program in a process group of its own, so that Ctrl-C is ours to answer, and with
// no signal blocked or ignored: what this process does with its own is none of the other's
// business. Only SIGHUP stays ignored where it is, as nohup wants it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace galileo {

// What the program has as its standard files; below 0: /dev/null.
struct StandardFiles {
  int input = -1;
  int output = -1;
  int errors = -1;
};

// `words` begins with the program, which is looked for in PATH where it names no folder. It has our
// environment, and of `variables` ("NAME=value") what they say instead. 0, with the process in
// `pid`, which is the caller's to wait for; or the errno of why it can't be started.
int spawn(std::vector<std::string> words, const StandardFiles& files, pid_t& pid,
          std::vector<std::string> variables = {});

}  // namespace galileo
