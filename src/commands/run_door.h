// How other programs reach a run that this process makes: `galileo session --listen`. They speak
// lines of JSON (docs/wire/session.md) over connections, the first of which is the standard input,
// and the others those of a Unix socket in run_folder().
//
// Who has begun the run or attached to it owns it for as long as its connection is open, asked for
// anything or not: a stopped process keeps it, a killed one loses it at once. A run that nobody
// owns for the time of its lease is asked to end. The process ends once the run is over and nobody
// is connected any more.
#pragma once

namespace galileo::commands {

// Until the end; the exit code.
int serve_run();

}  // namespace galileo::commands
