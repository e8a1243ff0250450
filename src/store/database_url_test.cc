#include "store/database_url.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>

using namespace galileo;
using namespace galileo::store;

TEST_CASE("a database's URL is taken apart, and shown without its secrets") {
  const auto url =
      parse_database_url("MySQL://me:p%40ss@db.lab:3307/galileo?tls=yes&ca=%2Fa%20b", "tls ca");
  REQUIRE(url.ok());
  CHECK(url->scheme == "mysql");
  CHECK(url->user == "me");
  CHECK(url->password == "p@ss");
  CHECK(url->host == "db.lab");
  CHECK(url->port == 3307);
  CHECK(url->path == "galileo");
  CHECK(url->option("tls") == "yes");
  CHECK(url->option("ca") == "/a b");
  CHECK_FALSE(url->option("none").has_value());
  CHECK(url->text() == "mysql://db.lab:3307/galileo");
}

TEST_CASE("parts of a database's URL may be missing") {
  for (const char* text : {"mysql:", "mysql://"}) {
    const auto url = parse_database_url(text, "");
    REQUIRE(url.ok());
    CHECK(url->scheme == "mysql");
    CHECK(url->host.empty());
    CHECK(url->port == 0);
    CHECK(url->path.empty());
  }
  const auto v6 = parse_database_url("mysql://[::1]:3306", "");
  REQUIRE(v6.ok());
  CHECK(v6->host == "::1");
  CHECK(v6->text() == "mysql://[::1]:3306");
  const auto without_host = parse_database_url("mysql:///lab", "");
  REQUIRE(without_host.ok());
  CHECK(without_host->host.empty());
  CHECK(without_host->path == "lab");
}

TEST_CASE("an option without a value leaves those behind it alone") {
  const auto url = parse_database_url("mysql://h/db?ca=&tls=no", "tls ca");
  REQUIRE(url.ok());
  CHECK(url->option("ca") == "");
  CHECK(url->option("tls") == "no");
}

TEST_CASE("a URL that is made whole is read as it was") {
  const auto url = parse_database_url("influxdb://:t@h/My%20Org%2Fa%25?org_id=&x=%26", "*");
  REQUIRE(url.ok());
  CHECK(url->path == "My Org/a%");
  const auto again = parse_database_url(url->whole(), "*");
  REQUIRE(again.ok());
  CHECK(again->path == url->path);
  CHECK(again->options == url->options);
  CHECK(again->whole() == url->whole());
}

TEST_CASE("a wrong database URL is refused, and no password is shown") {
  const auto port = parse_database_url("mysql://me:secret@host:99999/db", "");
  REQUIRE_FALSE(port.ok());
  CHECK(port.error().code == ErrorCode::kUsage);
  CHECK(port.error().to_text().find("secret") == std::string::npos);
  const auto option = parse_database_url("mysql://me:secret@host/db?tsl=yes", "tls ca");
  REQUIRE_FALSE(option.ok());
  CHECK(option.error().to_text().find("tls") != std::string::npos);
  CHECK(option.error().to_text().find("secret") == std::string::npos);
}

TEST_CASE("each part of a database's URL as it is written") {
  struct Row {
    const char* text;
    const char* parts;  // user|password|host|port|path, or why not
  };
  const std::vector<Row> rows{
      {"m://h", "||h|0|"},
      {"m://h:/db", "||h|0|db"},
      {"m://HOST/Db", "||HOST|0|Db"},
      {"m://u:@h/", "u||h|0|"},
      {"m://u%3Av:p%40@h/", "u:v|p@|h|0|"},
      {"m://a@b:c@h/", "a@b|c|h|0|"},
      {"m://:p@[::1]:33/db", "|p|::1|33|db"},
      {"m://ho%41st/db", "||hoAst|0|db"},
      {"m://h//a%2Fb#c?d", "||h|0|a/b"},
      {"m:////h/db", "|||0|h/db"},
      {"m://h/d%zz", "||h|0|d%zz"},
      {"m:h/db", "no '//' follows its scheme"},
      {"m:/h/db", "no '//' follows its scheme"},
      {"m:?x", "no '//' follows its scheme"},
      {"m://me@/db", "it has no valid host"},
      {"m://:33/db", "it has no valid host"},
      {"m://?x", "it has no valid host"},
      {"m://[::1/db", "it has no valid host"},
      {"m://8080/db", "a number alone isn't a host"},
      {"m://h:0/db", "its port isn't from 1 to 65535"},
      {"m://h:x/db", "its port isn't from 1 to 65535"},
      {"m://h o/db", "it has a blank or a control character; %20 is a blank"},
      {"m://h/d b", "it has a blank or a control character; %20 is a blank"},
      {"m://h/d\x01", "it has a blank or a control character; %20 is a blank"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto url = parse_database_url(row.text, kAnyOption);
    CHECK((url.ok() ? fmt::format("{}|{}|{}|{}|{}", url->user, url->password, url->host, url->port,
                                  url->path)
                    : url.error().why) == row.parts);
  }
}

TEST_CASE("the environment completes a database's URL") {
  const auto complete = [](const std::string& where, std::map<std::string, std::string> variables) {
    const auto whole =
        complete_database_url(where, [&](std::string_view name) -> std::optional<std::string> {
          const auto found = variables.find(std::string(name));
          if (found == variables.end()) return std::nullopt;
          return found->second;
        });
    return whole.ok() ? *whole : whole.error().to_text();
  };
  CHECK(complete("some/path.sqlite", {}) == "some/path.sqlite");
  CHECK(complete("mysql", {}) == "mysql");
  CHECK(complete("mysql:", {}) == "mysql://user:@localhost:3307/db");
  CHECK(complete("mysql:", {{"galileo_expdb_mysql_host", "h"},
                            {"galileo_expdb_mysql_port", "1"},
                            {"galileo_expdb_mysql_user", "u"},
                            {"galileo_expdb_mysql_password", "p@/"},
                            {"galileo_expdb_mysql_db", "d"}}) == "mysql://u:p%40%2F@h:1/d");
  CHECK(complete("mariadb://me:x@h/lab?tls=yes", {{"galileo_expdb_mysql_port", "1"}}) ==
        "mysql://me:x@h:3306/lab?tls=yes");
  CHECK(complete("influxdb:", {}) == "influxdb://localhost:8086/galileo");
  CHECK(complete("influxdb:", {{"galileo_expdb_influxdb_url", "https://i:99/"},
                               {"galileo_expdb_influxdb_token", "t=="},
                               {"galileo_expdb_influxdb_org", "lab"},
                               {"galileo_expdb_influxdb_org_id", "07"},
                               {"galileo_expdb_influxdb_timeout", "500"}}) ==
        "influxdb://:t%3D%3D@i:99/lab?tls=yes&org_id=07&timeout_ms=500");
  CHECK(complete("influxdb://token@h", {}) == "influxdb://:token@h:8086/galileo");
  CHECK(complete("influxdb://:t@h/My%20Org%3F", {}) == "influxdb://:t@h:8086/My%20Org%3F");
  CHECK(complete("influxdb://:t@h", {{"galileo_expdb_influxdb_org", "a%41#b"}}) ==
        "influxdb://:t@h:8086/a%2541%23b");
  CHECK(complete("mixed:", {}) ==
        "mixed:mysql://user:@localhost:3307/db,influxdb://localhost:8086/galileo");
  CHECK(complete("mixed:a.sqlite,influxdb://h", {}) == "mixed:a.sqlite,influxdb://h:8086/galileo");
  CHECK(complete("mixed:mysql://h", {}).find("mixed:mysql://...,influxdb://...") !=
        std::string::npos);
  CHECK(complete("influxdb:", {{"galileo_expdb_influxdb_url", "localhost"}})
            .find("galileo_expdb_influxdb_url") != std::string::npos);
}

TEST_CASE("what belongs to a database lies beside its file, or in this folder") {
  CHECK(path_beside("a/galileo.sqlite", ".spool") == "a/galileo.sqlite.spool");
  CHECK(path_beside("mysql://db.lab:3307/galileo", ".spool") == "mysql-db.lab-3307-galileo.spool");
}
