#include "wire/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <deque>
#include <limits>
#include <optional>
#include <string>

#include "base/text.h"
#include "base/utf8.h"

namespace galileo::wire {
namespace {

// What waits on the stack at most: Python's picklers put 1,000 numbers at a time into their list.
constexpr std::size_t kStackMax = std::size_t{1} << 15;
// No name and no number's bytes are longer.
constexpr std::size_t kTextMax = 255;
// Of the 1 MiB that a small file may have, what isn't the stack's.
constexpr std::uint64_t kMemoryAtLeast = std::uint64_t{512} << 10;

enum class Kind : std::uint8_t {
  kNumber,
  kNone,
  kFalse,
  kTrue,
  kText,            // UTF-8
  kEscaped,         // a text in a line, with Python's escapes
  kBytes,           // of a number
  kEncodedText,     // the bytes that encode() makes of a kText
  kEncodedEscaped,  // and of a kEscaped
  kTuple,           // its items lie below it on the stack
  kList,            // there is one
  kGlobal,
  kDtype,
  kMark,
};

constexpr std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kNumber:
      return "a number";
    case Kind::kNone:
      return "None";
    case Kind::kFalse:
    case Kind::kTrue:
      return "True or False";
    case Kind::kText:
    case Kind::kEscaped:
      return "a text";
    case Kind::kBytes:
    case Kind::kEncodedText:
    case Kind::kEncodedEscaped:
      return "bytes";
    case Kind::kTuple:
      return "a tuple";
    case Kind::kList:
      return "a list";
    case Kind::kGlobal:
      return "a name";
    case Kind::kDtype:
      return "a dtype";
    case Kind::kMark:
      return "nothing";
  }
  return {};
}

// A finite number, or in the place of one that isn't: a kind, and what of that kind. In eight
// bytes, since each scalar of numpy's leaves three values in the memo.
class Value {
 public:
  Value() : Value(Kind::kMark) {}
  explicit Value(double finite) : bits_(std::bit_cast<std::uint64_t>(finite)) {}
  explicit Value(Kind kind, std::uint64_t what = 0)
      : bits_(kBox | static_cast<std::uint64_t>(kind) << 48 | what) {}
  Value(Kind kind, std::uint64_t at, std::uint64_t size) : Value(kind, at << 8 | size) {}

  Kind kind() const {
    return (bits_ & kBox) == kBox ? static_cast<Kind>(bits_ >> 48 & 0xF) : Kind::kNumber;
  }
  bool is(Kind kind_wanted) const { return kind() == kind_wanted; }
  double number() const { return std::bit_cast<double>(bits_); }
  std::uint64_t what() const { return bits_ & 0xFFFF'FFFF'FFFF; }
  std::string_view of(std::string_view bytes) const {
    return bytes.substr(what() >> 8, what() & 0xFF);
  }
  // The same of another kind.
  Value as(Kind kind_wanted) const { return Value(kind_wanted, what()); }

 private:
  static constexpr std::uint64_t kBox = 0xFFF0'0000'0000'0000;
  std::uint64_t bits_;
};
static_assert(sizeof(Value) == 8);

// What a file may name, and what we take it for. Nothing is looked up by it.
enum class Global : std::uint8_t { kDtype, kScalar, kEncode };
struct GlobalRow {
  std::string_view module;
  std::string_view name;
  Global is;
};
constexpr std::array kGlobals{
    GlobalRow{"numpy", "dtype", Global::kDtype},
    GlobalRow{"numpy.core.multiarray", "scalar", Global::kScalar},
    GlobalRow{"numpy._core.multiarray", "scalar", Global::kScalar},
    // Bytes, in protocols that have none.
    GlobalRow{"_codecs", "encode", Global::kEncode},
};
// By these a whole array is pickled.
constexpr std::array<std::string_view, 3> kArrayNames{"_reconstruct", "_frombuffer", "ndarray"};

// numpy's kinds of numbers, by their names.
struct DtypeRow {
  std::string_view name;
  char kind;  // f, i, u
  std::size_t size;
};
constexpr std::array kDtypes{
    DtypeRow{"f2", 'f', 2}, DtypeRow{"f4", 'f', 4}, DtypeRow{"f8", 'f', 8}, DtypeRow{"i1", 'i', 1},
    DtypeRow{"i2", 'i', 2}, DtypeRow{"i4", 'i', 4}, DtypeRow{"i8", 'i', 8}, DtypeRow{"u1", 'u', 1},
    DtypeRow{"u2", 'u', 2}, DtypeRow{"u4", 'u', 4}, DtypeRow{"u8", 'u', 8},
};
struct Dtype {
  std::uint8_t row;
  bool big_endian;
};

constexpr std::string_view opcode_name(std::uint8_t byte) {
  switch (byte) {
#define OPCODE(value, name, does) \
  case value:                     \
    return #name;
#define REFUSED(value, name) OPCODE(value, name, )
#include "wire/pickle_opcodes.def"
#undef REFUSED
#undef OPCODE
    default:
      return {};
  }
}

double half_to_double(std::uint64_t bits) {
  const int exponent = static_cast<int>(bits >> 10 & 0x1F);
  const auto fraction = static_cast<double>(bits & 0x3FF);
  double value =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024, exponent - 25);
  if (exponent == 31) value = std::numeric_limits<double>::infinity();
  return (bits & 0x8000) != 0 ? -value : value;
}

double number_of(const DtypeRow& dtype, std::uint64_t bits) {
  if (dtype.kind == 'u') return static_cast<double>(bits);
  if (dtype.kind == 'i') {
    const auto unused = static_cast<int>(64 - 8 * dtype.size);
    return static_cast<double>(static_cast<std::int64_t>(bits << unused) >> unused);
  }
  if (dtype.size == 2) return half_to_double(bits);
  if (dtype.size == 4)
    return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  return std::bit_cast<double>(bits);
}

// From outside, for a message.
std::string shown(std::string_view text) {
  return one_line(shortened(make_utf8(text.substr(0, 200)), 60));
}

class Machine {
 public:
  explicit Machine(std::string_view bytes)
      : bytes_(bytes), memory_left_(std::uint64_t{4} * bytes.size() + kMemoryAtLeast) {}

  Result<std::vector<double>> run() {
    while (!stopped_) {
      opcode_at_ = at_;
      if (at_ == bytes_.size())
        return refused("it ends before its end", "it was cut; copy it again");
      TRY(step(static_cast<std::uint8_t>(bytes_[at_++])));
    }
    return std::move(list_);
  }

 private:
  Result<void> step(std::uint8_t byte) {
    switch (byte) {
#define OPCODE(value, name, does) \
  case value:                     \
    return does;
#define REFUSED(value, name)
#include "wire/pickle_opcodes.def"
#undef REFUSED
#undef OPCODE
      default:
        break;
    }
    const std::string_view name = opcode_name(byte);
    return refused(name.empty() ? fmt::format("the byte {:#04x} is no opcode of a pickle", byte)
                                : fmt::format("a list of numbers has no opcode {}", name));
  }

  Error refused(std::string why, std::string hint = {}) const {
    if (hint.empty())
      hint = "a profile is a pickled list of numbers; anything else in it isn't read, nor run";
    return Error{
        ErrorCode::kUsage, {}, fmt::format("byte {}", opcode_at_), std::move(why), std::move(hint)};
  }

  // What stands behind an opcode.

  Result<std::string_view> take(std::uint64_t size) {
    if (size > bytes_.size() - at_)
      return refused("it ends within this", "it was cut; copy it again");
    const std::string_view taken = bytes_.substr(at_, static_cast<std::size_t>(size));
    at_ += taken.size();
    return taken;
  }
  template <class Number>
  Result<Number> take_number() {
    Number number{};
    const std::string_view taken = TRY(take(sizeof number));
    // There are as many bytes. NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage)
    std::memcpy(&number, taken.data(), sizeof number);
    return number;
  }
  Result<std::string_view> take_line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos)
      return refused("its line has no end", "it was cut, or read as text; copy it again as it was");
    const std::string_view line = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return line;
  }

  // The stack. An item of a tuple is no tuple, so that a value is one place of it, but for a
  // tuple's own, below which its items are.

  Result<void> push(Value value) {
    if (stack_.size() == kStackMax)
      return refused(fmt::format("more than {} values wait to be put into a list", kStackMax),
                     "save it by Python's pickle module, as a list");
    stack_.push_back(value);
    return {};
  }
  Result<void> push(Kind kind) { return push(Value(kind)); }
  Result<void> push_number(double number) {
    if (!std::isfinite(number)) return refused("it holds a number that isn't finite");
    return push(Value(number));
  }
  // How many values are above the last mark, which stays.
  Result<std::size_t> above_mark() const {
    if (marks_.empty()) return refused("it has no mark where it needs one");
    return stack_.size() - marks_.back() - 1;
  }
  // So many values from the top are there, above any mark.
  bool has(std::size_t count) const {
    const std::size_t below = marks_.empty() ? 0 : marks_.back() + 1;
    return stack_.size() - below >= count;
  }
  Value from_top(std::size_t place) const { return stack_[stack_.size() - 1 - place]; }
  void drop(std::size_t count) { stack_.resize(stack_.size() - count); }
  Result<void> charge(std::uint64_t bytes) {
    if (bytes > memory_left_)
      return refused("it wants more memory than a list of numbers of its size has");
    memory_left_ -= bytes;
    return {};
  }

  // Opcodes, by their order in the table.

  Result<void> protocol() {
    const auto version = TRY(take_number<std::uint8_t>());
    if (version > 5)
      return refused(fmt::format("it is of protocol {}", version), "protocols 0 to 5 are read");
    return {};
  }
  Result<void> frame() {
    if (TRY(take_number<std::uint64_t>()) > bytes_.size() - at_)
      return refused("it ends within this", "it was cut; copy it again");
    return {};
  }
  Result<void> stop() {
    if (at_ != bytes_.size()) return refused("something stands behind its end");
    if (stack_.empty()) return refused("it holds nothing");
    stopped_ = true;
    const Value value = stack_.back();
    if (value.is(Kind::kList) && stack_.size() == 1) return {};
    if (!value.is(Kind::kTuple) || stack_.size() != value.what() + 1)
      return refused(fmt::format("it holds {}, not a list of numbers", name_of(value.kind())));
    stack_.pop_back();
    TRY(begin_list());
    return append_last(stack_.size());
  }
  Result<void> mark() {
    TRY(push(Kind::kMark));
    marks_.push_back(static_cast<std::uint32_t>(stack_.size() - 1));
    return {};
  }

  Result<void> decimal() {
    const std::string_view line = TRY(take_line());
    if (const auto number = parse_number(line)) return push_number(*number);
    return refused(fmt::format("'{}' isn't a finite number", shown(line)));
  }
  Result<void> big_endian_double() {
    std::uint64_t bits = 0;
    for (const char c : TRY(take(sizeof bits))) bits = bits << 8 | static_cast<std::uint8_t>(c);
    return push_number(std::bit_cast<double>(bits));
  }
  Result<void> whole_in_decimal() {
    std::string_view line = TRY(take_line());
    if (line == "00") return push(Kind::kFalse);
    if (line == "01") return push(Kind::kTrue);
    if (line.ends_with('L')) line.remove_suffix(1);
    if (const auto number = parse_integer(line)) return push_number(static_cast<double>(*number));
    return refused(fmt::format("'{}' isn't a whole number of 64 bits", shown(line)));
  }
  template <class Number>
  Result<void> little_endian() {
    return push_number(TRY(take_number<Number>()));
  }
  template <class Size>
  Result<void> whole() {
    const std::string_view number = TRY(take(TRY(take_number<Size>())));
    if (number.size() > 8)
      return refused(fmt::format("it holds a whole number of {} bytes", number.size()));
    std::uint64_t bits = !number.empty() && number.back() < 0 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = number.size(); i-- > 0;)
      bits = bits << 8 | static_cast<std::uint8_t>(number[i]);
    return push_number(static_cast<double>(static_cast<std::int64_t>(bits)));
  }

  Result<void> push_text(Kind kind, std::string_view text) {
    if (text.size() > kTextMax)
      return refused(fmt::format("it holds {} of {} bytes", name_of(kind), text.size()));
    return push(Value(kind, static_cast<std::uint64_t>(text.data() - bytes_.data()), text.size()));
  }
  Result<void> text_line() { return push_text(Kind::kEscaped, TRY(take_line())); }
  template <class Size>
  Result<void> sized(Kind kind) {
    return push_text(kind, TRY(take(TRY(take_number<Size>()))));
  }

  // The one list.

  Result<void> begin_list() {
    if (has_list_) return refused("it holds a second list");
    has_list_ = true;
    // The shortest number is two bytes. What isn't used of it is never touched.
    list_.reserve(bytes_.size() / 2 + 1);
    return {};
  }
  Result<void> append_last(std::size_t count) {
    TRY(charge(count * sizeof(double)));
    for (std::size_t place = count; place-- > 0;) {
      const Value value = from_top(place);
      if (!value.is(Kind::kNumber))
        return refused(fmt::format("entry {} of the list is {}, not a number", list_.size() + 1,
                                   name_of(value.kind())));
      list_.push_back(value.number());
    }
    drop(count);
    return {};
  }
  Result<void> new_list() {
    TRY(begin_list());
    return push(Kind::kList);
  }
  Result<void> list_from_mark() {
    const std::size_t count = TRY(above_mark());
    TRY(begin_list());
    TRY(append_last(count));
    end_mark();
    return push(Kind::kList);
  }
  void end_mark() {
    stack_.pop_back();
    marks_.pop_back();
  }
  Result<void> append() {
    if (!has(1)) return refused("it appends nothing");
    // A tuple's place tells of it; its items are below.
    if (from_top(0).is(Kind::kNumber) && !(has(2) && from_top(1).is(Kind::kList)))
      return refused("it appends to what is no list");
    return append_last(1);
  }
  Result<void> append_from_mark() {
    const std::size_t count = TRY(above_mark());
    TRY(append_last(count));
    end_mark();
    if (!has(1) || !from_top(0).is(Kind::kList)) return refused("it appends to what is no list");
    return {};
  }

  // Tuples are the arguments of what is called, and a dtype's state.

  Result<void> tuple(std::size_t count) {
    if (!has(count)) return refused("its tuple has fewer items than it says");
    for (std::size_t place = 0; place < count; ++place) {
      const Kind kind = from_top(place).kind();
      if (kind == Kind::kTuple || kind == Kind::kList)
        return refused(fmt::format("it holds {} within a tuple", name_of(kind)));
    }
    return push(Value(Kind::kTuple, count));
  }
  Result<void> tuple_from_mark() {
    const std::size_t count = TRY(above_mark());
    TRY(tuple(count));
    stack_.erase(stack_.end() - static_cast<std::ptrdiff_t>(count) - 2);  // the mark
    marks_.pop_back();
    return {};
  }

  // What was met before.

  Result<void> put(std::uint64_t index) {
    if (!has(1)) return refused("it keeps nothing");
    if (index >= memo_.size()) {
      if (index - memo_.size() > bytes_.size())
        return refused(fmt::format("it keeps a value as number {}", index));
      TRY(charge((index + 1 - memo_.size()) * sizeof(Value)));
      memo_.resize(static_cast<std::size_t>(index) + 1);
    }
    memo_[static_cast<std::size_t>(index)] = stack_.back();
    return {};
  }
  Result<void> get(std::uint64_t index) {
    const Value value = index < memo_.size() ? memo_[static_cast<std::size_t>(index)] : Value();
    if (value.is(Kind::kMark))
      return refused(fmt::format("it takes the value number {}, which isn't kept", index));
    // Its items aren't kept: nobody needs them twice.
    if (value.is(Kind::kTuple)) return refused("it takes a tuple twice");
    return push(value);
  }
  Result<std::uint64_t> index_in_line() {
    const std::string_view line = TRY(take_line());
    const auto index = parse_integer(line);
    if (!index || *index < 0) return refused(fmt::format("'{}' is no index", shown(line)));
    return static_cast<std::uint64_t>(*index);
  }
  Result<void> put_by_line() { return put(TRY(index_in_line())); }
  Result<void> get_by_line() { return get(TRY(index_in_line())); }
  template <class Index>
  Result<void> put_by() {
    return put(TRY(take_number<Index>()));
  }
  template <class Index>
  Result<void> get_by() {
    return get(TRY(take_number<Index>()));
  }

  // What it names.

  Result<void> global(std::string_view module, std::string_view name) {
    for (const GlobalRow& row : kGlobals) {
      if (row.module == module && row.name == name)
        return push(Value(Kind::kGlobal, static_cast<std::uint64_t>(row.is)));
    }
    if (module.starts_with("numpy") &&
        std::find(kArrayNames.begin(), kArrayNames.end(), name) != kArrayNames.end())
      return refused("it holds a whole array of numpy's",
                     "save it as a list: pickle.dump(array.tolist(), file)");
    return refused(fmt::format("it names {}.{}", shown(module), shown(name)));
  }
  Result<void> global_by_lines() {
    const std::string_view module = TRY(take_line());
    return global(module, TRY(take_line()));
  }
  Result<void> global_by_stack() {
    if (!has(2) || !from_top(0).is(Kind::kText) || !from_top(1).is(Kind::kText))
      return refused("it names something by what are no texts");
    const std::string_view name = from_top(0).of(bytes_);
    const std::string_view module = from_top(1).of(bytes_);
    drop(2);
    return global(module, name);
  }

  // Takes the call's words off the stack, and puts what they stand for there.
  Result<void> reduce() {
    if (!has(1) || !from_top(0).is(Kind::kTuple)) return refused("it calls without a tuple");
    const auto count = static_cast<std::size_t>(from_top(0).what());
    if (!has(count + 2) || !from_top(count + 1).is(Kind::kGlobal))
      return refused("it calls what has no name");
    std::optional<Value> made;
    switch (static_cast<Global>(from_top(count + 1).what())) {
      case Global::kDtype:
        made = TRY(dtype(count));
        break;
      case Global::kScalar:
        made = TRY(scalar(count));
        break;
      case Global::kEncode:
        made = TRY(encoded(count));
        break;
    }
    drop(count + 2);
    return push(*made);
  }
  // An argument of so many, from 0.
  Value argument(std::size_t count, std::size_t place) const { return from_top(count - place); }
  // Names are plain: one with an escape is none of ours.
  std::string_view text_of(Value value) const {
    return value.is(Kind::kText) || value.is(Kind::kEscaped) ? value.of(bytes_)
                                                             : std::string_view();
  }
  static bool is_flag(Value value) {
    return value.is(Kind::kFalse) || value.is(Kind::kTrue) || value.is(Kind::kNumber);
  }

  // dtype('f8', False, True)
  Result<Value> dtype(std::size_t count) {
    const std::string_view name = count > 0 ? text_of(argument(count, 0)) : std::string_view();
    const auto row = std::find_if(kDtypes.begin(), kDtypes.end(),
                                  [&](const DtypeRow& one) { return one.name == name; });
    if (count != 3 || row == kDtypes.end() || !is_flag(argument(count, 1)) ||
        !is_flag(argument(count, 2)))
      return refused(fmt::format("the dtype '{}' is of no numbers that are read here", shown(name)),
                     "these are: f2, f4, f8, i1 to i8, u1 to u8");
    TRY(charge(sizeof(Dtype)));
    dtypes_.push_back({static_cast<std::uint8_t>(row - kDtypes.begin()), false});
    return Value(Kind::kDtype, dtypes_.size() - 1);
  }
  // scalar(dtype, bytes)
  Result<Value> scalar(std::size_t count) {
    if (count != 2 || !argument(count, 0).is(Kind::kDtype))
      return refused("a scalar of numpy's is made of a dtype and bytes");
    const Dtype& dtype = dtypes_[static_cast<std::size_t>(argument(count, 0).what())];
    const DtypeRow& row = kDtypes[dtype.row];
    const std::string bytes = TRY(bytes_of(argument(count, 1)));
    if (bytes.size() != row.size)
      return refused(fmt::format("{} bytes are no number of the dtype {}", bytes.size(), row.name));
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bits =
          bits << 8 | static_cast<std::uint8_t>(bytes[dtype.big_endian ? i : bytes.size() - 1 - i]);
    const double number = number_of(row, bits);
    if (!std::isfinite(number)) return refused("it holds a number that isn't finite");
    return Value(number);
  }
  // encode(text, 'latin1')
  Result<Value> encoded(std::size_t count) {
    const Value text = count == 2 ? argument(count, 0) : Value();
    if ((!text.is(Kind::kText) && !text.is(Kind::kEscaped)) ||
        text_of(argument(count, 1)) != "latin1")
      return refused("it encodes what isn't a text as latin1");
    return text.as(text.is(Kind::kText) ? Kind::kEncodedText : Kind::kEncodedEscaped);
  }

  Result<std::string> bytes_of(Value value) const {
    const std::string_view text = value.kind() == Kind::kBytes ||
                                          value.kind() == Kind::kEncodedText ||
                                          value.kind() == Kind::kEncodedEscaped
                                      ? value.of(bytes_)
                                      : std::string_view();
    if (value.is(Kind::kBytes)) return std::string(text);
    std::string made;
    for (std::size_t i = 0; i < text.size();) {
      const auto byte = static_cast<std::uint8_t>(text[i]);
      if (value.is(Kind::kEncodedEscaped)) {
        // Python writes backslashes, line ends and the like as \u and four digits.
        const bool is_escape = byte == '\\';
        const std::string_view digits = is_escape ? text.substr(i, 6) : std::string_view();
        const auto number = is_escape ? escaped(digits) : std::optional<char>(text[i]);
        if (!number) return refused("its bytes have an escape that isn't of a byte");
        made += *number;
        i += is_escape ? digits.size() : 1;
        continue;
      }
      // U+0080 to U+00FF are two bytes, of which the first is C2 or C3.
      const bool is_two = (byte & 0xFE) == 0xC2 && i + 1 < text.size();
      if (byte >= 0x80 && !is_two) return refused("its bytes aren't latin1");
      made += is_two ? static_cast<char>((byte & 3) << 6 | (text[i + 1] & 0x3F)) : text[i];
      i += is_two ? 2 : 1;
    }
    return made;
  }
  static std::optional<char> escaped(std::string_view digits) {
    if (digits.size() != 6 || !digits.starts_with("\\u00")) return std::nullopt;
    unsigned number = 0;
    for (const char c : digits.substr(4)) {
      const auto digit = std::string_view("0123456789abcdef").find(c);
      if (digit == std::string_view::npos) return std::nullopt;
      number = number << 4 | static_cast<unsigned>(digit);
    }
    return static_cast<char>(number);
  }

  // A dtype's state: (3, '<', None, None, None, -1, -1, 0).
  Result<void> build() {
    constexpr std::size_t kState = 8;
    if (!has(kState + 2) || !from_top(0).is(Kind::kTuple) || from_top(0).what() != kState ||
        !from_top(kState + 1).is(Kind::kDtype))
      return refused("it sets the state of something that isn't a dtype of numbers");
    const std::string_view order = text_of(argument(kState, 1));
    const auto all = [&](std::initializer_list<std::size_t> places, Kind kind) {
      return std::all_of(places.begin(), places.end(),
                         [&](std::size_t place) { return argument(kState, place).is(kind); });
    };
    if (order.size() != 1 || std::string_view("<>=|").find(order[0]) == std::string_view::npos ||
        !all({0, 5, 6, 7}, Kind::kNumber) || !all({2, 3, 4}, Kind::kNone))
      return refused("it gives a dtype a state that one of numbers hasn't");
    dtypes_[static_cast<std::size_t>(from_top(kState + 1).what())].big_endian = order == ">";
    drop(kState + 1);
    return {};
  }

  const std::string_view bytes_;
  std::size_t at_ = 0;
  std::size_t opcode_at_ = 0;
  bool stopped_ = false;
  bool has_list_ = false;
  std::uint64_t memory_left_;  // for what grows with the file
  std::vector<double> list_;
  std::vector<Value> stack_;
  std::vector<std::uint32_t> marks_;  // their places on the stack
  std::deque<Value> memo_;            // in pieces, so that it isn't there twice while it grows
  std::deque<Dtype> dtypes_;
};

}  // namespace

bool is_pickle(std::string_view bytes) {
  if (bytes.empty()) return false;
  if (std::string_view("\x80(])").find(bytes.front()) != std::string_view::npos) return true;
  // In protocols 0 and 1 what isn't a list, as an array of numpy's, begins with a name in two
  // lines.
  const std::string_view first = bytes.substr(0, bytes.find('\n'));
  const std::string_view behind = bytes.substr(std::min(first.size() + 1, bytes.size()));
  const char next = behind.empty() ? ' ' : behind.front();
  const bool is_word = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') || next == '_';
  return first.front() == 'c' && first.find_first_of(", ") == std::string_view::npos && is_word;
}

Result<std::vector<double>> parse_pickle(std::string_view bytes) {
  return Machine(bytes).run();
}

std::string to_pickle(std::span<const double> numbers) {
  constexpr std::size_t kBatch = 1000;
  std::string bytes = "\x80\3]";
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i % kBatch == 0) bytes += i == 0 ? "(" : "e(";
    bytes += 'G';
    const auto bits = std::bit_cast<std::uint64_t>(numbers[i]);
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(bits >> shift & 0xFF);
  }
  return bytes + (numbers.empty() ? "." : "e.");
}

}  // namespace galileo::wire
