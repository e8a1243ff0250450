// The session's calls `etcd.put` and `etcd.remove`: a key of an etcd, as scripts write weights.
#include <nlohmann/json.hpp>

#include "commands/etcd_flags.h"
#include "commands/session_parts.h"
#include "gateway/etcd.h"
#include "net/loop.h"

namespace galileo::commands {
namespace {

using Json = nlohmann::ordered_json;

class EtcdCalls : public SessionPart {
 public:
  std::optional<Result<Json>> answer(std::string_view call, SessionRequest& request) override {
    if (call == "etcd.put") return put(request);
    if (call == "etcd.remove") return remove(request);
    return std::nullopt;
  }

 private:
  struct Place {
    gateway::EtcdOptions etcd;
    std::string key;
  };

  static Result<Place> take_place(SessionRequest& request) {
    EtcdFlags flags;
    flags.endpoints = TRY(request.take_text("etcd"));
    Place place{TRY(experiment_etcd_options(flags)), TRY(request.take_text("key"))};
    if (place.key.empty()) return wrong_request("'key' isn't said");
    return place;
  }

  static Result<Json> put(SessionRequest& request) {
    const Place place = TRY(take_place(request));
    const auto value = TRY(request.take_text("value"));
    TRY(request.end());
    net::Loop loop;
    TRY(gateway::EtcdKeys(loop, place.etcd).put(place.key, value));
    return Json::object();
  }

  static Result<Json> remove(SessionRequest& request) {
    const Place place = TRY(take_place(request));
    TRY(request.end());
    net::Loop loop;
    return Json({{"was_there", TRY(gateway::EtcdKeys(loop, place.etcd).remove(place.key))}});
  }
};

}  // namespace

std::unique_ptr<SessionPart> session_etcd() {
  return std::make_unique<EtcdCalls>();
}

}  // namespace galileo::commands
