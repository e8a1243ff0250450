// `galileo gateway weights`: the weights in etcd, as its gateways read them.
#pragma once

#include "commands/commands.h"

namespace galileo::commands {

int gateway_weights(const Arguments& arguments);

}  // namespace galileo::commands
