// A trivial JSON protocol with one PeerConnection per participant; the server always offers.
// README.md describes it.
#include "base.h"
#include "driver.h"
#include "json.h"
#include "participant.h"

namespace parley::load {
namespace {

class GenericDriver : public Driver {
 public:
  explicit GenericDriver(Participant& self) : self_(self) {}

  void on_open() override {
    self_.mark_online();
    self_.send(Json{{"type", "join"},
                    {"room", self_.room().name},
                    {"peer", self_.part().name},
                    {"publish", self_.part().publishes},
                    {"view", self_.part().views}}
                   .dump());
  }

  void on_text(const std::string& text) override {
    const Json message = parse_json(text);
    const std::string type = text_of(message, "type");
    if (type == "offer") {
      on_offer(message);
    } else if (type == "candidate" && connection_ != nullptr) {
      connection_->add_remote_candidate(text_of(message, "candidate"));
    } else if (type == "failed") {
      self_.media_refused(text_of(message, "message"));
    } else if (type == "error") {
      self_.fail("the server answered " + text);
    }
  }

  void leave() override { self_.send(R"({"type":"leave"})"); }

 private:
  void on_offer(const Json& message) {
    const bool first = connection_ == nullptr;
    const bool publishes = self_.part().publishes;
    if (first) {
      connection_ = &self_.new_connection(false);
      if (publishes) self_.publish_on(*connection_);
    }
    Json reply{{"type", "answer"},
               {"sdp", connection_->answer(text_of(message, "sdp"), publishes, publishes)}};
    if (message.contains("id")) reply["id"] = message["id"];
    self_.send(reply.dump());
    if (!first) return;
    self_.send(
        Json{{"type", "candidate"}, {"candidate", connection_->candidate()}, {"sdpMLineIndex", 0}}
            .dump());
  }

  Participant& self_;
  PeerConnection* connection_ = nullptr;  // owned by self_
};

}  // namespace

std::unique_ptr<Driver> make_generic_driver(Participant& participant) {
  return std::make_unique<GenericDriver>(participant);
}

}  // namespace parley::load
