#include "service/file_answers.h"

#include <filesystem>
#include <utility>

namespace galileo::service {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10;

}  // namespace

bool FileAnswers::begin(net::ServerConnection& connection, const RestAnswer& answer) {
  auto file = open_file(answer.file, FileMode::kRead);
  std::error_code ignored;
  std::filesystem::remove_all(std::filesystem::path(answer.file).parent_path(), ignored);
  if (!file.ok()) return false;
  const std::uint64_t id = connection.id();
  sent_.insert_or_assign(id, Sent{std::move(*file), 0});
  connection.begin(answer.status, answer.headers);
  advance(id);
  return true;
}

void FileAnswers::advance(std::uint64_t connection) {
  std::string piece(kPiece, '\0');
  while (true) {
    // What is sent may end the connection, and this with it.
    const auto found = sent_.find(connection);
    net::ServerConnection* const its = server_.find(connection);
    if (found == sent_.end() || !its || its->unsent() >= kPiece) return;
    const auto read = found->second.file->read_at(found->second.at, piece.data(), piece.size());
    if (!read.ok() || *read == 0) {
      sent_.erase(found);
      // A client of half a file has to see that it is half.
      if (read.ok())
        its->end();
      else
        its->close();
      return;
    }
    found->second.at += *read;
    its->send(std::string_view(piece).substr(0, *read));
  }
}

}  // namespace galileo::service
