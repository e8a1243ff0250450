// Pickles as Python and numpy write them, byte by byte, and what pickles are that mean harm.
// tests/process/profile_test.py has Python make them, and has hundreds of the latter.
#include "wire/pickle.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace galileo::wire {
namespace {

using namespace std::string_literals;
using Numbers = std::vector<double>;

// "byte 12: why"
std::string refused(const std::string& bytes) {
  const auto numbers = parse_pickle(bytes);
  if (numbers.ok()) return "read";
  CHECK(numbers.error().code == ErrorCode::kUsage);
  return numbers.error().where + ": " + numbers.error().why;
}

// A list with one of numpy's scalars, by protocol 2: its dtype, the order of its bytes, its bytes.
std::string scalar(const std::string& dtype, char order, const std::string& bytes) {
  std::string pickle = "\200\003]cnumpy._core.multiarray\nscalar\ncnumpy\ndtype\nX"s;
  pickle += static_cast<char>(dtype.size());
  pickle += "\0\0\0"s + dtype + "\211\210\207R(K\003X\001\0\0\0"s + order;
  pickle += "NNNJ\377\377\377\377J\377\377\377\377K\0tbC"s;
  pickle += static_cast<char>(bytes.size());
  return pickle + bytes + "\206Ra."s;
}

std::string many_of(char opcode) {
  std::string many;
  many.resize(10'000'000, opcode);
  return many;
}

double read_scalar(const std::string& dtype, char order, const std::string& bytes) {
  const auto numbers = parse_pickle(scalar(dtype, order, bytes));
  REQUIRE_MESSAGE(numbers.ok(), numbers.error().to_text());
  REQUIRE(numbers->size() == 1);
  return numbers->front();
}

}  // namespace

TEST_CASE("a list of whole numbers, floats and numpy's scalars is read in each protocol") {
  const std::string by_protocol[] = {
      "(lp0\nI11\nacnumpy.core.multiarray\nscalar\np1\n(cnumpy\ndtype\np2\n(Vf8\np3\nI00\nI01\ntp4\nRp5\n(I3\nV<\np6\nNNNI-1\nI-1\nI0\ntp7\nbc_codecs\nencode\np8\n(V\232\231\231\231\231\231\271?\np9\nVlatin1\np10\ntp11\nRp12\ntp13\nRp14\nag1\n(g2\n(Vi1\np15\nI00\nI01\ntp16\nRp17\n(I3\nV|\np18\nNNNI-1\nI-1\nI0\ntp19\nbg8\n(V\375\np20\ng10\ntp21\nRp22\ntp23\nRp24\naF0.5\nag1\n(g5\ng8\n(V\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\320?\np25\ng10\ntp26\nRp27\ntp28\nRp29\na."s,
      "]q\000(K\013cnumpy.core.multiarray\nscalar\nq\001(cnumpy\ndtype\nq\002(X\002\000\000\000f8q\003I00\nI01\ntq\004Rq\005(K\003X\001\000\000\000<q\006NNNJ\377\377\377\377J\377\377\377\377K\000tq\007bc_codecs\nencode\nq\010(X\017\000\000\000\302\232\302\231\302\231\302\231\302\231\302\231\302\271?q\011X\006\000\000\000latin1q\ntq\013Rq\014tq\015Rq\016h\001(h\002(X\002\000\000\000i1q\017I00\nI01\ntq\020Rq\021(K\003X\001\000\000\000|q\022NNNJ\377\377\377\377J\377\377\377\377K\000tq\023bh\010(X\002\000\000\000\303\275q\024h\ntq\025Rq\026tq\027Rq\030G?\340\000\000\000\000\000\000h\001(h\005h\010(X\011\000\000\000\000\000\000\000\000\000\303\220?q\031h\ntq\032Rq\033tq\034Rq\035e."s,
      "\200\002]q\000(K\013cnumpy.core.multiarray\nscalar\nq\001cnumpy\ndtype\nq\002X\002\000\000\000f8q\003\211\210\207q\004Rq\005(K\003X\001\000\000\000<q\006NNNJ\377\377\377\377J\377\377\377\377K\000tq\007bc_codecs\nencode\nq\010X\017\000\000\000\302\232\302\231\302\231\302\231\302\231\302\231\302\271?q\011X\006\000\000\000latin1q\n\206q\013Rq\014\206q\015Rq\016h\001h\002X\002\000\000\000i1q\017\211\210\207q\020Rq\021(K\003X\001\000\000\000|q\022NNNJ\377\377\377\377J\377\377\377\377K\000tq\023bh\010X\002\000\000\000\303\275q\024h\n\206q\025Rq\026\206q\027Rq\030G?\340\000\000\000\000\000\000h\001h\005h\010X\011\000\000\000\000\000\000\000\000\000\303\220?q\031h\n\206q\032Rq\033\206q\034Rq\035e."s,
      "\200\003]q\000(K\013cnumpy.core.multiarray\nscalar\nq\001cnumpy\ndtype\nq\002X\002\000\000\000f8q\003\211\210\207q\004Rq\005(K\003X\001\000\000\000<q\006NNNJ\377\377\377\377J\377\377\377\377K\000tq\007bC\010\232\231\231\231\231\231\271?q\010\206q\011Rq\nh\001h\002X\002\000\000\000i1q\013\211\210\207q\014Rq\015(K\003X\001\000\000\000|q\016NNNJ\377\377\377\377J\377\377\377\377K\000tq\017bC\001\375q\020\206q\021Rq\022G?\340\000\000\000\000\000\000h\001h\005C\010\000\000\000\000\000\000\320?q\023\206q\024Rq\025e."s,
      "\200\004\225\273\000\000\000\000\000\000\000]\224(K\013\214\025numpy.core.multiarray\224\214\006scalar\224\223\224\214\005numpy\224\214\005dtype\224\223\224\214\002f8\224\211\210\207\224R\224(K\003\214\001<\224NNNJ\377\377\377\377J\377\377\377\377K\000t\224bC\010\232\231\231\231\231\231\271?\224\206\224R\224h\003h\006\214\002i1\224\211\210\207\224R\224(K\003\214\001|\224NNNJ\377\377\377\377J\377\377\377\377K\000t\224bC\001\375\224\206\224R\224G?\340\000\000\000\000\000\000h\003h\011C\010\000\000\000\000\000\000\320?\224\206\224R\224e."s,
      "\200\005\225\273\000\000\000\000\000\000\000]\224(K\013\214\025numpy.core.multiarray\224\214\006scalar\224\223\224\214\005numpy\224\214\005dtype\224\223\224\214\002f8\224\211\210\207\224R\224(K\003\214\001<\224NNNJ\377\377\377\377J\377\377\377\377K\000t\224bC\010\232\231\231\231\231\231\271?\224\206\224R\224h\003h\006\214\002i1\224\211\210\207\224R\224(K\003\214\001|\224NNNJ\377\377\377\377J\377\377\377\377K\000t\224bC\001\375\224\206\224R\224G?\340\000\000\000\000\000\000h\003h\011C\010\000\000\000\000\000\000\320?\224\206\224R\224e."s,
  };
  for (const std::string& pickle : by_protocol) {
    CHECK(is_pickle(pickle));
    const auto numbers = parse_pickle(pickle);
    REQUIRE_MESSAGE(numbers.ok(), numbers.error().to_text());
    CHECK(*numbers == Numbers{11, 0.1, -3, 0.5, 0.25});
  }
}

TEST_CASE("each end of a pickle before its own is an error that says so") {
  const std::string whole = scalar("f8", '<', "\0\0\0\0\0\0\340?"s);
  REQUIRE(parse_pickle(whole).ok());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(parse_pickle(whole.substr(0, size)).ok());
  }
}

TEST_CASE("every kind of number has its value") {
  const std::pair<std::string, double> cases[] = {
      {"F1e-11\n"s, 1e-11},
      {"I-7\n"s, -7},
      {"L9007199254740993L\n"s, 9007199254740992},
      {"J\376\377\377\377"s, -2},
      {"K\377"s, 255},
      {"M\1\1"s, 257},
      {"\212\0"s, 0},
      {"\212\1\377"s, -1},
      {"\212\2\377\0"s, 255},
      {"\213\2\0\0\0\0\1"s, 256},
      {"G?\340\0\0\0\0\0\0"s, 0.5},
  };
  for (const auto& [opcode, value] : cases) {
    CAPTURE(value);
    const auto numbers = parse_pickle("]" + opcode + "a.");
    REQUIRE_MESSAGE(numbers.ok(), numbers.error().to_text());
    CHECK(*numbers == Numbers{value});
  }
}

TEST_CASE("numpy's numbers are read by their kind and the order of their bytes") {
  CHECK(read_scalar("f2", '<', "\0\70"s) == 0.5);
  CHECK(read_scalar("f2", '>', "\74\1"s) == 1.0009765625);
  CHECK(read_scalar("f2", '<', "\1\0"s) == 5.960464477539063e-08);
  CHECK(read_scalar("f2", '<', "\0\300"s) == -2);
  CHECK(read_scalar("f4", '<', "\0\0\0?"s) == 0.5);
  CHECK(read_scalar("f4", '>', "?\0\0\0"s) == 0.5);
  CHECK(read_scalar("f8", '>', "?\340\0\0\0\0\0\0"s) == 0.5);
  CHECK(read_scalar("i1", '|', "\377"s) == -1);
  CHECK(read_scalar("u1", '|', "\377"s) == 255);
  CHECK(read_scalar("i2", '>', "\377\376"s) == -2);
  CHECK(read_scalar("u2", '<', "\1\2"s) == 513);
  CHECK(read_scalar("i4", '<', "\376\377\377\377"s) == -2);
  CHECK(read_scalar("u4", '<', "\376\377\377\377"s) == 4294967294);
  CHECK(read_scalar("i8", '>', "\377\377\377\377\377\377\377\376"s) == -2);
  CHECK(read_scalar("u8", '<', "\377\377\377\377\377\377\377\377"s) == 18446744073709551616.0);
  const std::pair<const char*, std::string> wrong[] = {
      {"f8", "\0\0\0\0"s},  // half of it
      {"f8", "\0\0\0\0\0\0\360\177"s},
      {"f2", "\0\174"s},
      {"f4", "\0\0\300\177"s},
      {"O8", "\0\0\0\0\0\0\0\0"s},
      {"b1", "\1"s},
      {"V8", "\0\0\0\0\0\0\0\0"s},
      {"f3", "\0\0\0"s},
      {"", ""s},
  };
  for (const auto& [dtype, bytes] : wrong) {
    CAPTURE(dtype);
    CHECK_FALSE(parse_pickle(scalar(dtype, '<', bytes)).ok());
  }
  CHECK_FALSE(parse_pickle(scalar("f8", '!', "\0\0\0\0\0\0\340?"s)).ok());
}

TEST_CASE("what isn't of a list of numbers is refused at its byte, by its name") {
  const std::pair<std::string, const char*> cases[] = {
      {"cos\nsystem\n(Vid\ntR."s, "byte 0: it names os.system"},
      {"\200\4\214\2os\214\6system\223."s, "byte 14: it names os.system"},
      {"(ios\nsystem\n."s, "byte 1: a list of numbers has no opcode INST"},
      {"(K\1o."s, "byte 3: a list of numbers has no opcode OBJ"},
      {"]K\1}b."s, "byte 3: a list of numbers has no opcode EMPTY_DICT"},
      {"]\377."s, "byte 1: the byte 0xff is no opcode of a pickle"},
      {"cnumpy.core.multiarray\ndtype\n."s, "byte 0: it names numpy.core.multiarray.dtype"},
      {"cnumpy\nscalar\n."s, "byte 0: it names numpy.scalar"},
      {"cnumpy\ndtype\n)b."s,
       "byte 14: it sets the state of something that isn't a dtype of numbers"},
      {"](K\3K\1K\1K\1K\1K\1K\1K\1tb."s,
       "byte 19: it sets the state of something that isn't a dtype of numbers"},
      {"cnumpy.core.multiarray\n_reconstruct\n."s, "byte 0: it holds a whole array of numpy's"},
      {"]Vx\na."s, "byte 4: entry 1 of the list is a text, not a number"},
      {"](K\1Ne."s, "byte 5: entry 2 of the list is None, not a number"},
      {"]I01\na."s, "byte 5: entry 1 of the list is True or False, not a number"},
      {"]]a."s, "byte 1: it holds a second list"},
      {"]q\0h\0a."s, "byte 5: entry 1 of the list is a list, not a number"},
      {"K\1."s, "byte 2: it holds a number, not a list of numbers"},
      {"."s, "byte 0: it holds nothing"},
      {"]].."s, "byte 1: it holds a second list"},
      {"].]."s, "byte 1: something stands behind its end"},
      {"]h\0a."s, "byte 1: it takes the value number 0, which isn't kept"},
      {"a."s, "byte 0: it appends nothing"},
      {"K\1K\1a."s, "byte 4: it appends to what is no list"},
      {"e."s, "byte 0: it has no mark where it needs one"},
      {"(]K\1e."s, "byte 4: entry 1 of the list is a list, not a number"},
      {"(K\1K\2\205t."s, "byte 6: it holds a tuple within a tuple"},
      {"\200\6]."s, "byte 0: it is of protocol 6"},
      {"]Fnan\na."s, "byte 1: 'nan' isn't a finite number"},
      {"]F1_0\na."s, "byte 1: '1_0' isn't a finite number"},
      {"]G\177\360\0\0\0\0\0\0a."s, "byte 1: it holds a number that isn't finite"},
      {"]\212\11\0\0\0\0\0\0\0\0\1a."s, "byte 1: it holds a whole number of 9 bytes"},
      {"]L99999999999999999999L\na."s,
       "byte 1: '99999999999999999999' isn't a whole number of 64 bits"},
      {"\225\377\377\377\377\377\377\377\377]."s, "byte 0: it ends within this"},
      {"\215\377\377\377\377\377\377\377\177."s, "byte 0: it ends within this"},
  };
  for (const auto& [pickle, said] : cases) CHECK(refused(pickle) == said);
  CHECK(parse_pickle("cnumpy\nndarray\n."s).error().hint.find("array.tolist()") !=
        std::string::npos);
}

TEST_CASE("indices and sizes that a file names take no memory that it hasn't") {
  CHECK(refused("]r\377\377\377\177."s) == "byte 1: it keeps a value as number 2147483647");
  CHECK(refused("]p9223372036854775807\n."s) ==
        "byte 1: it keeps a value as number 9223372036854775807");
  CHECK(refused("]j\377\377\377\177."s) ==
        "byte 1: it takes the value number 2147483647, which isn't kept");
  CHECK(refused("]" + many_of('\224') + ".") ==
        "byte 5065538: it wants more memory than a list of numbers of its size has");
  CHECK(refused(many_of('(')) == "byte 32768: more than 32768 values wait to be put into a list");
  // A list that Python's pickler has written by thousands is as long as it likes.
  std::string ones = "]";
  for (int i = 0; i < 1000; ++i) ones += "K\1"s;
  std::string many = "]";
  for (int i = 0; i < 1000; ++i) many += "(" + ones.substr(1) + "e";
  const auto numbers = parse_pickle(many + ".");
  REQUIRE(numbers.ok());
  CHECK(numbers->size() == 1'000'000);
}

TEST_CASE("what is written is read") {
  Numbers numbers;
  for (int i = 0; i < 2500; ++i) numbers.push_back(i / 8.0 - 3);
  CHECK(*parse_pickle(to_pickle(numbers)) == numbers);
  CHECK(parse_pickle(to_pickle({}))->empty());
}

TEST_CASE("texts of numbers aren't taken for pickles") {
  for (const char* text : {"", "0.5\n", "seconds\n1\n", "[1, 2]", "count\n1\n", "c,d\nx,1\n", "c",
                           "c\n", "{\"a\": 1}\n", "# x\n", "\"a\"\n"})
    CHECK_FALSE(is_pickle(text));
  for (const auto& pickle : {"\200\4]."s, "(lp0\n."s, "]q\0."s, "(t."s, ")."s,
                             "cnumpy.core.multiarray\n_reconstruct\n"s})
    CHECK(is_pickle(pickle));
}

}  // namespace galileo::wire
