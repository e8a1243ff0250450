#include "telemetry/wifi.h"

#include <fmt/format.h>
#include <linux/nl80211.h>
#include <net/if.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <unistd.h>

#include <memory>

#include "telemetry/devices.h"
#include "telemetry/files.h"
#include "telemetry/instrument.h"

namespace galileo::telemetry {
namespace {

// In units of 100 kbit/s; the wider attribute holds what the older one can't.
std::optional<double> mbit_of(nlattr* rate) {
  nlattr* attributes[NL80211_RATE_INFO_MAX + 1] = {};
  if (!rate || nla_parse_nested(attributes, NL80211_RATE_INFO_MAX, rate, nullptr) != 0)
    return std::nullopt;
  const nlattr* const wide = attributes[NL80211_RATE_INFO_BITRATE32];
  if (wide && nla_len(wide) >= 4) return nla_get_u32(wide) / 10.0;
  const nlattr* const narrow = attributes[NL80211_RATE_INFO_BITRATE];
  if (narrow && nla_len(narrow) >= 2) return nla_get_u16(narrow) / 10.0;
  return std::nullopt;
}

// The kernel's wireless side; asked for one device at a time, it answers at once.
class Nl80211 {
 public:
  Nl80211() : socket_(nl_socket_alloc(), &nl_socket_free) {
    if (!socket_ || genl_connect(socket_.get()) != 0) return;
    family_ = genl_ctrl_resolve(socket_.get(), "nl80211");
    nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, &on_message, this);
  }
  Nl80211(const Nl80211&) = delete;
  Nl80211& operator=(const Nl80211&) = delete;

  // The link of the device: of its first peer. False where the kernel doesn't say.
  bool ask(const std::string& device, std::optional<WirelessLink>& link) {
    link_.reset();
    const unsigned index = if_nametoindex(device.c_str());
    if (family_ < 0 || index == 0) return false;
    const std::unique_ptr<nl_msg, void (*)(nl_msg*)> message(nlmsg_alloc(), &nlmsg_free);
    if (!message) return false;
    genlmsg_put(message.get(), NL_AUTO_PORT, NL_AUTO_SEQ, family_, 0, NLM_F_DUMP,
                NL80211_CMD_GET_STATION, 0);
    nla_put_u32(message.get(), NL80211_ATTR_IFINDEX, index);
    const bool answered =
        nl_send_auto(socket_.get(), message.get()) >= 0 && nl_recvmsgs_default(socket_.get()) == 0;
    link = link_;
    return answered;
  }

 private:
  static int on_message(nl_msg* message, void* self) {
    auto& own = *static_cast<Nl80211*>(self);
    const nlmsghdr* const header = nlmsg_hdr(message);
    if (!own.link_) own.link_ = parse_station(header, header->nlmsg_len);
    return NL_OK;
  }

  std::unique_ptr<nl_sock, void (*)(nl_sock*)> socket_;
  int family_ = -1;
  std::optional<WirelessLink> link_;
};

// One of a link's values, of each wireless device.
class Wifi final : public Instrument {
 public:
  Wifi(const Machine& machine, const char* metric, std::optional<double> WirelessLink::* value)
      : sys_(machine.sys), listed_(machine.net_devices), metric_(metric), value_(value) {}

  bool may_block() const override { return true; }

  ReadOutcome read(Readings& readings) override {
    if (!scanned_ || readings.time() - scanned_at_ >= kRescan) {
      scanned_ = true;
      scanned_at_ = readings.time();
      devices_ = wireless_devices(sys_);
      std::erase_if(devices_,
                    [&](const std::string& name) { return !is_wanted(name, listed_, {}); });
    }
    if (devices_.empty()) return ReadOutcome::kNoData;
    if (!kernel_) kernel_ = std::make_unique<Nl80211>();
    bool any = false;
    for (const std::string& device : devices_) {
      std::optional<WirelessLink> link;
      readings.stamp();
      if (!kernel_->ask(device, link)) continue;
      if (!link || !((*link).*value_)) continue;  // not connected
      readings.put(metric_, device, *((*link).*value_));
      any = true;
    }
    return any ? ReadOutcome::kRead : ReadOutcome::kNoData;
  }

 private:
  const std::string sys_;
  const std::vector<std::string> listed_;
  const char* const metric_;
  std::optional<double> WirelessLink::* const value_;
  std::vector<std::string> devices_;
  bool scanned_ = false;
  Time scanned_at_{};
  std::unique_ptr<Nl80211> kernel_;  // from when there is a device to ask for
};

}  // namespace

std::optional<WirelessLink> parse_station(const void* message, std::size_t size) {
  // The library reads attributes; it takes what holds them as given.
  if (size < NLMSG_HDRLEN + GENL_HDRLEN) return std::nullopt;
  auto* const header = static_cast<nlmsghdr*>(const_cast<void*>(message));
  if (header->nlmsg_len > size || header->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
    return std::nullopt;
  const auto* const generic = static_cast<genlmsghdr*>(nlmsg_data(header));
  nlattr* attributes[NL80211_ATTR_MAX + 1] = {};
  if (nla_parse(attributes, NL80211_ATTR_MAX, genlmsg_attrdata(generic, 0),
                genlmsg_attrlen(generic, 0), nullptr) != 0)
    return std::nullopt;
  nlattr* station[NL80211_STA_INFO_MAX + 1] = {};
  if (!attributes[NL80211_ATTR_STA_INFO] ||
      nla_parse_nested(station, NL80211_STA_INFO_MAX, attributes[NL80211_ATTR_STA_INFO], nullptr) !=
          0)
    return std::nullopt;
  WirelessLink link;
  link.tx_mbit = mbit_of(station[NL80211_STA_INFO_TX_BITRATE]);
  link.rx_mbit = mbit_of(station[NL80211_STA_INFO_RX_BITRATE]);
  const nlattr* const signal = station[NL80211_STA_INFO_SIGNAL];
  if (signal && nla_len(signal) >= 1)
    link.signal_dbm = static_cast<signed char>(nla_get_u8(signal));
  return link;
}

std::vector<std::string> wireless_devices(const std::string& sys) {
  const std::string folder = sys + "/class/net";
  std::vector<std::string> devices;
  for (const std::string& name : list_folder(folder)) {
    const std::string device = fmt::format("{}/{}", folder, name);
    if (access((device + "/phy80211").c_str(), F_OK) == 0 ||
        access((device + "/wireless").c_str(), F_OK) == 0)
      devices.push_back(name);
  }
  return devices;
}

std::unique_ptr<Instrument> make_tx_bitrate(const Machine& machine) {
  return std::make_unique<Wifi>(machine, "tx_bitrate", &WirelessLink::tx_mbit);
}
std::unique_ptr<Instrument> make_rx_bitrate(const Machine& machine) {
  return std::make_unique<Wifi>(machine, "rx_bitrate", &WirelessLink::rx_mbit);
}
std::unique_ptr<Instrument> make_signal(const Machine& machine) {
  return std::make_unique<Wifi>(machine, "signal", &WirelessLink::signal_dbm);
}

}  // namespace galileo::telemetry
