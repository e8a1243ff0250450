#include "load/rate_shape.h"

namespace galileo::load {

const std::vector<ShapeRow>& shape_rows() {
  using enum ShapeParameter::Takes;
  static const std::vector<ShapeRow> rows{
#define SHAPE(name, arrival, ...) {#name, #arrival, {__VA_ARGS__}},
#include "load/shapes.def"
#undef SHAPE
  };
  return rows;
}

}  // namespace galileo::load
