#include "wire/content_coding.h"

#include <brotli/decode.h>
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/text.h"

namespace galileo::wire {
namespace {

constexpr std::size_t kPiece = std::size_t{16} << 10;
constexpr int kZlibWindow = 15;
constexpr int kGzipWindow = kZlibWindow + 16;
constexpr int kBareWindow = -kZlibWindow;
// What is compressed twice is larger between than after, where it is small.
constexpr std::size_t kBetween = std::size_t{64} << 10;
constexpr int kZstdWindowLogMax = 23;  // RFC 9659

// Room for one more piece at the end of `into`; none is left where `most` is reached. One byte more
// than `most` is made, which tells a body that is longer from one that just fits.
std::size_t make_room(std::string& into, std::size_t most) {
  const std::size_t before = into.size();
  const std::size_t left = most >= before ? most - before + 1 : 0;
  const std::size_t room = std::min(kPiece, left);
  into.resize(before + room);
  return room;
}

// One stream of zlib, whatever wraps it.
class Inflating {
 public:
  explicit Inflating(int window) { ENSURE(inflateInit2(&stream_, window) == Z_OK); }
  ~Inflating() { inflateEnd(&stream_); }
  Inflating(const Inflating&) = delete;
  Inflating& operator=(const Inflating&) = delete;

  // Takes of `bytes` what is its own.
  DecodingEnd read(std::string_view& bytes, std::size_t most, std::string& into) {
    while (true) {
      const std::size_t room = make_room(into, most);
      if (room == 0) return DecodingEnd::kFull;
      const auto given = static_cast<uInt>(std::min<std::size_t>(bytes.size(), kGivenMax));
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream_.avail_in = given;
      stream_.next_out = reinterpret_cast<Bytef*>(into.data() + into.size() - room);
      stream_.avail_out = static_cast<uInt>(room);
      const int result = inflate(&stream_, Z_NO_FLUSH);
      bytes.remove_prefix(given - stream_.avail_in);
      into.resize(into.size() - stream_.avail_out);
      if (result == Z_STREAM_END) return DecodingEnd::kWhole;
      if (result != Z_OK && result != Z_BUF_ERROR) return DecodingEnd::kBroken;
      if (bytes.empty() && stream_.avail_out > 0) return DecodingEnd::kCut;
    }
  }

 private:
  static constexpr std::size_t kGivenMax = std::size_t{1} << 30;
  z_stream stream_{};
};

// Several members may follow each other (RFC 1952, 2.2). What comes after them that is none is
// passed over, as by browsers: some servers pad.
DecodingEnd read_gzip(std::string_view bytes, std::size_t most, std::string& into) {
  DecodingEnd end = DecodingEnd::kCut;
  do {
    end = Inflating(kGzipWindow).read(bytes, most, into);
  } while (end == DecodingEnd::kWhole && bytes.starts_with("\x1f\x8b"));
  return end;
}

// A bare stream can begin as zlib's header does only by chance: 1 in 31 of the pairs that fit.
DecodingEnd read_deflate(std::string_view bytes, std::size_t most, std::string& into) {
  std::string_view rest = bytes;
  const std::size_t before = into.size();
  const DecodingEnd end = Inflating(kZlibWindow).read(rest, most, into);
  if (end != DecodingEnd::kBroken) return end;
  std::string bare;
  const DecodingEnd second = Inflating(kBareWindow).read(bytes, most, bare);
  if (second == DecodingEnd::kBroken && bare.size() <= into.size() - before) return end;
  into.replace(before, std::string::npos, bare);
  return second;
}

DecodingEnd read_brotli(std::string_view bytes, std::size_t most, std::string& into) {
  const std::unique_ptr<BrotliDecoderState, decltype(&BrotliDecoderDestroyInstance)> state(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), &BrotliDecoderDestroyInstance);
  ENSURE(state);
  auto next = reinterpret_cast<const std::uint8_t*>(bytes.data());
  std::size_t left = bytes.size();
  while (true) {
    std::size_t room = make_room(into, most);
    if (room == 0) return DecodingEnd::kFull;
    auto out = reinterpret_cast<std::uint8_t*>(into.data() + into.size() - room);
    const auto result =
        BrotliDecoderDecompressStream(state.get(), &left, &next, &room, &out, nullptr);
    into.resize(into.size() - room);
    if (result == BROTLI_DECODER_RESULT_SUCCESS)
      return left == 0 ? DecodingEnd::kWhole : DecodingEnd::kBroken;
    if (result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT) return DecodingEnd::kCut;
    if (result == BROTLI_DECODER_RESULT_ERROR) return DecodingEnd::kBroken;
  }
}

// Several frames may follow each other (RFC 8878, 3).
DecodingEnd read_zstd(std::string_view bytes, std::size_t most, std::string& into) {
  const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(),
                                                                          &ZSTD_freeDStream);
  ENSURE(stream);
  ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  while (true) {
    const std::size_t room = make_room(into, most);
    if (room == 0) return DecodingEnd::kFull;
    ZSTD_outBuffer out{into.data() + into.size() - room, room, 0};
    const std::size_t result = ZSTD_decompressStream(stream.get(), &out, &in);
    into.resize(into.size() - room + out.pos);
    if (ZSTD_isError(result)) return DecodingEnd::kBroken;
    if (in.pos == in.size && result == 0) return DecodingEnd::kWhole;
    if (in.pos == in.size && out.pos < out.size) return DecodingEnd::kCut;
  }
}

using Read = DecodingEnd (*)(std::string_view bytes, std::size_t most, std::string& into);

Read reader_of(std::string_view coding) {
  struct Coding {
    std::string_view name;
    Read read;
  };
  static constexpr std::array<Coding, 5> kCodings{{{"gzip", &read_gzip},
                                                   {"x-gzip", &read_gzip},
                                                   {"deflate", &read_deflate},
                                                   {"br", &read_brotli},
                                                   {"zstd", &read_zstd}}};
  const std::string name = to_lower(coding);
  const auto found = std::find_if(kCodings.begin(), kCodings.end(),
                                  [&](const Coding& known) { return known.name == name; });
  return found == kCodings.end() ? nullptr : found->read;
}

// In the order in which they were applied, without those that change nothing.
std::vector<std::string_view> codings_of(std::string_view content_encoding) {
  std::vector<std::string_view> codings;
  for (const std::string_view part : split(content_encoding, ',')) {
    const std::string_view name = trim(part);
    if (!name.empty() && to_lower(name) != "identity") codings.push_back(name);
  }
  return codings;
}

}  // namespace

bool is_encoded(std::string_view content_encoding) {
  return !content_encoding.empty() && !codings_of(content_encoding).empty();
}

DecodingEnd decode_content(std::string_view content_encoding, std::string_view bytes,
                           std::size_t most, std::string& into) {
  into.clear();
  most = std::min(most, into.max_size() / 4);
  const std::vector<std::string_view> codings = codings_of(content_encoding);
  if (codings.size() > kCodingsMax) return DecodingEnd::kUnknown;
  for (const std::string_view coding : codings) {
    if (!reader_of(coding)) return DecodingEnd::kUnknown;
  }
  DecodingEnd end = DecodingEnd::kWhole;
  std::string inner;
  if (codings.empty()) into = bytes.substr(0, most);
  if (codings.empty() && bytes.size() > most) return DecodingEnd::kFull;
  for (auto coding = codings.rbegin(); coding != codings.rend(); ++coding) {
    const bool is_outermost = coding == codings.rbegin();
    if (!is_outermost) inner = std::exchange(into, {});
    // Nothing at all stands for an empty body: so answers to HEAD and of status 304 say it.
    if (is_outermost && bytes.empty()) return DecodingEnd::kWhole;
    const bool is_innermost = coding + 1 == codings.rend();
    const std::size_t bound = is_innermost ? most : 2 * most + kBetween;
    const DecodingEnd own = reader_of(*coding)(is_outermost ? bytes : inner, bound, into);
    const bool shortened = into.size() > bound;
    if (shortened) into.resize(bound);
    end = own == DecodingEnd::kBroken || end == DecodingEnd::kWhole ? own : end;
    if (shortened && end != DecodingEnd::kBroken) end = DecodingEnd::kFull;
    if (end != DecodingEnd::kBroken) continue;
    if (!is_innermost) into.clear();
    break;
  }
  return end;
}

std::string decoding_text(DecodingEnd end, std::string_view content_encoding, std::size_t most) {
  switch (end) {
    case DecodingEnd::kWhole:
      return "it is whole";
    case DecodingEnd::kFull:
      return fmt::format("it is longer than {} when it is unpacked",
                         format_bytes(static_cast<double>(most)));
    case DecodingEnd::kCut:
      return fmt::format("its {} ends too early", content_encoding);
    case DecodingEnd::kBroken:
      return fmt::format("it isn't {}, though it says so", content_encoding);
    case DecodingEnd::kUnknown:
      break;
  }
  return fmt::format("its coding '{}' isn't known here", content_encoding);
}

Result<std::string> decode_whole(std::string_view content_encoding, std::string_view bytes,
                                 std::size_t max) {
  std::string body;
  const DecodingEnd end = decode_content(content_encoding, bytes, max, body);
  if (end == DecodingEnd::kWhole) return body;
  return Error{ErrorCode::kCorrupt, {}, {}, decoding_text(end, content_encoding, max), {}};
}

}  // namespace galileo::wire
