#include "load/request_template.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>

namespace galileo::load {
namespace {

struct Case {
  explicit Case(std::string_view csv = {}) {
    place.wall_clock = {Time{}, Wall{std::chrono::seconds{1'800'000'000}}};
    place.index = 3;
    if (!csv.empty()) rows = DataRows::parse(std::string(csv), "rows.csv").value();
  }
  // With the templates in it, as a plan takes them out.
  Case& path(std::string_view text) { return set(request.path, text, Fit::kUrl); }
  Case& body(std::string_view text, Fit fit = Fit::kPlain) {
    request.has_body = true;
    return set(request.body, text, fit);
  }
  Case& header(std::string name, std::string_view text) {
    request.headers.emplace_back(std::move(name), "");
    return set(request.headers.back().second, text, Fit::kHeader);
  }
  Case& set(std::string& to, std::string_view text, Fit fit) {
    const auto taken = marks.take(text, fit);
    REQUIRE_MESSAGE(taken.ok(), taken.error().to_text());
    to = *taken;
    return *this;
  }
  Result<RequestTemplate> compile() {
    return RequestTemplate::compile(request, marks.marks(), rows ? &*rows : nullptr, values);
  }
  // The request of that number.
  MadeRequest make(std::uint64_t number = 0, std::size_t row = 0) {
    const auto compiled = compile();
    REQUIRE_MESSAGE(compiled.ok(), compiled.error().to_text());
    kept.push_back(std::make_unique<RequestTemplate>(*compiled));
    Turn turn;
    turn.of_all = number;
    turn.due = Time{} + std::chrono::milliseconds{1500};
    RequestTemplate::Moment moment{place, turn,         rows ? &*rows : nullptr,
                                   row,   &value_texts, Random(7, number)};
    MadeRequest made;
    how = kept.back()->make(moment, made);
    return made;
  }

  TemplateMarks marks{TemplateMarks::Outside{}};
  Request request;
  ClientPlace place;
  std::optional<DataRows> rows;
  std::vector<std::string> values;
  std::vector<std::string> value_texts;
  std::vector<std::unique_ptr<RequestTemplate>> kept;
  Made how = Made::kOver;
};

TEST_CASE("a request is made of what is in its templates") {
  Case of("user,city\nann,\"New York, \"\"NY\"\"\"\nbob,Graz\n");
  of.request.method = "POST";
  of.path("/{{seq}}/{{client}}?city={{row.city}}").header("X-User", "{{row.user}}");
  of.body(R"({"n": "{{raw seq 10}}", "city": "{{row.city}}", "at": "{{now ms}}"})", Fit::kJson);
  const MadeRequest made = of.make(4);
  CHECK(of.how == Made::kMade);
  CHECK(made.method == "POST");
  CHECK(made.path == "/5/3?city=New%20York%2C%20%22NY%22");
  CHECK(made.headers == wire::http1::Headers{{"X-User", "ann"}});
  REQUIRE(made.sent_body());
  CHECK(*made.sent_body() == R"({"n": 14, "city": "New York, \"NY\"", "at": "1800000001500"})");
  CHECK(*of.make(4, 1).sent_body() == R"({"n": 14, "city": "Graz", "at": "1800000001500"})");
}

TEST_CASE("a value is made fit for where it stands, or stands as it is where that is asked for") {
  const std::string odd = "a b/?&=%\"\\\xc3\xa9\n";
  Case of("v\n\"a b/?&=%\"\"\\\xc3\xa9\n\"\n");
  CHECK(of.path("/x/{{row.v}}/y").make().path == "/x/a%20b/%3F&=%%22%5C%C3%A9%0A/y");
  CHECK(of.path("/x?v={{row.v}}").make().path == "/x?v=a%20b%2F%3F%26%3D%25%22%5C%C3%A9%0A");
  CHECK(of.path("/x?{{raw row.v}}").make().path == "/x?a%20b/?&=%%22%5C%C3%A9%0A");
  CHECK(*of.path("/").body("{{row.v}}").make().sent_body() == odd);
  CHECK(*of.body("[\"{{row.v}}\"]", Fit::kJson).make().sent_body() ==
        "[\"a b/?&=%\\\"\\\\\xc3\xa9\\n\"]");
  CHECK(*of.body("v={{row.v}}", Fit::kQuery).make().sent_body() ==
        "v=a%20b%2F%3F%26%3D%25%22%5C%C3%A9%0A");
}

TEST_CASE("a header that would have a line end isn't sent") {
  Case of("v\n\"a\r\nX-Evil: 1\"\n");
  of.header("X-V", "{{row.v}}");
  const MadeRequest made = of.make();
  CHECK(of.how == Made::kFailed);
  CHECK(made.why == "what the header X-V would be has a line end in it");
}

TEST_CASE("what is drawn is the number's own: again the same, and another for another number") {
  Case of;
  of.path("/{{uuid}}/{{rand_int -3 3}}/{{choice a b 'c d'}}");
  std::set<std::string> uuids;
  std::set<std::string> rest;
  for (std::uint64_t number = 0; number < 200; ++number) {
    const std::string path = of.make(number).path;
    CHECK(of.make(number).path == path);
    CHECK(path.size() > 38);
    const std::string uuid = path.substr(1, 36);
    CHECK(uuid[14] == '4');
    CHECK(std::string("89ab").find(uuid[19]) != std::string::npos);
    uuids.insert(uuid);
    rest.insert(path.substr(37));
  }
  CHECK(uuids.size() == 200);
  CHECK(rest.size() == 21);  // seven numbers, three words
}

TEST_CASE("times are those at which requests were due") {
  Case of;
  CHECK(of.path("/{{now}}/{{now s}}/{{now ms}}/{{now ns}}").make().path ==
        "/2027-01-15T08:00:01.500Z/1800000001/1800000001500/1800000001500000000");
}

TEST_CASE("a body without templates isn't copied, and user and password become a header") {
  Case of("u,p\nann,se:cret\n");
  of.body("constant {{text '{{'}}").header("Authorization", "{{basic row.u row.p}}");
  const MadeRequest made = of.make();
  CHECK(made.shared_body != nullptr);
  CHECK(*made.sent_body() == "constant {{");
  CHECK(made.headers[0].second == "Basic YW5uOnNlOmNyZXQ=");
}

TEST_CASE("an earlier answer's value stands where it is named") {
  Case of;
  of.values = {"id", "token"};
  of.value_texts = {"7 1", "abc"};
  of.path("/items/{{value.id}}").header("Authorization", "Bearer {{value.token}}");
  const MadeRequest made = of.make();
  CHECK(made.path == "/items/7%201");
  CHECK(made.headers[0].second == "Bearer abc");
}

TEST_CASE("a path may be a value as a whole: a path, or a URL whose path it is") {
  const std::pair<const char*, const char*> cases[] = {{"/a/b?c=1", "/a/b?c=1"},
                                                       {"a", "/a"},
                                                       {"http://h:80/x?y", "/x?y"},
                                                       {"https://h", "/"},
                                                       {"https://h?q", "/?q"}};
  for (const auto& [value, path] : cases) {
    Case of;
    of.values = {"place"};
    of.value_texts = {value};
    CHECK(of.path("/{{raw value.place}}").make().path == path);
  }
}

TEST_CASE("names that aren't there are said before anything is sent") {
  Case of("user\nann\n");
  const auto why = [&](std::string_view text) {
    of.body(text);
    const auto compiled = of.compile();
    return compiled.ok() ? "" : compiled.error().to_text();
  };
  CHECK(why("{{row.usr}}") ==
        "can't make requests with {{row.usr}}: no column is called 'usr'; did you mean 'user'?");
  CHECK(why("{{value.x}}") ==
        "can't make requests with {{value.x}}: no earlier step takes a value of that name");
  CHECK(why("{{file /nowhere/x}}").find("/nowhere/x") != std::string::npos);
  of.rows.reset();
  CHECK(why("{{row.user}}") ==
        "can't make requests with {{row.user}}: the client has no data; add data: {file: rows.csv} "
        "to the client");
}

}  // namespace
}  // namespace galileo::load
