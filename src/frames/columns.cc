#include "frames/columns.h"

#include "base/utf8.h"

namespace galileo::frames {

void ColumnWriter::end_bits() {
  all_bits_ += static_cast<char>(bits_);
  bits_ = 0;
}

ColumnPlaces ColumnWriter::places(const char* type) {
  ColumnPlaces all;
  all.name = name_;
  all.type = type;
  all.rows = rows_;
  all.nulls = nulls_;
  if (nulls_ == 0) return all;
  if ((rows_ & 7) != 0) end_bits();
  PartedFile::Part& part = file_.add_part();
  part.put(all_bits_);
  all.validity = file_.finish(part);
  return all;
}

void TextWriter::put(std::string_view text) {
  if (is_utf8(text))
    bytes_.put(text);
  else
    bytes_.put(make_utf8(text));
  offsets_.put_value(static_cast<std::int64_t>(bytes_.size()));
  ++count_;
}

std::int32_t CategoryColumn::look_up(std::string_view given) {
  // Each text once: what isn't UTF-8 may become what another one is already.
  const std::string whole = is_utf8(given) ? std::string() : make_utf8(given);
  const std::string_view text = whole.empty() ? given : whole;
  auto known = known_.find(text);
  if (known == known_.end()) {
    known = known_.emplace(text, static_cast<std::int32_t>(known_.size())).first;
    texts_.put(text);
  }
  last_ = &known->first;
  last_number_ = known->second;
  return last_number_;
}

}  // namespace galileo::frames
