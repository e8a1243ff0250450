#include "kubernetes/quantity.h"

#include <doctest/doctest.h>

namespace galileo::kubernetes {
namespace {

std::string canonical(std::string_view text) {
  const auto quantity = parse_quantity(text);
  return quantity.ok() ? quantity->canonical() : quantity.error().why;
}

std::string hint(std::string_view text) {
  const auto quantity = parse_quantity(text);
  return quantity.ok() ? "it is one" : quantity.error().hint;
}

TEST_CASE("a quantity is written again as the API server writes it") {
  struct Row {
    std::string_view text;
    std::string_view canonical;
  };
  // Given by resource.ParseQuantity() of Kubernetes 1.34.
  for (const auto& [text, expected] : {
           Row{"0", "0"},
           {"0m", "0"},
           {"-0", "0"},
           {"100m", "100m"},
           {"1000m", "1"},
           {"1500m", "1500m"},
           {"1.5", "1500m"},
           {"0.1", "100m"},
           {".5", "500m"},
           {"5.", "5."},
           {"1Gi", "1Gi"},
           {"1024Mi", "1Gi"},
           {"1.5Gi", "1536Mi"},
           {"0.5Ki", "512"},
           {"0.3Ki", "307200m"},
           {"1.1Ki", "1126400m"},
           {"250M", "250M"},
           {"1000k", "1M"},
           {"1e3", "1e3"},
           {"1E3", "1E3"},
           {"12e1", "120"},
           {"129e6", "129e6"},
           {"1000e3", "1e6"},
           {"1e-3", "1e-3"},
           {"1E", "1E"},
           {"+5", "+5"},
           {"-5", "-5"},
           {"-1.5", "-1500m"},
           {"0.1n", "1n"},
           {"-0.1n", "-1n"},
           {"1.0000000001", "1000000001n"},
           {"8Ki", "8Ki"},
           {"1048576Ki", "1Gi"},
           {"005", "005"},
           {"1.500", "1.500"},
           {"7Ei", "7Ei"},
           {"9223372036854775807", "9223372036854775807"},
           {"9223372036854775807000m", "9223372036854775807"},
           {"1e-400", "1e-9"},
       }) {
    CAPTURE(text);
    CHECK(canonical(text) == expected);
  }
}

TEST_CASE("a quantity's value is exact to a billionth") {
  CHECK(parse_quantity("129e6")->to_double() == 129e6);
  CHECK(parse_quantity("100m")->to_double() == 0.1);
  CHECK(parse_quantity("16Gi")->to_double() == 17179869184.0);
  CHECK(parse_quantity("-1500m")->to_double() == -1.5);
  CHECK(parse_quantity("1n")->nano() == 1);
  CHECK(parse_quantity("1.5Ki")->nano() == parse_quantity("1536")->nano());
}

TEST_CASE("what is no quantity is refused with the right spelling, before a server is asked") {
  CHECK(hint("16g") == "write 16G for powers of 1000, 16Gi for powers of 1024");
  CHECK(hint("512MB") == "write 512M for powers of 1000, 512Mi for powers of 1024");
  CHECK(hint("512mib") == "write 512Mi");
  CHECK(hint("1K") == "write 1k for powers of 1000, 1Ki for powers of 1024");
  CHECK(hint("1,5") == "write the decimals behind a '.'");
  CHECK(hint("") == "write it as 500m, 2, 1.5, 256Mi or 1e3");
  CHECK(hint("lots") == "write it as 500m, 2, 1.5, 256Mi or 1e3");
  CHECK(hint("5 cores").starts_with("its unit is one of n, u, m,"));
  CHECK(canonical("16g") == "'16g' is no quantity");
  for (const char* const bad :
       {".", "-", "1e", "1e+", "1Ee3", "1e3k", "0x10", "1.2.3", "1 Gi", "∞"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_quantity(bad).ok());
  }
  for (const char* const large : {"9223372036854775808", "8Ei", "1e19", "10E", "1e999999999999"}) {
    CAPTURE(large);
    CHECK(hint(large) == "the largest is 2^63-1");
  }
  CHECK(canonical(std::string(101, '1')) == "it is too long");
}

}  // namespace
}  // namespace galileo::kubernetes
