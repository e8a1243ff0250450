// Messages as the kernel makes them, byte by byte (little-endian, as on every machine that we run
// on).
#include "telemetry/wifi.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "telemetry/instrument.h"

using namespace galileo::telemetry;

namespace {

std::string u16(std::uint16_t value) {
  return {static_cast<char>(value & 0xff), static_cast<char>(value >> 8)};
}
std::string u32(std::uint32_t value) {
  return u16(static_cast<std::uint16_t>(value & 0xffff)) +
         u16(static_cast<std::uint16_t>(value >> 16));
}
// Length, type, value, up to the next multiple of four.
std::string attribute(std::uint16_t type, const std::string& value) {
  std::string text = u16(static_cast<std::uint16_t>(4 + value.size())) + u16(type) + value;
  text.append((4 - text.size() % 4) % 4, '\0');
  return text;
}
std::string message(const std::string& attributes) {
  const std::string generic = std::string("\x13\x01\x00\x00", 4);  // NL80211_CMD_NEW_STATION
  return u32(static_cast<std::uint32_t>(16 + 4 + attributes.size())) + u16(0x1c) + u16(2) + u32(1) +
         u32(0) + generic + attributes;
}

// Numbers of linux/nl80211.h.
constexpr std::uint16_t kIfIndex = 3, kMac = 6, kStaInfo = 21;
constexpr std::uint16_t kSignal = 7, kTxBitrate = 8, kRxBitrate = 14;
constexpr std::uint16_t kBitrate = 1, kBitrate32 = 5;

std::optional<WirelessLink> parse(const std::string& text) {
  return parse_station(text.data(), text.size());
}

}  // namespace

TEST_CASE("a station's rates and signal are those of its message") {
  const std::string station =
      attribute(kSignal, std::string(1, static_cast<char>(-57))) +
      attribute(kTxBitrate, attribute(kBitrate, u16(650)) + attribute(kBitrate32, u32(8667))) +
      attribute(kRxBitrate, attribute(kBitrate, u16(540)));
  const auto link =
      parse(message(attribute(kIfIndex, u32(3)) + attribute(kMac, "\x02\x03\x04\x05\x06\x07") +
                    attribute(kStaInfo, station)));
  REQUIRE(link);
  CHECK(link->tx_mbit == 866.7);  // the wide one, where both are there
  CHECK(link->rx_mbit == 54.0);
  CHECK(link->signal_dbm == -57);
}

TEST_CASE("what isn't there isn't made up") {
  CHECK_FALSE(parse(message(attribute(kIfIndex, u32(3)))));
  const auto nothing = parse(message(attribute(kStaInfo, "")));
  REQUIRE(nothing);
  CHECK_FALSE(nothing->tx_mbit);
  CHECK_FALSE(nothing->signal_dbm);
  const auto odd = parse(message(attribute(
      kStaInfo, attribute(kSignal, "") + attribute(kTxBitrate, attribute(kBitrate, "x")))));
  REQUIRE(odd);
  CHECK_FALSE(odd->tx_mbit);
  CHECK_FALSE(odd->signal_dbm);
}

TEST_CASE("messages that are cut or lie about their length are none") {
  const std::string whole =
      message(attribute(kStaInfo, attribute(kSignal, std::string(1, static_cast<char>(-57)))));
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(parse_station(whole.data(), size));
  std::string lies = whole;
  lies[0] = '\xff';
  CHECK_FALSE(parse(lies));
  lies[0] = 3;
  CHECK_FALSE(parse(lies));
}

TEST_CASE("a machine without wireless devices has no data and no fault") {
  Machine machine;
  machine.sys = std::string(GALILEO_SOURCE_DIR) + "/tests/golden/raspberry-pi-4/sys";
  struct Nothing final : galileo::Sink<galileo::wire::Sample> {
    void put(const galileo::wire::Sample&) override { ++count; }
    int count = 0;
  } sink;
  Readings readings(sink, "n");
  CHECK(make_signal(machine)->read(readings) == ReadOutcome::kNoData);
  CHECK(make_tx_bitrate(machine)->read(readings) == ReadOutcome::kNoData);
  CHECK(sink.count == 0);
}
