#include "kubernetes/names.h"

#include <doctest/doctest.h>

namespace galileo::kubernetes {
namespace {

TEST_CASE("names are told apart from what a server would refuse") {
  CHECK(unfit_dns_label("a-1").empty());
  CHECK(unfit_dns_label("1a").empty());
  CHECK(unfit_dns_label("") == "is empty");
  CHECK(unfit_dns_label("A") == "has a capital letter");
  CHECK(unfit_dns_label("a.b") == "holds more than small letters, digits and '-'");
  CHECK(unfit_dns_label("a_b") == "holds more than small letters, digits and '-'");
  CHECK(unfit_dns_label("-a") == "begins or ends with '-'");
  CHECK(unfit_dns_label("a-") == "begins or ends with '-'");
  CHECK(unfit_dns_label(std::string(63, 'a')).empty());
  CHECK(unfit_dns_label(std::string(64, 'a')) == "has 64 characters, and may have 63");
  CHECK(unfit_object_name("node1.example.com").empty());
  CHECK(unfit_object_name("a..b") == "has an empty part");
  CHECK(unfit_object_name("a.-b") == "begins or ends with '-'");
  CHECK(unfit_object_name(std::string(253, 'a')).empty());
  CHECK(unfit_object_name(std::string(254, 'a')) == "has 254 characters, and may have 253");
  CHECK_FALSE(unfit_object_name("ü").empty());
}

TEST_CASE("labels have keys with a prefix or without, and values that may be empty") {
  CHECK(unfit_label_key("app").empty());
  CHECK(unfit_label_key("ether.edgerun.io/function").empty());
  CHECK(unfit_label_key("A_b.c-1").empty());
  CHECK(unfit_label_key("") == "is empty");
  CHECK(unfit_label_key("/a") == "has a prefix that is empty");
  CHECK(unfit_label_key("Ab/a") == "has a prefix that has a capital letter");
  CHECK(unfit_label_key("a/") == "has nothing behind its '/'");
  CHECK(unfit_label_key("a/b/c") ==
        "has a name that holds more than letters, digits, '-', '_' and '.'");
  CHECK(unfit_label_key("a/" + std::string(63, 'b')).empty());
  CHECK(unfit_label_key("a/" + std::string(64, 'b')) ==
        "has a name that has 64 characters, and may have 63");
  CHECK(unfit_label_value("").empty());
  CHECK(unfit_label_value("v1.0_B").empty());
  CHECK(unfit_label_value("a b") == "holds more than letters, digits, '-', '_' and '.'");
  CHECK(unfit_label_value("-a") == "begins or ends with neither a letter nor a digit");
}

TEST_CASE("a selector of every form is read, and what none can be is named") {
  for (const char* const good :
       {"", " ", "a", "!a", "a=b", "a==b", "a!=b", "a = b , c", "a in (b)", "a in (b, c),d",
        "x/a notin (b,c)", "a in()", "a>5", "a<0", "a=", "a!=", "! a", "a in (b,)"}) {
    CAPTURE(good);
    CHECK(unfit_label_selector(good) == "");
  }
  CHECK(unfit_label_selector("a,,b") == "has an empty part");
  CHECK(unfit_label_selector("a=b c") ==
        "has the value 'b c', which holds more than letters, digits, '-', '_' and '.'");
  CHECK(unfit_label_selector("ä=b").starts_with("has the key 'ä', which "));
  CHECK(unfit_label_selector("a of (b)") == "has 'of' where 'in' or 'notin' must stand");
  CHECK(unfit_label_selector("a in (b") == "has a '(' without its ')'");
  CHECK(unfit_label_selector("a>b") == "compares with 'b', which is no whole number");
  CHECK(unfit_label_selector("a!b") == "has a '!' that means nothing");
  CHECK(unfit_label_selector("=b") == "has the key '', which is empty");
}

}  // namespace
}  // namespace galileo::kubernetes
