#include "base/secrets.h"

#include <doctest/doctest.h>

using namespace galileo;

TEST_CASE("names of credentials are known in every spelling, others aren't") {
  for (const char* name :
       {"Authorization", "proxy-authorization", "COOKIE", "Set-Cookie", "X-Api-Key", "api_key",
        "DB_PASSWORD", "--token", "galileo_redis_password", "clientSecret", "auth", "digest",
        "--oauth2-bearer"}) {
    CAPTURE(name);
    CHECK(is_secret_name(name));
  }
  for (const char* name :
       {"Accept", "X-Author", "key", "path", "name", "", "user", "author", "--user"}) {
    CAPTURE(name);
    CHECK_FALSE(is_secret_name(name));
  }
}

TEST_CASE("a URL loses its user and password, wherever in a text it is") {
  CHECK(without_user_info("redis://:pa:s@s@h:1/0") == "redis://***@h:1/0");
  CHECK(without_user_info("mysql://u:p@a/x,influxdb://t:q@b/y") ==
        "mysql://***@a/x,influxdb://***@b/y");
  CHECK(without_user_info("can't reach http://u:p@h/a@b; see http://h/") ==
        "can't reach http://***@h/a@b; see http://h/");
  CHECK(without_user_info("mail me@here") == "mail me@here");
  CHECK(without_secrets_of_url("/a?x=1&token=t&api_key=&y=2") ==
        "/a?x=1&token=***&api_key=***&y=2");
}

TEST_CASE("the words of a command are kept without their credentials") {
  using Words = std::vector<std::string>;
  CHECK(without_secrets_of_words({"load", "http://u:p@h/", "-H", "Cookie: a=b", "-HAuthorization:x",
                                  "--set", "clients[0].request.headers.X-Token=y", "--password",
                                  "z", "--header=Api-Key: q", "-d", "5s", "--token=a"}) ==
        Words{"load", "http://***@h/", "-H", "Cookie: ***", "-HAuthorization: ***", "--set",
              "clients[0].request.headers.X-Token=***", "--password", "***",
              "--header=Api-Key: ***", "-d", "5s", "--token=***"});
  CHECK(without_secrets_of_words({"load", "-u", "me:hush", "--digest", "--user=me:hush",
                                  "-ume:hush", "--oauth2-bearer", "hush"}) ==
        Words{"load", "-u", "***", "--digest", "--user=***", "-u***", "--oauth2-bearer", "***"});
}

TEST_CASE("who asks is hidden as a whole, however it is written") {
  CHECK(without_secrets_of_text("request: {auth: [me, hush], path: /}\n") ==
        "request: {auth: ***, path: /}\n");
  CHECK(without_secrets_of_text("auth: {digest: [me, 'hu[sh'], keep: true}\npath: /\n") ==
        "auth: ***\npath: /\n");
  CHECK(without_secrets_of_text("\"auth\": [\"me\", \"hush\"], \"x\": 1") ==
        "\"auth\": ***, \"x\": 1");
  CHECK(without_secrets_of_text("auth:\n  digest:\n    - me\n    - hush\npath: /\n") ==
        "auth:\n  ***\n    ***\n    ***\npath: /\n");
  CHECK(without_secrets_of_text("auth: [me, \"${PASSWORD}\"]\n") ==
        "auth: [me, \"${PASSWORD}\"]\n");
}

TEST_CASE("an experiment file is kept without the credentials in it") {
  const auto hidden = [](const char* text) { return without_secrets_of_text(text); };
  CHECK(hidden("headers: {Authorization: Bearer x, Accept: a}") ==
        "headers: {Authorization: ***, Accept: a}");
  CHECK(hidden("headers: {\"Cookie\": \"a=b, c\\\"d\", b: 1}") ==
        "headers: {\"Cookie\": \"***\", b: 1}");
  CHECK(hidden("a:\n  X-Api-Key: k  # why\n  b: 1\n") == "a:\n  X-Api-Key: ***\n  b: 1\n");
  CHECK(hidden("Authorization: 'Bearer ${TOKEN}'") == "Authorization: 'Bearer ${TOKEN}'");
  CHECK(hidden("Authorization: ${TOKEN:-x}") == "Authorization: ***}");
  CHECK(hidden("  password: |\n    one\n    two\n  b: 1\n") ==
        "  password: |\n    ***\n    ***\n  b: 1\n");
  CHECK(hidden("token:\n  one\nb: 1") == "token:\n  ***\nb: 1");
  CHECK(hidden("command: [app, --password, x, --rate, 5]") ==
        "command: [app, --password, ***, --rate, 5]");
  CHECK(hidden("command: app --api-key=x --rate 5") == "command: app --api-key=*** --rate 5");
  CHECK(hidden("command: app --token x --rate 5") == "command: app --token *** --rate 5");
  CHECK(hidden("bus: redis://u:p@h\n") == "bus: redis://***@h\n");
  CHECK(hidden("# the token is rotated\nname: x") == "# the token is rotated\nname: x");
}
