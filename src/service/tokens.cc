#include "service/tokens.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/check.h"
#include "base/file.h"
#include "net/hashes.h"
#include "wire/json.h"

namespace galileo::service {
namespace {

using wire::Json;

constexpr std::size_t kTokenFileMax = std::size_t{1} << 20;
constexpr std::size_t kTokenNameMax = 100;

Error wrong_token(const std::string& name, std::string why) {
  return {ErrorCode::kCorrupt, "can't read the file of tokens", name, std::move(why),
          "make tokens by galileo api token add"};
}

std::string text_of(const Json& object, std::string_view key) {
  const Json* const value = wire::find(object, key);
  return value && value->kind == Json::Kind::kText ? value->text : std::string();
}

// Nothing: it is there, and no time.
std::optional<Wall> time_of(const Json& object, std::string_view key) {
  const Json* const value = wire::find(object, key);
  if (!value || value->kind == Json::Kind::kNull) return kNoWall;
  if (value->kind != Json::Kind::kInteger && value->kind != Json::Kind::kReal) return std::nullopt;
  const Wall at = from_unix_seconds(std::strtod(value->text.c_str(), nullptr));
  return at == kNoWall ? std::nullopt : std::optional(at);
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kTokenNameMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.' || c == '@';
         });
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<ApiToken> token_of(const Json& json) {
  ApiToken token;
  token.name = text_of(json, "name");
  if (!is_name(token.name)) return wrong_token(token.name, "'name' isn't one");
  const auto scope = parse_scope(text_of(json, "scope"));
  if (!scope.ok()) return wrong_token(token.name, "'scope' is read, run or admin");
  token.scope = *scope;
  token.sha256 = text_of(json, "sha256");
  if (!is_sha256(token.sha256))
    return wrong_token(token.name, "'sha256' is no SHA-256 in small hexadecimal letters");
  const auto created = time_of(json, "created"), expires = time_of(json, "expires");
  if (!created || !expires)
    return wrong_token(token.name, "'created' and 'expires' are seconds since 1970, or null");
  token.created = *created;
  token.expires = *expires;
  return token;
}

std::string time_text(Wall at) {
  return at == kNoWall ? "null" : wire::json_real(to_unix_seconds(at));
}

// While it lives nobody else changes the file beside which it lies.
Result<std::unique_ptr<File>> lock_beside(const std::string& path) {
  const std::string name = path + ".lock";
  const int fd = open(name.c_str(), O_CREAT | O_CLOEXEC | O_RDWR | O_NOFOLLOW, 0600);
  if (fd < 0) return system_error("can't lock the file of tokens", name, errno);
  close(fd);
  auto file = TRY(open_file(name, FileMode::kWrite));
  if (!file->lock(true)) return system_error("can't lock the file of tokens", name, errno);
  return file;
}

Result<void> write_tokens(const std::string& path, const std::vector<ApiToken>& tokens) {
  // A file that is made is for its owner alone; one that is there keeps its mode.
  const int fd = open(path.c_str(), O_CREAT | O_CLOEXEC | O_WRONLY, 0600);
  if (fd < 0) return system_error("can't write the file of tokens", path, errno);
  close(fd);
  return write_whole_file(path, tokens_text(tokens));
}

}  // namespace

Result<Scope> parse_scope(std::string_view text) {
  for (const Scope scope : {Scope::kRead, Scope::kRun, Scope::kAdmin}) {
    if (scope_name(scope) == text) return scope;
  }
  return Error{
      ErrorCode::kUsage, fmt::format("'{}' is no scope", text), {}, {}, "read, run or admin"};
}

Result<std::vector<ApiToken>> parse_tokens(std::string_view text) {
  const auto json = wire::parse_json(text);
  if (!json.ok()) return wrong_token({}, json.error().to_text());
  const Json* const list = wire::find(*json, "tokens");
  if (!list || list->kind != Json::Kind::kArray) return wrong_token({}, "it has no list 'tokens'");
  std::vector<ApiToken> tokens;
  for (const Json& one : list->items) tokens.push_back(TRY(token_of(one)));
  return tokens;
}

std::string tokens_text(const std::vector<ApiToken>& tokens) {
  std::string text = "{\"tokens\": [";
  for (const ApiToken& token : tokens)
    text += fmt::format(
        R"({}  {{"name": {}, "scope": "{}", "sha256": "{}", "created": {}, "expires": {}}})",
        &token == &tokens.front() ? "\n" : ",\n", wire::json_text(token.name),
        scope_name(token.scope), token.sha256, time_text(token.created), time_text(token.expires));
  return text + "\n]}\n";
}

Result<std::vector<ApiToken>> read_tokens(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) return std::vector<ApiToken>();
  const auto text = read_whole_file(path, kTokenFileMax);
  if (!text.ok()) return text.error();
  if (text->empty()) return std::vector<ApiToken>();
  auto tokens = parse_tokens(*text);
  if (!tokens.ok()) tokens.error().where = path + " " + tokens.error().where;
  return tokens;
}

Result<std::string> add_token(const std::string& path, ApiToken token) {
  if (!is_name(token.name))
    return Error{ErrorCode::kUsage,
                 fmt::format("'{}' can't be a token's name", token.name),
                 {},
                 {},
                 "letters, digits and - _ . @, 100 of them at most"};
  const auto lock = TRY(lock_beside(path));
  auto tokens = TRY(read_tokens(path));
  for (const ApiToken& one : tokens) {
    if (one.name == token.name)
      return Error{ErrorCode::kUsage, fmt::format("there is a token '{}'", token.name), path,
                   "its secret is told once only", "remove it first, or take another name"};
  }
  std::string secret = "gal_" + random_secret();
  token.sha256 = sha256_of(secret);
  tokens.push_back(std::move(token));
  TRY(write_tokens(path, tokens));
  return secret;
}

Result<bool> remove_token(const std::string& path, const std::string& name) {
  const auto lock = TRY(lock_beside(path));
  auto tokens = TRY(read_tokens(path));
  if (std::erase_if(tokens, [&](const ApiToken& one) { return one.name == name; }) == 0)
    return false;
  TRY(write_tokens(path, tokens));
  return true;
}

std::string random_secret() {
  std::array<unsigned char, 32> bytes{};
  ENSURE(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::string sha256_of(std::string_view text) {
  return net::hash_hex(wire::DigestHash::kSha256, text);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return difference == 0;
}

const ApiToken* find_token(const std::vector<ApiToken>& tokens, std::string_view secret, Wall now) {
  const std::string hash = sha256_of(secret);
  const ApiToken* found = nullptr;
  // All of them are looked at, whichever it is.
  for (const ApiToken& one : tokens) {
    if (equal_in_constant_time(one.sha256, hash)) found = &one;
  }
  return found && (found->expires == kNoWall || now < found->expires) ? found : nullptr;
}

}  // namespace galileo::service
