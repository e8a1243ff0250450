#include "service/rest_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace galileo::service {

using wire::Json;

RestBody::RestBody(std::string_view text) {
  auto json = wire::parse_json(text);
  if (json.ok())
    json_ = std::move(*json);
  else
    broken_ = json.error().to_text();
  if (json.ok() && json_.kind != Json::Kind::kObject)
    faults_.push_back(
        {"body", fmt::format("it is {}, not an object", wire::kind_name(json_.kind))});
}

const Json* RestBody::take(std::string_view key) {
  taken_.emplace_back(key);
  const Json* const value = wire::find(json_, key);
  return value && value->kind != Json::Kind::kNull ? value : nullptr;
}

void RestBody::wrong(std::string_view key, std::string_view what) {
  faults_.push_back(
      {where_.empty() ? std::string(key) : fmt::format("{}.{}", where_, key), std::string(what)});
}

std::string RestBody::text(std::string_view key, bool is_required, std::size_t most) {
  const Json* const value = take(key);
  if (!value) {
    if (is_required) wrong(key, "it is missing");
    return {};
  }
  if (value->kind != Json::Kind::kText) {
    wrong(key, "it isn't a text");
    return {};
  }
  if (is_required && value->text.empty()) wrong(key, "it is empty");
  if (value->text.size() > most) wrong(key, fmt::format("it is longer than {} bytes", most));
  return value->text;
}

std::optional<double> RestBody::number(std::string_view key) {
  const Json* const value = take(key);
  if (!value) return std::nullopt;
  const bool is_number = value->kind == Json::Kind::kInteger || value->kind == Json::Kind::kReal;
  const auto number = is_number ? parse_number(value->text) : std::nullopt;
  if (!number || !std::isfinite(*number)) {
    wrong(key, "it isn't a number");
    return std::nullopt;
  }
  return number;
}

std::optional<bool> RestBody::boolean(std::string_view key) {
  const Json* const value = take(key);
  if (!value) return std::nullopt;
  if (value->kind == Json::Kind::kBoolean) return value->boolean;
  wrong(key, "it isn't true or false");
  return std::nullopt;
}

std::vector<std::string> RestBody::texts(std::string_view key, std::size_t most) {
  std::vector<std::string> texts;
  const Json* const value = take(key);
  if (!value) return texts;
  const bool are_texts = value->kind == Json::Kind::kArray &&
                         std::all_of(value->items.begin(), value->items.end(),
                                     [](const Json& one) { return one.kind == Json::Kind::kText; });
  if (!are_texts) {
    wrong(key, "it isn't a list of texts");
    return texts;
  }
  if (value->items.size() > most) wrong(key, fmt::format("there are more than {}", most));
  for (const Json& one : value->items) texts.push_back(one.text);
  return texts;
}

std::vector<RestBody> RestBody::objects(std::string_view key, std::size_t most) {
  std::vector<RestBody> objects;
  const Json* const value = take(key);
  const bool are_objects =
      value && value->kind == Json::Kind::kArray && value->items.size() <= most &&
      std::all_of(value->items.begin(), value->items.end(),
                  [](const Json& one) { return one.kind == Json::Kind::kObject; });
  if (!are_objects) {
    wrong(key, fmt::format("it isn't a list of up to {} objects", most));
    return objects;
  }
  for (const Json& one : value->items)
    objects.emplace_back(one, fmt::format("{}[{}]", key, objects.size()));
  return objects;
}

void RestBody::find_strangers() {
  for (const std::string& key : json_.keys) {
    if (std::find(taken_.begin(), taken_.end(), key) == taken_.end())
      wrong(key, "it is nothing that it may have");
  }
}

void RestBody::add(RestBody& inner) {
  inner.find_strangers();
  faults_.insert(faults_.end(), inner.faults_.begin(), inner.faults_.end());
}

std::optional<RestAnswer> RestBody::refusal() {
  if (!broken_.empty()) return problem_answer(ProblemDetail{400, "the body isn't JSON", broken_});
  find_strangers();
  if (faults_.empty()) return std::nullopt;
  ProblemDetail problem{422, "the body is wrong"};
  problem.detail = fmt::format("{}: {}", faults_.front().where, faults_.front().what);
  problem.faults = faults_;
  return problem_answer(problem);
}

}  // namespace galileo::service
