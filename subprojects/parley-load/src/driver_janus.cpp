// Janus over its WebSocket API, VideoRoom plugin: each participant has one handle that publishes
// and one multistream handle that subscribes.
#include <map>
#include <set>

#include "base.h"
#include "driver.h"
#include "json.h"
#include "participant.h"

namespace parley::load {
namespace {

constexpr const char* kPlugin = "janus.plugin.videoroom";
constexpr std::uint64_t kKeepAliveNs = 20 * kSecondNs;  // Janus ends a silent session after 60 s

class JanusDriver : public Driver {
 public:
  explicit JanusDriver(Participant& self) : self_(self) {}

  [[nodiscard]] std::string sub_protocol() const override { return "janus-protocol"; }

  void on_open() override { request({{"janus", "create"}}, Step::kCreate); }

  void on_tick(std::uint64_t now_ns) override {
    if (session_ != 0 && now_ns > last_keep_alive_ns_ + kKeepAliveNs) {
      last_keep_alive_ns_ = now_ns;
      request({{"janus", "keepalive"}}, Step::kOther);
    }
    subscribe();
  }

  void leave() override {
    if (session_ != 0) request({{"janus", "destroy"}}, Step::kOther);
  }

  void on_text(const std::string& text) override {
    const Json message = parse_json(text);
    const std::string kind = text_of(message, "janus");
    if (kind == "error") {
      self_.fail("Janus answered " + member(message, "error").dump());
    } else if (kind == "success") {
      on_success(message);
    } else if (kind == "hangup" || kind == "detached" || kind == "timeout") {
      self_.fail("Janus ended the handle: " + kind + " " + text_of(message, "reason"));
    } else if (kind == "event") {
      on_event(message);
    }
  }

 private:
  enum class Step { kOther, kCreate, kAttachPublisher, kMakeRoom, kAttachSubscriber };

  void request(Json body, Step step) {
    const std::string transaction = random_text(12);
    body["transaction"] = transaction;
    if (session_ != 0) body["session_id"] = session_;
    if (step != Step::kOther) steps_[transaction] = step;
    self_.send(body.dump());
  }

  void message(std::uint64_t handle, Json body, Step step, const Json& jsep = nullptr) {
    Json wrapped{{"janus", "message"}, {"handle_id", handle}, {"body", std::move(body)}};
    if (!jsep.is_null()) wrapped["jsep"] = jsep;
    request(std::move(wrapped), step);
  }

  void on_success(const Json& message_in) {
    const auto it = steps_.find(text_of(message_in, "transaction"));
    if (it == steps_.end()) return;
    const Step step = it->second;
    steps_.erase(it);
    const std::uint64_t id = number_of(member(message_in, "data"), "id");
    const Json attach{{"janus", "attach"}, {"plugin", kPlugin}};
    if (step == Step::kCreate) {
      session_ = id;
      last_keep_alive_ns_ = monotonic_ns();
      request(attach, Step::kAttachPublisher);
    } else if (step == Step::kAttachPublisher) {
      publisher_handle_ = id;
      make_room();
    } else if (step == Step::kMakeRoom) {
      message(publisher_handle_,
              {{"request", "join"},
               {"ptype", "publisher"},
               {"room", self_.room().number},
               {"display", self_.part().name}},
              Step::kOther);
    } else if (step == Step::kAttachSubscriber) {
      subscriber_handle_ = id;
      subscribe();
    }
  }

  // Everybody asks for the room; whoever comes second is told that it exists, which is as good.
  void make_room() {
    message(publisher_handle_,
            {{"request", "create"},
             {"room", self_.room().number},
             {"publishers", 1000},
             {"bitrate", 0},
             {"audiocodec", "opus"},
             {"videocodec", "vp8"},
             {"notify_joining", false},
             {"permanent", false}},
            Step::kMakeRoom);
  }

  void on_event(const Json& message_in) {
    const Json& data = member(member(message_in, "plugindata"), "data");
    const std::uint64_t sender = number_of(message_in, "sender");
    if (data.is_object() && data.contains("error_code")) {
      self_.fail("Janus VideoRoom answered " + data.dump());
      return;
    }
    const std::string event = text_of(data, "videoroom");
    if (event == "joined") {
      on_joined(data);
    } else if (sender == publisher_handle_) {
      add_feeds(member(data, "publishers"));
    }
    const Json& jsep = member(message_in, "jsep");
    if (jsep.is_object()) {
      on_jsep(sender, jsep);
    } else if (sender == subscriber_handle_ &&
               (event == "updated" || text_of(data, "started") == "ok")) {
      subscribing_ = false;
      subscribe();
    }
  }

  void on_joined(const Json& data) {
    self_.mark_online();
    private_id_ = number_of(data, "private_id");
    if (self_.part().views) {
      request({{"janus", "attach"}, {"plugin", kPlugin}}, Step::kAttachSubscriber);
    }
    add_feeds(member(data, "publishers"));
    if (!self_.part().publishes) return;
    publisher_ = &self_.new_connection(true);
    self_.publish_on(*publisher_);
    publisher_->add_line(Kind::kAudio, "sendonly", "");
    publisher_->add_line(Kind::kVideo, "sendonly", "");
    message(publisher_handle_, {{"request", "publish"}}, Step::kOther,
            {{"type", "offer"}, {"sdp", publisher_->make_offer()}, {"trickle", false}});
  }

  void on_jsep(std::uint64_t sender, const Json& jsep) {
    const std::string type = text_of(jsep, "type");
    const std::string sdp = text_of(jsep, "sdp");
    if (sender == publisher_handle_ && type == "answer" && publisher_ != nullptr) {
      publisher_->accept_answer(sdp);
    } else if (sender == subscriber_handle_ && type == "offer") {
      if (subscriber_ == nullptr) subscriber_ = &self_.new_connection(false);
      message(subscriber_handle_, {{"request", "start"}}, Step::kOther,
              {{"type", "answer"},
               {"sdp", subscriber_->answer(sdp, false, false)},
               {"trickle", false}});
    }
  }

  void add_feeds(const Json& publishers) {
    if (!self_.part().views || !publishers.is_array()) return;
    for (const Json& publisher : publishers) {
      const std::uint64_t id = number_of(publisher, "id");
      if (id != 0 && known_feeds_.insert(id).second) wanted_feeds_.insert(id);
    }
    subscribe();
  }

  // One subscription at a time: Janus renegotiates for each.
  void subscribe() {
    if (subscriber_handle_ == 0 || wanted_feeds_.empty() || subscribing_) return;
    Json streams = Json::array();
    for (const std::uint64_t feed : wanted_feeds_) streams.push_back({{"feed", feed}});
    wanted_feeds_.clear();
    subscribing_ = true;
    Json body{{"request", "subscribe"}, {"streams", std::move(streams)}};
    if (!subscribed_) {
      subscribed_ = true;
      body["request"] = "join";
      body["ptype"] = "subscriber";
      body["room"] = self_.room().number;
      body["private_id"] = private_id_;
    }
    message(subscriber_handle_, std::move(body), Step::kOther);
  }

  Participant& self_;
  std::uint64_t session_ = 0;
  std::uint64_t publisher_handle_ = 0;
  std::uint64_t subscriber_handle_ = 0;
  std::uint64_t private_id_ = 0;
  std::uint64_t last_keep_alive_ns_ = 0;
  std::map<std::string, Step> steps_;  // by transaction
  std::set<std::uint64_t> known_feeds_;
  std::set<std::uint64_t> wanted_feeds_;
  bool subscribed_ = false;
  bool subscribing_ = false;
  PeerConnection* publisher_ = nullptr;  // both owned by self_
  PeerConnection* subscriber_ = nullptr;
};

}  // namespace

std::unique_ptr<Driver> make_janus_driver(Participant& participant) {
  return std::make_unique<JanusDriver>(participant);
}

}  // namespace parley::load
