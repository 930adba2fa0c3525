#include "load.h"

#include <poll.h>

#include <algorithm>

namespace parley::test {
namespace {

constexpr int kSilenceMs = 30000;  // for hangs, not for speed

std::string quoted(const char* name, const std::string& value) {
  return "\"" + std::string(name) + "\":\"" + value + "\"";
}

}  // namespace

void Ledger::note_text(const std::string& id, const std::string& chain, const std::string& from,
                       const std::string& body, std::int64_t at) {
  Text& text = texts[id];
  if (text.body != body || text.from != from || (!text.chain.empty() && text.chain != chain) ||
      (text.at != 0 && text.at != at))
    wrong.push_back("text " + id + " was told otherwise than before");
  text.chain = chain;
  text.at = at;
}

void Ledger::note_end(const std::string& call, const std::string& how) {
  const auto [known, fresh] = ends.emplace(call, how);
  if (!fresh && known->second != how)
    wrong.push_back("call " + call + " ended twice: " + known->second + " and " + how);
}

std::string how_it_ended(const Message& message) {
  return message.text("reason") + " " + std::to_string(message.number("durationMs")) + " " +
         message.texts("outcomes");
}

bool run_until(Parleyd& server, const std::vector<Device*>& devices,
               const std::function<bool()>& done) {
  while (!done()) {
    std::vector<pollfd> fds = {{server.log_fd(), POLLIN, 0}};
    for (Device* device : devices) {
      device->flush();
      const short events = device->wants_to_write() ? POLLIN | POLLOUT : POLLIN;
      fds.push_back({device->closed() ? -1 : device->fd(), events, 0});
    }
    if (poll(fds.data(), fds.size(), kSilenceMs) <= 0) return false;
    if (fds[0].revents != 0) server.drain();
    if ((fds[0].revents & POLLHUP) != 0) return false;
    for (std::size_t i = 0; i < devices.size(); ++i)
      if ((fds[i + 1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) devices[i]->read();
  }
  return true;
}

Load::Load(Parleyd& server, Ledger& ledger, std::mt19937& random,
           const std::array<std::string, kUsers>& tokens)
    : server_(server), ledger_(ledger), random_(random), tokens_(tokens) {
  for (std::size_t u = 0; u < kUsers; ++u) users_[u].profile = "u" + std::to_string(u);
}

bool Load::connect() {
  for (std::size_t u = 0; u < kUsers; ++u) {
    User& user = users_[u];
    for (std::size_t d = 0; d < user.devices.size(); ++d) {
      const std::size_t connection = ledger_.heard.size();
      ledger_.heard.emplace_back();
      user.devices[d] = std::make_unique<Device>(
          server_.port(), [this, &user, d, connection](const Message& message) {
            heard(user, d, connection, message);
          });
      user.devices[d]->ask("hello", next_id("h"), quoted("token", tokens_[u]));
    }
  }
  return run_until(server_, devices(), [this] {
    return std::all_of(users_.begin(), users_.end(),
                       [](const User& user) { return user.welcomed == user.devices.size(); });
  });
}

bool Load::play(std::size_t messages) {
  for (User& user : users_) {
    for (std::size_t d = 0; d < user.devices.size(); ++d)
      for (int outstanding = 0; outstanding < 3; ++outstanding) write_text(user, d);
    begin_call(user);
  }
  messages_ = 0;
  return run_until(server_, devices(), [this, messages] { return messages_ >= messages; });
}

void Load::take_the_rest() {
  dead_ = true;
  for (Device* device : devices()) device->read_to_end();
}

void Load::heard(User& user, std::size_t device, std::size_t connection, const Message& message) {
  ++messages_;
  const std::string type = message.type();
  if (type == "welcome") {
    ++user.welcomed;
    message.each("calls", [this](const Message& call) {
      ledger_.wrong.push_back("a new server shows call " + call.text("callId") + " as live");
    });
  } else if (type == "ok") {
    heard_ok(user, device, message);
  } else if (type == "error") {
    heard_error(user, message);
  } else if (type == "text") {
    ledger_.note_text(message.text("id"), message.text("chainId"), message.text("from"),
                      message.text("body"), message.number("at"));
    ledger_.heard[connection].emplace_back(message.text("chainId"), message.text("id"));
  } else if (type == "call.end") {
    ledger_.note_end(message.text("callId"), how_it_ended(message));
    if (device == 0 && message.text("callId").ends_with(user.profile)) begin_call(user);
  } else if (type == "call.init") {
    heard_init(user, device, message);
  } else if (device == 0) {
    heard_of_own_call(user, message);
  }
}

void Load::heard_ok(User& user, std::size_t device, const Message& message) {
  const std::string id = message.text("ref");
  const auto text = ledger_.texts.find(id);
  if (text != ledger_.texts.end()) {
    const std::string chain = message.text("chainId");
    ledger_.note_text(id, chain, text->second.from, text->second.body, message.number("at"));
    if (chain == id)
      for (User& member : users_)
        if (ledger_.members[chain].contains(member.profile)) member.chains.push_back(chain);
    write_text(user, device);
  } else if (id.starts_with("k")) {
    ledger_.calls.insert(id);
  } else if (id.starts_with("a") && plot_of(id.substr(id.find('.') + 1)) == Plot::kContested) {
    const std::string call = id.substr(id.find('.') + 1);
    user.devices[device]->ask("call.hangup", next_id("x"), quoted("callId", call));
  }
}

// Calls are contested on purpose; a text or a new call is not to be refused.
void Load::heard_error(const User& user, const Message& message) {
  const std::string id = message.text("ref");
  if (ledger_.texts.contains(id) || id.starts_with("k") || id.starts_with("h"))
    ledger_.wrong.push_back(user.profile + "'s " + id + " was refused: " + message.text("code") +
                            ": " + message.text("message"));
}

void Load::heard_init(User& user, std::size_t device, const Message& message) {
  const std::string call = message.text("callId");
  const std::string about = quoted("callId", call);
  Device& it = *user.devices[device];
  if (message.text("from") == user.profile) return it.ask("call.pending", next_id("p"), about);
  it.ask("call.ringing", next_id("r"), about);
  const Plot plot = plot_of(call);
  const bool accepts = plot == Plot::kAccepted || plot == Plot::kLeftRunning;
  if (plot == Plot::kContested || (accepts && device == 0))
    it.ask("call.accept", next_id("a") + "." + call, about);
  if (plot == Plot::kRejected && device == 1) it.ask("call.reject", next_id("j"), about);
}

void Load::heard_of_own_call(User& user, const Message& message) {
  const std::string call = message.text("callId");
  if (!call.ends_with(user.profile)) return;
  const Plot plot = plot_of(call);
  const std::string type = message.type();
  if ((type == "call.accept" && plot == Plot::kAccepted) ||
      (type == "call.ringing" && plot == Plot::kCancelled))
    user.devices[0]->ask("call.hangup", next_id("x"), quoted("callId", call));
  if ((type == "call.ringing" && plot == Plot::kLeftRinging) ||
      (type == "call.accept" && plot == Plot::kLeftRunning))
    begin_call(user);
}

void Load::write_text(User& user, std::size_t device) {
  if (dead_) return;
  const std::string id = next_id("t");
  const std::string body = "text " + id + " of " + user.profile + std::string(below(400), '.');
  std::string where;
  if (user.chains.empty() || below(50) == 0) {
    const User& other = users_[below(kUsers)];
    ledger_.members[id] = {user.profile, other.profile};
    where = quoted("to", other.profile);
    if (other.profile == user.profile) {
      ledger_.members[id].insert("somebody");
      where = quoted("to", "somebody");
    }
  } else {
    where = quoted("chainId", user.chains[below(user.chains.size())]);
  }
  ledger_.texts[id] = {"", user.profile, body, 0};
  user.devices[device]->ask(
      "text", id, quoted("from", user.profile) + "," + where + "," + quoted("body", body));
}

// To the next user, so that no two calls cross.
void Load::begin_call(User& user) {
  if (dead_) return;
  auto plot = static_cast<Plot>(below(6));
  const bool stays = plot == Plot::kLeftRinging || plot == Plot::kLeftRunning;
  if (stays && !user.left.insert(plot).second) plot = Plot::kAccepted;
  const auto index = static_cast<std::size_t>(&user - users_.data());
  const std::string id =
      next_id("k" + std::to_string(static_cast<int>(plot)) + "-") + "-" + user.profile;
  user.devices[0]->ask(
      "call.init", id,
      quoted("from", user.profile) + "," + quoted("to", users_[(index + 1) % kUsers].profile));
}

Load::Plot Load::plot_of(const std::string& call) { return static_cast<Plot>(call.at(1) - '0'); }

// Unique among all runs.
std::string Load::next_id(const std::string& prefix) {
  static std::uint64_t last = 0;
  return prefix + std::to_string(++last);
}

std::size_t Load::below(std::size_t bound) { return random_() % bound; }

std::vector<Device*> Load::devices() const {
  std::vector<Device*> all;
  for (const User& user : users_)
    for (const auto& device : user.devices)
      if (device) all.push_back(device.get());
  return all;
}

}  // namespace parley::test
