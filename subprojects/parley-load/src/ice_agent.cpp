#include "ice_agent.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <sstream>

#include "base.h"
#include "bytes.h"

namespace parley::load {
namespace {

// Numbers of RFC 8489 and RFC 8445.
constexpr std::uint32_t kMagicCookie = 0x2112A442;
constexpr std::uint16_t kBindingRequest = 0x0001;
constexpr std::uint16_t kBindingSuccess = 0x0101;
constexpr std::uint16_t kBindingError = 0x0111;
constexpr std::uint16_t kUsername = 0x0006;
constexpr std::uint16_t kMessageIntegrity = 0x0008;
constexpr std::uint16_t kErrorCode = 0x0009;
constexpr std::uint16_t kXorMappedAddress = 0x0020;
constexpr std::uint16_t kPriority = 0x0024;
constexpr std::uint16_t kUseCandidate = 0x0025;
constexpr std::uint16_t kFingerprint = 0x8028;
constexpr std::uint16_t kIceControlled = 0x8029;
constexpr std::uint16_t kIceControlling = 0x802A;
constexpr std::size_t kStunHeader = 20;
constexpr std::size_t kHmacBytes = 20;
constexpr std::uint32_t kPeerReflexivePriority = 1853824767;

// Our choices: as browsers, checks each 100 ms until one is answered, consent each 2.5 s.
constexpr std::uint64_t kCheckIntervalNs = 100 * kMilliNs;
constexpr std::uint64_t kConsentIntervalNs = 2500 * kMilliNs;

std::uint32_t crc32(std::span<const std::uint8_t> data) {
  std::uint32_t crc = ~0U;
  for (const std::uint8_t byte : data) {
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? 0xEDB88320U ^ (crc >> 1) : crc >> 1;
  }
  return ~crc;
}

class StunWriter {
 public:
  StunWriter(std::uint16_t type, const std::uint8_t* transaction) {
    put16(bytes_.data(), type);
    put32(bytes_.data() + 4, kMagicCookie);
    std::memcpy(bytes_.data() + 8, transaction, 12);
  }
  void attribute(std::uint16_t type, const void* value, std::size_t size) {
    put16(&bytes_[size_], type);
    put16(&bytes_[size_ + 2], static_cast<std::uint32_t>(size));
    if (size > 0) std::memcpy(&bytes_[size_ + 4], value, size);
    size_ += 4 + size;
    while ((size_ & 3) != 0) bytes_[size_++] = 0;
  }
  // Adds integrity and fingerprint; nothing may follow.
  std::span<const std::uint8_t> finish(const std::string& pwd) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> mac{};
    unsigned mac_size = 0;
    set_length(4 + kHmacBytes);
    HMAC(EVP_sha1(), pwd.data(), static_cast<int>(pwd.size()), bytes_.data(), size_, mac.data(),
         &mac_size);
    attribute(kMessageIntegrity, mac.data(), kHmacBytes);
    set_length(8);
    std::array<std::uint8_t, 4> crc{};
    put32(crc.data(), crc32({bytes_.data(), size_}) ^ 0x5354554eU);
    attribute(kFingerprint, crc.data(), crc.size());
    set_length(0);
    return {bytes_.data(), size_};
  }

 private:
  void set_length(std::size_t to_come) {
    put16(&bytes_[2], static_cast<std::uint32_t>(size_ - kStunHeader + to_come));
  }
  std::array<std::uint8_t, 512> bytes_{};
  std::size_t size_ = kStunHeader;
};

// Calls `visit(type, value, size)` for each attribute.
template <class Visit>
void each_attribute(std::span<const std::uint8_t> message, Visit visit) {
  for (std::size_t at = kStunHeader; at + 4 <= message.size();) {
    const std::size_t size = get16(&message[at + 2]);
    if (at + 4 + size > message.size()) return;
    visit(get16(&message[at]), message.data() + at + 4, size);
    at += 4 + ((size + 3) & ~std::size_t{3});
  }
}

bool is_own_address(in_addr_t address) {
  static const std::vector<in_addr_t> own = [] {
    std::vector<in_addr_t> found;
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return found;
    for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
      if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != AF_INET) continue;
      found.push_back(reinterpret_cast<const sockaddr_in*>(i->ifa_addr)->sin_addr.s_addr);
    }
    freeifaddrs(list);
    return found;
  }();
  return std::find(own.begin(), own.end(), address) != own.end();
}

bool stays_on_this_machine(const sockaddr_in& address, bool allow_local_addresses) {
  if (ntohl(address.sin_addr.s_addr) >> 24 == 127) return true;
  return allow_local_addresses && is_own_address(address.sin_addr.s_addr);
}

bool same_endpoint(const sockaddr_in& a, const sockaddr_in& b) {
  return a.sin_port == b.sin_port && a.sin_addr.s_addr == b.sin_addr.s_addr;
}

}  // namespace

IceAgent::IceAgent(bool controlling, bool allow_local_addresses, Send send)
    : send_(std::move(send)),
      controlling_(controlling),
      allow_local_addresses_(allow_local_addresses),
      tie_breaker_(random_u64()),
      ufrag_(random_text(8)),
      pwd_(random_text(24)) {}

void IceAgent::set_remote(const std::string& ufrag, const std::string& pwd, bool lite) {
  if (ufrag == remote_ufrag_ && pwd == remote_pwd_) return;
  remote_ufrag_ = ufrag;
  remote_pwd_ = pwd;
  if (lite) controlling_ = true;  // RFC 8445, 6.1.1
}

void IceAgent::add_remote_candidate(const std::string& text) {
  std::istringstream words(text);
  std::string foundation;
  std::string protocol;
  std::string address;
  std::string typ;
  std::string type;
  int component = 0;
  std::uint16_t port = 0;
  std::uint64_t priority = 0;
  words >> foundation >> component >> protocol >> priority >> address >> port >> typ >> type;
  if (!words || component != 1 || strcasecmp(protocol.c_str(), "udp") != 0 || type != "host")
    return;
  sockaddr_in candidate{};
  candidate.sin_family = AF_INET;
  candidate.sin_port = htons(port);
  if (inet_pton(AF_INET, address.c_str(), &candidate.sin_addr) != 1) return;
  if (!stays_on_this_machine(candidate, allow_local_addresses_)) {
    log(2, "passing over the candidate " + address + ": not on this machine's loopback");
    return;
  }
  const auto known = [&](const sockaddr_in& other) { return same_endpoint(candidate, other); };
  if (std::any_of(candidates_.begin(), candidates_.end(), known)) return;
  candidates_.push_back(candidate);
  if (!remote_pwd_.empty() && !selected_) send_check(candidate);
}

void IceAgent::select(const sockaddr_in& peer) {
  if (selected_) return;
  peer_ = peer;
  selected_ = true;
  if (on_selected) on_selected();
}

void IceAgent::send_check(const sockaddr_in& to) {
  std::array<std::uint8_t, 12> transaction{};
  for (std::size_t i = 0; i < transaction.size(); i += 4) put32(&transaction[i], random_u32());
  StunWriter check(kBindingRequest, transaction.data());
  const std::string username = remote_ufrag_ + ":" + ufrag_;
  check.attribute(kUsername, username.data(), username.size());
  std::array<std::uint8_t, 8> value{};
  put32(value.data(), kPeerReflexivePriority);
  check.attribute(kPriority, value.data(), 4);
  put32(value.data(), static_cast<std::uint32_t>(tie_breaker_ >> 32));
  put32(value.data() + 4, static_cast<std::uint32_t>(tie_breaker_));
  check.attribute(controlling_ ? kIceControlling : kIceControlled, value.data(), 8);
  if (controlling_) check.attribute(kUseCandidate, nullptr, 0);
  send_(check.finish(remote_pwd_), to);
  checks_sent_++;
}

void IceAgent::answer_check(std::span<const std::uint8_t> request, const sockaddr_in& from) {
  StunWriter answer(kBindingSuccess, request.data() + 8);
  std::array<std::uint8_t, 8> mapped{0, 1};  // family IPv4
  put16(&mapped[2], std::uint32_t{ntohs(from.sin_port)} ^ (kMagicCookie >> 16));
  put32(&mapped[4], ntohl(from.sin_addr.s_addr) ^ kMagicCookie);
  answer.attribute(kXorMappedAddress, mapped.data(), mapped.size());
  send_(answer.finish(pwd_), from);
}

void IceAgent::on_stun(std::span<const std::uint8_t> message, const sockaddr_in& from) {
  if (message.size() < kStunHeader || get32(&message[4]) != kMagicCookie) return;
  if (!stays_on_this_machine(from, allow_local_addresses_)) return;
  bool nominated = false;
  bool role_conflict = false;
  each_attribute(message, [&](std::uint16_t type, const std::uint8_t* value, std::size_t size) {
    if (type == kUseCandidate) nominated = true;
    if (type == kErrorCode && size >= 4) role_conflict = value[2] * 100 + value[3] == 487;
  });
  const std::uint16_t type = get16(message.data());
  if (type == kBindingRequest) {
    answer_check(message, from);
    if (!controlling_ && nominated) select(from);
    const bool triggered = controlling_ ? !selected_ : !selected_ || checks_sent_ < 2;
    if (triggered && !remote_pwd_.empty()) send_check(from);  // RFC 8445, 7.3.1.4
  } else if (type == kBindingSuccess && controlling_) {
    select(from);
  } else if (type == kBindingError && role_conflict) {
    controlling_ = !controlling_;
    log(1, "ICE role conflict: switching roles");
  }
}

void IceAgent::tick(std::uint64_t now_ns) {
  if (remote_pwd_.empty() || now_ns < next_check_ns_) return;
  if (selected_) {
    send_check(peer_);
    next_check_ns_ = now_ns + kConsentIntervalNs;
  } else {
    for (const sockaddr_in& candidate : candidates_) send_check(candidate);
    next_check_ns_ = now_ns + kCheckIntervalNs;
  }
}

}  // namespace parley::load
