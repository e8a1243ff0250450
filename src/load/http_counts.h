// What the connections of a load have come to, of the warm-up too. A value.
#pragma once

#include <cstdint>

namespace galileo::load {

struct HttpCounts {
  std::uint64_t connections_made = 0;
  std::uint64_t over_1 = 0;    // requests over HTTP/1.1
  std::uint64_t over_2 = 0;    // and over HTTP/2
  std::uint64_t given_up = 0;  // of these, whose streams were reset here: by their time-outs

  void add(const HttpCounts& other) {
    connections_made += other.connections_made;
    over_1 += other.over_1;
    over_2 += other.over_2;
    given_up += other.given_up;
  }
};

}  // namespace galileo::load
