#include "apps/packing.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace galileo::apps {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10;
constexpr int kWindow = 15;

Error refused(std::string why) {
  return Error{ErrorCode::kCorrupt, "can't unpack", {}, std::move(why), {}};
}

// One z_stream, which is ended whatever happens.
struct Unpacker {
  z_stream stream{};
  explicit Unpacker(Wrapping wrapping) {
    const int window = wrapping == Wrapping::kGzip ? kWindow + 16 : -kWindow;
    ENSURE(inflateInit2(&stream, window) == Z_OK);
  }
  ~Unpacker() { inflateEnd(&stream); }
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;
};

Bytef* bytes_of(std::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

}  // namespace

Result<std::string> unpacked(std::string_view packed, Wrapping wrapping, std::uint64_t bytes_max) {
  Unpacker unpacker(wrapping);
  z_stream& stream = unpacker.stream;
  std::string out;
  std::string piece(kPiece, '\0');
  stream.next_in = bytes_of(packed);
  stream.avail_in = static_cast<uInt>(packed.size());
  for (int said = Z_OK; said != Z_STREAM_END;) {
    stream.next_out = bytes_of(piece);
    stream.avail_out = static_cast<uInt>(piece.size());
    said = inflate(&stream, Z_NO_FLUSH);
    if (said != Z_OK && said != Z_STREAM_END)
      return refused(said == Z_BUF_ERROR ? "its packed bytes break off"
                                         : "its packed bytes aren't what deflate makes");
    const std::size_t made = piece.size() - stream.avail_out;
    if (out.size() + made > bytes_max)
      return refused(
          fmt::format("it unpacks to more than {}", format_bytes(static_cast<double>(bytes_max))));
    out.append(piece, 0, made);
  }
  if (stream.avail_in > 0) return refused("there are bytes behind its packed ones");
  return out;
}

std::string packed(std::string_view bytes) {
  z_stream stream{};
  ENSURE(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -kWindow, 8,
                      Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = bytes_of(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = bytes_of(out);
  stream.avail_out = static_cast<uInt>(out.size());
  ENSURE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::uint32_t zip_sum(std::string_view bytes) {
  return static_cast<std::uint32_t>(crc32(0, bytes_of(bytes), static_cast<uInt>(bytes.size())));
}

}  // namespace galileo::apps
