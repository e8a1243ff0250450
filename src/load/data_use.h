// Which row of its data a request is made of. Rows are shared out by the request's number over all
// clients, so that loops and workers needn't ask each other. Immutable; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "load/data_rows.h"

namespace galileo::load {

class DataUse {
 public:
  using Parameters = std::map<std::string, std::string>;

  // Of the parameters data.file, data.order (sequential, random, once) and data.at_end (repeat,
  // stop; of sequential). Without a file there are no rows, and any number is fine. Reads the file.
  static Result<DataUse> make(const Parameters& parameters);
  // Of rows that have been read.
  DataUse(DataRows rows, const Parameters& parameters);

  const DataRows* rows() const { return rows_.get(); }
  // False: all rows are used up.
  bool pick(std::uint64_t number, Random& draws, std::size_t& row) const;
  // Of which a source is called: "data users.csv"; without rows "templates".
  std::string name() const;
  std::string used_up() const;

 private:
  DataUse() = default;

  std::unique_ptr<const DataRows> rows_;
  std::string file_;
  bool random_ = false;
  bool stops_ = false;
};

}  // namespace galileo::load
