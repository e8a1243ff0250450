#include "wire/gunzip.h"

#include <zlib.h>

#include <algorithm>
#include <vector>

#include "base/check.h"

namespace galileo::wire {
namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10;
constexpr std::size_t kGivenMost = std::size_t{1} << 30;
constexpr int kGzipOnly = 16;

Error damaged(const char* why) {
  return Error{ErrorCode::kCorrupt, {}, {}, why, "look at it with gzip -t"};
}

}  // namespace

struct Gunzip::State {
  z_stream stream{};
  std::vector<Bytef> piece;
  bool seen = false;    // the beginning of a member
  bool inside = false;  // of one
  bool over = false;    // behind the last one: what isn't another is padding
};

Gunzip::Gunzip() : state_(std::make_unique<State>()) {
  const int begun = inflateInit2(&state_->stream, MAX_WBITS + kGzipOnly);
  ENSURE(begun == Z_OK, begun);
  state_->piece.resize(kPiece);
}

Gunzip::~Gunzip() {
  inflateEnd(&state_->stream);
}

Result<void> Gunzip::feed(std::string_view bytes, const Take& take) {
  State& state = *state_;
  z_stream& stream = state.stream;
  bool is_full = false;  // zlib may hold more than the piece took
  while (!bytes.empty() || is_full) {
    // Behind the last member may be zeros.
    state.over |= !state.inside && state.seen && bytes.front() == '\0';
    if (state.over) return {};
    const std::size_t given = std::min<std::size_t>(bytes.size(), kGivenMost);
    // zlib reads and doesn't write there.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(given);
    stream.next_out = state.piece.data();
    stream.avail_out = static_cast<uInt>(kPiece);
    const int how = inflate(&stream, Z_NO_FLUSH);
    const std::size_t made = kPiece - stream.avail_out;
    is_full = how == Z_OK && made == kPiece;
    bytes.remove_prefix(given - stream.avail_in);
    if (made > 0) TRY(take({reinterpret_cast<const char*>(state.piece.data()), made}));
    if (how != Z_OK && how != Z_STREAM_END && how != Z_BUF_ERROR)
      return damaged("its gzip is damaged");
    state.inside = how != Z_STREAM_END;
    state.seen = true;
    if (!state.inside) inflateReset(&stream);
    if (how == Z_BUF_ERROR) return {};  // it needs more than there is
  }
  return {};
}

Result<void> Gunzip::finish() const {
  if (state_->inside) return damaged("its gzip is cut off");
  return {};
}

}  // namespace galileo::wire
