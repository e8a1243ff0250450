#include "kubernetes/credentials.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/test_fixture.h"
#include "kubernetes/exec_plugin.h"

namespace galileo::kubernetes {
namespace {

Access access_with(const UserEntry& user) {
  Access access;
  access.host_port = "10.0.0.1:6443";
  access.tls.emplace();
  access.user = user;
  return access;
}

// The headers that a user's requests have, or why there are none.
std::string headers_of(const Access& access) {
  net::Loop loop;
  Credentials credentials(loop, access);
  std::string text = "not ready";
  credentials.want([&](const Result<void>& ready) {
    text = ready.ok() ? "" : ready.error().to_text();
    for (const auto& [name, value] : credentials.headers())
      text.append(name).append(": ").append(value).append("; ");
  });
  return text;
}

TEST_CASE("a request says who we are, by token or name, and for whom; but never without TLS") {
  UserEntry user;
  CHECK(headers_of(access_with(user)).empty());
  user.user_name = "u";
  user.password = "p";
  CHECK(headers_of(access_with(user)) == "Authorization: Basic dTpw; ");
  user.token = "abc\n";
  CHECK(headers_of(access_with(user)) == "Authorization: Bearer abc; ");
  user.as_user = "other";
  user.as_groups = {"g1", "g2"};
  CHECK(headers_of(access_with(user)) ==
        "Authorization: Bearer abc; Impersonate-User: other; Impersonate-Group: g1; "
        "Impersonate-Group: g2; ");
  Access plain = access_with(user);
  plain.tls.reset();
  CHECK(headers_of(plain).empty());
}

TEST_CASE("what would end a header and begin another isn't sent") {
  UserEntry user;
  user.token = "abc\r\nX-Admin: yes";
  user.as_user = "a\nb";
  CHECK(headers_of(access_with(user)).empty());
}

TEST_CASE("a token's file goes before the token, which stands in while the file can't be read") {
  const TestFolder folder;
  UserEntry user;
  user.token_file = folder.file("token");
  CHECK(headers_of(access_with(user)).find("No such file or directory") != std::string::npos);
  user.token = "old";
  CHECK(headers_of(access_with(user)) == "Authorization: Bearer old; ");
  folder.write("token", "new\n");
  CHECK(headers_of(access_with(user)) == "Authorization: Bearer new; ");
  folder.write("token", "\n");
  user.token.clear();
  CHECK(headers_of(access_with(user)).find("the file is empty") != std::string::npos);
}

TEST_CASE("who has no other way to be known isn't asked again when the server refuses him") {
  net::Loop loop;
  UserEntry user;
  user.token = "abc";
  const Access access = access_with(user);
  Credentials credentials(loop, access);
  credentials.want([](const Result<void>&) {});
  CHECK_FALSE(credentials.refused());
}

std::string credential(const std::string& status) {
  return R"({"kind": "ExecCredential", "status": )" + status + "}";
}

TEST_CASE("a plugin's credential is a token, a certificate with its key, or both, with an end") {
  const auto both = parse_exec_credential(credential(
      R"({"token": "t", "clientCertificateData": "c", "clientKeyData": "k", "expirationTimestamp": "2026-11-30T08:00:00Z"})"));
  REQUIRE(both.ok());
  CHECK(both->token == "t");
  CHECK(both->certificate_text == "c");
  CHECK(to_unix_seconds(*both->valid_until) == 1796025600);
  CHECK_FALSE(parse_exec_credential(credential(R"({"token": "t"})"))->valid_until);
  for (const char* const wrong :
       {"{}", R"({"token": ""})", R"({"token": "a b"})", "[]", R"({"clientCertificateData": "c"})",
        R"({"token": "t", "clientKeyData": "k"})"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_exec_credential(credential(wrong)).ok());
  }
  CHECK_FALSE(parse_exec_credential("").ok());
  CHECK_FALSE(parse_exec_credential(R"({"kind": "Secret", "status": {"token": "t"}})").ok());
}

TEST_CASE("a plugin is told of the cluster where it wants that, and whether it may ask") {
  UserEntry user;
  user.exec.api_version = "client.authentication.k8s.io/v1";
  Access access = access_with(user);
  access.tls->ca_text = "pem";
  CHECK(
      exec_info(access, true) ==
      R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":true}})");
  access.user.exec.wants_cluster = true;
  const auto cluster = nlohmann::json::parse(exec_info(access, false))["spec"]["cluster"];
  CHECK(cluster["server"] == "https://10.0.0.1:6443");
  CHECK(cluster["certificate-authority-data"] == "cGVt");
}

}  // namespace
}  // namespace galileo::kubernetes
