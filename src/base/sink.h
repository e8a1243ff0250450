// Joins rooms of one floor: the load engine and the instruments put values, the spool, the bus and
// tests take them.
#pragma once

namespace galileo {

template <class T>
class Sink {
 public:
  virtual ~Sink() = default;
  // Called on the thread of whoever makes the values; never blocks.
  virtual void put(const T& value) = 0;
};

}  // namespace galileo
