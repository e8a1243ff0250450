// Answers that are files: sent piece by piece, as the client takes them, so that a file of any size
// costs a piece of memory. Lives on the server's loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/file.h"
#include "net/http_server.h"
#include "service/rest_message.h"

namespace galileo::service {

class FileAnswers {
 public:
  explicit FileAnswers(net::HttpServer& server) : server_(server) {}

  // Begins the answer; the file's folder is removed at once, and the file with its last byte.
  // False: it can't be opened, and nothing was answered.
  bool begin(net::ServerConnection& connection, const RestAnswer& answer);
  void on_drained(std::uint64_t connection) { advance(connection); }
  void on_gone(std::uint64_t connection) { sent_.erase(connection); }

 private:
  struct Sent {
    std::unique_ptr<File> file;
    std::uint64_t at = 0;
  };
  void advance(std::uint64_t connection);

  net::HttpServer& server_;
  std::unordered_map<std::uint64_t, Sent> sent_;
};

}  // namespace galileo::service
