// ICE for one UDP socket with one host candidate (RFC 8445): connectivity checks, consent, both
// roles, role conflicts. The message integrity of what the peer says is not verified: a load
// generator on its own machine has no attacker, and the server is what is tested.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace parley::load {

// Single-threaded. Sends by the given function; never touches a socket.
class IceAgent {
 public:
  using Send = std::function<void(std::span<const std::uint8_t>, const sockaddr_in&)>;

  // With `allow_local_addresses` the peer may also be at this machine's own addresses, which the
  // kernel routes over loopback. Nothing is ever sent to any other address.
  IceAgent(bool controlling, bool allow_local_addresses, Send send);

  [[nodiscard]] const std::string& ufrag() const { return ufrag_; }
  [[nodiscard]] const std::string& pwd() const { return pwd_; }

  void set_remote(const std::string& ufrag, const std::string& pwd, bool lite);
  // A value of a=candidate; what is not a UDP host candidate on this machine is passed over.
  void add_remote_candidate(const std::string& text);
  void on_stun(std::span<const std::uint8_t> message, const sockaddr_in& from);
  void tick(std::uint64_t now_ns);

  // The address the peer was found at, once it was.
  [[nodiscard]] bool selected() const { return selected_; }
  [[nodiscard]] const sockaddr_in& peer() const { return peer_; }
  std::function<void()> on_selected;

 private:
  void select(const sockaddr_in& peer);
  void send_check(const sockaddr_in& to);
  void answer_check(std::span<const std::uint8_t> request, const sockaddr_in& from);

  Send send_;
  bool controlling_;
  bool allow_local_addresses_;
  std::uint64_t tie_breaker_;
  std::string ufrag_;
  std::string pwd_;
  std::string remote_ufrag_;
  std::string remote_pwd_;
  std::vector<sockaddr_in> candidates_;
  sockaddr_in peer_{};
  bool selected_ = false;
  int checks_sent_ = 0;
  std::uint64_t next_check_ns_ = 0;
};

}  // namespace parley::load
