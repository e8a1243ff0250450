#include "base/secrets.h"

#include <algorithm>

#include "base/text.h"

namespace galileo {
namespace {

constexpr std::string_view kHidden = "***";

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '-';
}

// curl's flags of USER:PASSWORD. In a longer text they may be another program's, and mean nothing.
bool is_user(std::string_view flag) {
  return flag == "-u" || flag == "--user";
}

// A value that only says where the secret is, without a default of its own.
bool names_a_variable(std::string_view value) {
  return value.find("${") != std::string_view::npos && value.find(":-") == std::string_view::npos;
}

// Hides values in a text, from its beginning to its end.
class Hiding {
 public:
  explicit Hiding(std::string_view text) : text_(text) {}

  std::string run() {
    while (at_ < text_.size()) {
      if (!is_word(text_[at_]))
        take(at_ + 1);
      else if (is_secret_name(word()))
        hide_value();
      else
        take(at_ + word().size());
    }
    return made_;
  }

 private:
  std::string_view word() const {
    std::size_t end = at_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }
  void take(std::size_t end) {
    made_ += text_.substr(at_, end - at_);
    at_ = end;
  }
  bool is_at(std::string_view any) const {
    return at_ < text_.size() && any.find(text_[at_]) != std::string_view::npos;
  }
  void take_blanks() {
    while (is_at(" \t")) take(at_ + 1);
  }

  // What follows the name: `: value`, `=value`, or as the next word of a command.
  void hide_value() {
    const bool is_flag = text_[at_] == '-';
    take(at_ + word().size());
    if (is_at("\"'")) take(at_ + 1);
    take_blanks();
    const bool is_key = is_at(":");
    if (!is_at(":=") && !(is_flag && at_ > 0 && (is_at(",") || text_[at_ - 1] == ' '))) return;
    if (is_at(":=,")) take(at_ + 1);
    take_blanks();
    if (is_at("|>\r\n") || at_ == text_.size()) return hide_block();
    if (is_at("[{")) return hide_brackets();
    const bool quoted = is_at("\"'");
    const char quote = quoted ? text_[at_] : '\0';
    if (quoted) take(at_ + 1);
    std::size_t end = at_;
    const auto ends = [&](char c) {
      return quoted ? c == quote
                    : c == ',' || c == '}' || c == ']' || c == '"' || c == '\'' || c == '\n' ||
                          (!is_key && c == ' ');
    };
    while (end < text_.size() && !ends(text_[end])) end += quoted && text_[end] == '\\' ? 2 : 1;
    end = std::min(end, text_.size());
    if (names_a_variable(text_.substr(at_, end - at_))) return take(end);
    if (end > at_) made_ += kHidden;
    at_ = end;
  }

  // A list or map between brackets: `auth: [user, password]`. One without an end hides the rest.
  void hide_brackets() {
    std::size_t end = at_;
    int depth = 0;
    char quote = '\0';
    do {
      const char c = text_[end++];
      if (quote != '\0') {
        if (c == quote) quote = '\0';
        continue;
      }
      if (c == '"' || c == '\'') quote = c;
      if (c == '[' || c == '{') ++depth;
      if (c == ']' || c == '}') --depth;
    } while (depth > 0 && end < text_.size());
    if (names_a_variable(text_.substr(at_, end - at_))) return take(end);
    made_ += kHidden;
    at_ = end;
  }

  // A key's value on the lines below: all that stand further right than the key.
  void hide_block() {
    const std::size_t begin = made_.rfind('\n') == std::string::npos ? 0 : made_.rfind('\n') + 1;
    const std::size_t indent = made_.find_first_not_of(' ', begin) - begin;
    while (at_ < text_.size() && text_[at_] != '\n') take(at_ + 1);
    while (at_ < text_.size()) {
      const std::size_t end = std::min(text_.find('\n', at_ + 1), text_.size());
      const std::string_view line = text_.substr(at_ + 1, end - at_ - 1);
      const std::size_t first = line.find_first_not_of(' ');
      if (first == std::string_view::npos || first <= indent) return;
      made_ += '\n';
      made_ += line.substr(0, first);
      made_ += names_a_variable(line) ? line.substr(first) : kHidden;
      at_ = end;
    }
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::string made_;
};

}  // namespace

bool is_secret_name(std::string_view name) {
  std::string letters;
  for (const char c : to_lower(name)) {
    if (c != '-' && c != '_') letters += c;
  }
  for (const char* word :
       {"password", "passwd", "passphrase", "token", "secret", "credential", "authorization",
        "cookie", "apikey", "accesskey", "privatekey", "bearer"}) {
    if (letters.find(word) != std::string::npos) return true;
  }
  // Who asks, in a request.
  return letters == "auth" || letters == "digest";
}

std::string without_user_info(std::string_view text) {
  std::string made;
  while (true) {
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos) return made.append(text);
    made += text.substr(0, scheme + 3);
    text.remove_prefix(scheme + 3);
    // A password may hold any sign but those that end the authority or the text around it.
    const std::size_t end = std::min(text.find_first_of("/?# \t\r\n\"'"), text.size());
    const std::size_t at = text.substr(0, end).rfind('@');
    if (at == std::string_view::npos) continue;
    made += kHidden;
    text.remove_prefix(at);
  }
}

std::string without_secrets_of_url(std::string_view url) {
  std::string made = without_user_info(url);
  std::size_t at = made.find('?');
  while (at != std::string::npos && at + 1 < made.size()) {
    const std::size_t name = at + 1;
    const std::size_t end = std::min(made.find('&', name), made.size());
    const std::size_t equals = made.find('=', name);
    if (equals < end && is_secret_name(std::string_view(made).substr(name, equals - name)))
      made.replace(equals + 1, end - equals - 1, kHidden);
    at = made.find('&', name);
  }
  return made;
}

std::vector<std::string> without_secrets_of_words(const std::vector<std::string>& words) {
  std::vector<std::string> made;
  bool value_follows = false;
  for (const std::string& word : words) {
    const std::size_t parts = word.find_first_of(":=");
    const bool is_url = word.find("://") != std::string::npos;
    if (value_follows && !word.starts_with('-')) {
      made.emplace_back(kHidden);
    } else if (word.starts_with("-u") && parts != std::string::npos && parts > 2) {
      made.push_back("-u" + std::string(kHidden));
    } else if (is_url) {
      made.push_back(without_secrets_of_url(word));
    } else if (parts == std::string::npos) {
      made.push_back(word);
    } else {
      // `--set a.b.token=x`, `--header=Cookie: x`: the name may be behind the first sign.
      std::size_t end = parts;
      while (end != std::string::npos && !is_secret_name(word.substr(0, end)) &&
             !is_user(word.substr(0, end)))
        end = word.find_first_of(":=", end + 1);
      made.push_back(end == std::string::npos
                         ? word
                         : word.substr(0, end + 1) + (word[end] == ':' ? " " : "") +
                               std::string(kHidden));
    }
    value_follows = parts == std::string::npos &&
                    ((word.starts_with("--") && is_secret_name(word)) || is_user(word));
  }
  return made;
}

std::string without_secrets_of_text(std::string_view text) {
  return without_user_info(Hiding(text).run());
}

}  // namespace galileo
