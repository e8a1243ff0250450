#include "kubernetes/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace galileo::kubernetes {
namespace {

bool is_lower(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_alphanumeric(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z');
}

std::string too_long(std::string_view text, std::size_t max) {
  return fmt::format("has {} characters, and may have {}", text.size(), max);
}

// Of one part of a DNS name.
std::string unfit_part(std::string_view part) {
  if (part.empty()) return "has an empty part";
  for (const char c : part) {
    if (is_alphanumeric(c) && !is_lower(c)) return "has a capital letter";
    if (!is_lower(c) && c != '-') return "holds more than small letters, digits and '-'";
  }
  if (part.front() == '-' || part.back() == '-') return "begins or ends with '-'";
  return {};
}

// A label's name, and its value where there is one.
std::string unfit_word(std::string_view text) {
  if (text.size() > kLabelMax) return too_long(text, kLabelMax);
  for (const char c : text) {
    if (!is_alphanumeric(c) && c != '-' && c != '_' && c != '.')
      return "holds more than letters, digits, '-', '_' and '.'";
  }
  if (!is_alphanumeric(text.front()) || !is_alphanumeric(text.back()))
    return "begins or ends with neither a letter nor a digit";
  return {};
}

// Splits at commas that stand in no parentheses.
std::vector<std::string_view> requirements_of(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') inside = true;
    if (text[i] == ')') inside = false;
    if (text[i] != ',' || inside) continue;
    parts.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

std::string of_key(std::string_view key) {
  const std::string why = unfit_label_key(key);
  return why.empty() ? why : fmt::format("has the key '{}', which {}", key, why);
}

std::string of_value(std::string_view value) {
  const std::string why = unfit_label_value(value);
  return why.empty() ? why : fmt::format("has the value '{}', which {}", value, why);
}

// "in (a, b)" and "notin (a)".
std::string of_set(std::string_view key, std::string_view set) {
  std::string_view word = trim(set.substr(0, set.find('(')));
  if (word != "in" && word != "notin")
    return fmt::format("has '{}' where 'in' or 'notin' must stand", word);
  set = trim(set.substr(set.find('(')));
  if (!set.ends_with(')')) return "has a '(' without its ')'";
  if (std::string why = of_key(key); !why.empty()) return why;
  for (const std::string_view value : split(set.substr(1, set.size() - 2), ',')) {
    if (std::string why = of_value(trim(value)); !why.empty()) return why;
  }
  return {};
}

std::string unfit_requirement(std::string_view text) {
  text = trim(text);
  if (text.empty()) return "has an empty part";
  if (text.find('(') != std::string_view::npos) {
    const std::size_t blank = text.find_first_of(" \t(");
    return of_set(text.substr(0, blank), text.substr(blank));
  }
  if (text.starts_with('!') && text.find('=') == std::string_view::npos)
    return of_key(trim(text.substr(1)));
  const std::size_t at = text.find_first_of("=!<>");
  if (at == std::string_view::npos) return of_key(text);
  if (std::string why = of_key(trim(text.substr(0, at))); !why.empty()) return why;
  std::string_view value = text.substr(at + 1);
  if (text[at] == '!' && !value.starts_with('=')) return "has a '!' that means nothing";
  if (value.starts_with('=') && text[at] != '<' && text[at] != '>') value.remove_prefix(1);
  value = trim(value);
  if ((text[at] == '<' || text[at] == '>') && !parse_integer(value))
    return fmt::format("compares with '{}', which is no whole number", value);
  return of_value(value);
}

}  // namespace

std::string unfit_dns_label(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text.find('.') != std::string_view::npos)
    return "holds more than small letters, digits and '-'";
  if (std::string why = unfit_part(text); !why.empty()) return why;
  return text.size() > kLabelMax ? too_long(text, kLabelMax) : std::string();
}

std::string unfit_object_name(std::string_view text) {
  if (text.empty()) return "is empty";
  for (const std::string_view part : split(text, '.')) {
    if (std::string why = unfit_part(part); !why.empty()) return why;
  }
  return text.size() > kNameMax ? too_long(text, kNameMax) : std::string();
}

std::string unfit_label_key(std::string_view text) {
  if (text.empty()) return "is empty";
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return unfit_word(text);
  const std::string_view name = text.substr(slash + 1);
  if (std::string why = unfit_object_name(text.substr(0, slash)); !why.empty())
    return fmt::format("has a prefix that {}", why);
  if (name.empty()) return "has nothing behind its '/'";
  if (std::string why = unfit_word(name); !why.empty())
    return fmt::format("has a name that {}", why);
  return {};
}

std::string unfit_label_value(std::string_view text) {
  return text.empty() ? std::string() : unfit_word(text);
}

std::string unfit_label_selector(std::string_view text) {
  if (trim(text).empty()) return {};
  for (const std::string_view part : requirements_of(text)) {
    if (std::string why = unfit_requirement(part); !why.empty()) return why;
  }
  return {};
}

}  // namespace galileo::kubernetes
