// Parley's call protocol (WebSocket sub-protocol jsapi.v1): a room is one call.
//
// Participant 0 of a room opens the call once everybody is connected; the others ring and accept,
// one each join interval. The server always offers; everybody answers. Somebody who comes to a
// call that runs already finds it in `welcome`, or is told by call.init.
#include <map>

#include "base.h"
#include "driver.h"
#include "json.h"
#include "options.h"
#include "participant.h"

namespace parley::load {
namespace {

class ParleyDriver : public Driver {
 public:
  explicit ParleyDriver(Participant& self) : self_(self) {}

  [[nodiscard]] std::string sub_protocol() const override { return "jsapi.v1"; }

  void on_open() override { request("hello", {{"token", self_.token()}}); }

  void on_tick(std::uint64_t now_ns) override {
    if (!self_.online()) return;
    if (opens_call() && self_.room().call_id.empty() && everybody_online()) open_call();
    if (accept_due_ns_ != 0 && now_ns >= accept_due_ns_) accept();
  }

  void leave() override {
    if (in_call_) request("call.hangup", {{"callId", call_id_}});
  }

  void on_text(const std::string& text) override {
    const Json message = parse_json(text);
    const std::string type = text_of(message, "type");
    if (type == "error") {
      on_error(message);
    } else if (type == "welcome") {
      on_welcome(message);
    } else if (type == "call.init") {
      on_init(message);
    } else if (type == "media.offer") {
      on_offer(message);
    } else if (type == "media.failed") {
      self_.media_refused(text_of(message, "message"));
    } else if (type == "call.end") {
      self_.fail("the call ended: " + text_of(message, "reason"));
    } else if (type == "bye") {
      self_.fail("the server said bye: " + text_of(message, "reason"));
    }
  }

 private:
  [[nodiscard]] bool opens_call() const { return self_.part().index == 0; }

  [[nodiscard]] bool everybody_online() {
    for (const Participant* member : self_.room().members) {
      if (!member->online()) return false;
    }
    return true;
  }

  void request(const char* type, Json body) {
    body["type"] = type;
    body["id"] = random_uuid();
    requests_[body["id"]] = type;
    self_.send(body.dump());
  }

  void open_call() {
    Json to = Json::array();
    for (const std::string& name : self_.room().invited) {
      if (name != self_.part().name) to.push_back(name);
    }
    self_.mark_join();
    const std::string id = random_uuid();  // the call's id is the id of its call.init
    self_.room().call_id = call_id_ = id;
    self_.room().opened_ns = monotonic_ns();
    in_call_ = true;
    requests_[id] = "call.init";
    self_.send(Json{{"type", "call.init"},
                    {"id", id},
                    {"from", self_.part().name},
                    {"to", std::move(to)},
                    {"settings", {{"audio", true}, {"video", true}}}}
                   .dump());
  }

  void on_welcome(const Json& welcome) {
    self_.mark_online();
    const Json& calls = member(welcome, "calls");
    if (!calls.is_array()) return;
    for (const Json& call : calls) {
      if (text_of(call, "callId") != self_.room().call_id || !flag_of(call, "canJoin")) continue;
      call_id_ = self_.room().call_id;
      accept_due_ns_ = monotonic_ns();
    }
  }

  void on_init(const Json& event) {
    if (text_of(event, "callId") != self_.room().call_id || opens_call()) return;
    call_id_ = self_.room().call_id;
    request("call.ringing", {{"callId", call_id_}});
    accept_due_ns_ = self_.room().opened_ns +
                     static_cast<std::uint64_t>(self_.part().index) * join_interval_ns();
  }

  [[nodiscard]] std::uint64_t join_interval_ns() const {
    return static_cast<std::uint64_t>(self_.options().join_interval_ms) * kMilliNs;
  }

  void accept() {
    accept_due_ns_ = 0;
    if (in_call_) return;
    in_call_ = true;
    self_.mark_join();
    request("call.accept", {{"callId", call_id_}});
  }

  void on_offer(const Json& event) {
    if (text_of(event, "callId") != call_id_) return;
    const bool first = connection_ == nullptr;
    const bool publishes = self_.part().publishes;
    if (first) {
      connection_ = &self_.new_connection(false);
      if (publishes) self_.publish_on(*connection_);
    }
    const std::string sdp = connection_->answer(text_of(event, "sdp"), publishes, publishes);
    request("media.answer", {{"callId", call_id_}, {"rev", number_of(event, "rev")}, {"sdp", sdp}});
    if (log_enabled(3)) log(3, "[" + self_.part().name + "] answers " + sdp);
    if (first && publishes) {
      request("media.publish", {{"callId", call_id_}, {"sources", {"mic", "camera"}}});
    }
  }

  void on_error(const Json& error) {
    const auto it = requests_.find(text_of(error, "ref"));
    const std::string what = it == requests_.end() ? "an unknown request" : it->second;
    const std::string code = text_of(error, "code");
    // A newer offer overtook this answer, and is on its way.
    if (what == "media.answer" && code == "conflict") return;
    const std::string text = what + " was refused: " + code + ": " + text_of(error, "message");
    if (what == "media.answer") {
      self_.media_refused(text);
    } else {
      self_.fail(text);
    }
  }

  Participant& self_;
  std::map<std::string, std::string> requests_;  // type by id, to tell what an error is about
  std::string call_id_;
  bool in_call_ = false;
  std::uint64_t accept_due_ns_ = 0;
  PeerConnection* connection_ = nullptr;  // owned by self_
};

}  // namespace

std::unique_ptr<Driver> make_parley_driver(Participant& participant) {
  return std::make_unique<ParleyDriver>(participant);
}

}  // namespace parley::load
