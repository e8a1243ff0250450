// Credentials that logs hold, in the places where they stand, and what looks like one and isn't.
#include "load/recorded_secrets.h"

#include <doctest/doctest.h>

namespace galileo::load {

TEST_CASE("headers that are credentials are dropped") {
  wire::RecordedRequest request;
  request.target = "/";
  request.headers = {{"Accept", "*/*"},
                     {"authorization", "Bearer x"},
                     {"Cookie", "a=b"},
                     {"Set-Cookie", "a=b"},
                     {"X-Api-Key", "k"},
                     {"X-Auth-Token", "t"},
                     {"Referer", "http://h/?a=1&access_token=x#f"}};
  CHECK(drop_recorded_secrets(request) == 6);
  CHECK(request.headers == wire::http1::Headers{{"Accept", "*/*"}, {"Referer", "http://h/?a=1"}});
}

TEST_CASE("parameters that are credentials go, and the rest stays byte for byte") {
  struct Row {
    const char* target;
    const char* sent;
    const char* shown;
  };
  for (const Row& row : {
           Row{"/a", "/a", "/a"},
           Row{"/a?", "/a?", "/a?"},
           Row{"/a?b=%7e&&c", "/a?b=%7e&&c", "/a?b=%7e&&c"},
           Row{"/a?token=x", "/a", "/a?token=***"},
           Row{"/a?b=1&access_token=x&c=2", "/a?b=1&c=2", "/a?b=1&access_token=***&c=2"},
           Row{"/a?access%5Ftoken=x&c", "/a?c", "/a?access%5Ftoken=***&c"},
           Row{"/a?X-Amz-Signature=x&X-Amz-Date=2", "/a?X-Amz-Date=2",
               "/a?X-Amz-Signature=***&X-Amz-Date=2"},
           Row{"/a?PHPSESSION=x&sid=y&api_key=z&jwt=w&password=v", "/a",
               "/a?PHPSESSION=***&sid=***&api_key=***&jwt=***&password=***"},
           Row{"/a?tokens&inside=token=x", "/a?tokens&inside=token=x", "/a?tokens&inside=token=x"},
           Row{"/a;jsessionid=12AB?x", "/a?x", "/a;jsessionid=***?x"},
           Row{"/a;JSESSIONID=12AB;v=1/b", "/a;v=1/b", "/a;JSESSIONID=***;v=1/b"},
       }) {
    CAPTURE(row.target);
    wire::RecordedRequest request;
    request.target = row.target;
    drop_recorded_secrets(request);
    CHECK(request.target == row.sent);
    CHECK(masked_target(row.target) == row.shown);
  }
}

TEST_CASE("a form's body is looked at, others are sent as they are") {
  wire::RecordedRequest request;
  request.target = "/login";
  request.has_body = true;
  request.body = "user=a&password=b";
  CHECK(drop_recorded_secrets(request) == 0);
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  CHECK(drop_recorded_secrets(request) == 1);
  CHECK(request.body == "user=a");
}

}  // namespace galileo::load
