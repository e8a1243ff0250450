// A repository of client apps (docs/wire/apps.md): asked whether it has one, for its zip, and told
// of new ones and those to go. Blocking, over a connection of its own, each call within its time.
// For one thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/blocking_http.h"

namespace galileo::apps {

class Repository {
 public:
  // "http[s]://host[:port][/path]", of which /api is left out at its end: below it are /api/apps.
  static Result<Repository> open(const std::string& url);

  // Whether there is an app of that name. An Error where the answer is about another one, or none
  // that can be understood.
  Result<bool> has(const std::string& name);
  // Its archive.
  Result<std::string> download(const std::string& name);
  // The names, in order.
  Result<std::vector<std::string>> names();
  // Takes the place of one of that name.
  Result<void> upload(std::string_view zip);
  // False: there was none.
  Result<bool> remove(const std::string& name);

  const std::string& where() const { return where_; }

 private:
  Repository() = default;
  Result<net::BlockingHttp::Answer> ask(std::string_view method, const std::string& path,
                                        const std::string* body = nullptr);
  Error unexpected(std::string_view what, const net::BlockingHttp::Answer& answer) const;

  std::string where_;
  std::string host_;
  std::string prefix_;  // of paths: "" or "/lab"
  std::string authorization_;
  std::unique_ptr<net::BlockingHttp> http_;
};

}  // namespace galileo::apps
