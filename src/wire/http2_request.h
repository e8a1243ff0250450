// A request as HTTP/2 says it (RFC 9113, 8.3): the bytes of one of HTTP/1.1, taken apart. What
// makes requests makes them once, as bytes (http1::serialize_request()), and needn't know which
// protocol its connection will have agreed on. Passive; used again for the next request, without
// allocating where that is no longer than the last ones.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace galileo::wire {

class Http2Request {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
  };

  Http2Request() = default;
  Http2Request(const Http2Request&) = delete;
  Http2Request& operator=(const Http2Request&) = delete;

  // Takes the bytes of a whole request apart, whose body has a length; `scheme` is "http" or
  // "https". What is read here are views of both, which their owner keeps as long. False: it isn't
  // one, and there is nothing to read.
  bool read(std::string_view request, std::string_view scheme);

  // First :method, :scheme, :authority (the header Host, once) and :path, then the headers in their
  // order, names in lower case. What is said of an HTTP/1.1 connection alone is left out:
  // Connection and the headers that it names, Keep-Alive, Proxy-Connection, Transfer-Encoding,
  // Upgrade, HTTP2-Settings, and TE unless it is "trailers".
  std::span<const Field> fields() const { return fields_; }
  std::string_view body() const { return body_; }

 private:
  bool start_line(std::string_view line);
  bool header(std::string_view line);
  void drop_named_by(std::string_view connection);

  std::string names_;  // in lower case
  std::vector<Field> fields_;
  std::vector<std::string_view> connections_;  // what the headers Connection say
  std::string_view body_;
  bool has_host_ = false;
};

}  // namespace galileo::wire
