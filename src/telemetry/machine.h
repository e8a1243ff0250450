// Facts of the machine that don't change while it runs. Any thread.
#pragma once

#include <string>
#include <vector>

#include "telemetry/instrument.h"
#include "wire/sample.h"

namespace galileo::telemetry {

double ticks_a_second();  // of the kernel's CPU times
double page_bytes();
std::string hostname();

// The node info of docs/wire/telemetry.md (arch, cpus, ram, boot, disk, net, hostname, netspeed,
// gpu), and beside it what decides whether containers can be read: kernel, cpu model, page size,
// control groups.
std::vector<wire::NodeInfo> node_info(const Machine& machine);

}  // namespace galileo::telemetry
