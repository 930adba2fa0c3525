// One webrtcbin in a pipeline of its own: the DTLS side of a leg, and the base of its description.
//
// It is given one audio and one video transceiver and no data channel (usrsctp is old C that a peer
// could reach). No text of a peer and no RTP ever enters it.
#pragma once

#include <gst/gst.h>
#include <gst/webrtc/webrtc.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "media/control_values.h"
#include "media/ice_agent.h"
#include "media/io_thread.h"
#include "wrap/gst.h"
#include "wrap/signals.h"

namespace parley::media {

// What is left of a PeerConnection for the reaper.
struct Remains {
  TransportId id;
  wrap::Ref<GstElement> pipeline;
  wrap::Ref<GstElement> webrtcbin;
  wrap::Ref<GstPromise> last_operation;  // to be waited for before going to NULL
};

// Owned by the control thread. GStreamer's threads report through `box`.
class PeerConnection {
 public:
  // DTLS datagrams kept until webrtcbin can take them; a ClientHello may come before the answer.
  // More are dropped: DTLS sends again (RFC 6347, 4.2.4).
  static constexpr std::size_t kHeldDatagrams = 8;

  // Starts the pipeline and asks for the base offer (BaseOffered).
  [[nodiscard]] static base::Result<std::unique_ptr<PeerConnection>> start(
      TransportId id, std::shared_ptr<ControlBox> box, const std::shared_ptr<IoThread::Inbox>& io);
  // `retire()` first, or the pipeline goes to NULL here, which may block.
  ~PeerConnection();
  PeerConnection(const PeerConnection&) = delete;
  PeerConnection& operator=(const PeerConnection&) = delete;

  [[nodiscard]] TransportId id() const { return id_; }

  // Takes the base offer as local description, and keeps its text.
  void set_local(GstWebRTCSessionDescription* description);
  [[nodiscard]] const std::string& base_offer() const { return base_offer_; }
  // kInternal when the text does not parse, which would be our own doing. RemoteTaken follows.
  [[nodiscard]] base::Result<void> set_remote(const std::string& sdp);
  [[nodiscard]] bool has_remote() const { return remote_set_; }

  void on_remote_taken();
  void on_path_selected();
  void on_datagram(std::vector<std::uint8_t> datagram);

  // Hands the pipeline over; nothing may be called afterwards but the destructor.
  [[nodiscard]] Remains retire();

 private:
  // What GStreamer's threads may touch: an id and a mailbox.
  struct Reporter {
    TransportId id;
    std::shared_ptr<ControlBox> box;
    void on_element_added(GstElement* element) const;
  };

  PeerConnection(TransportId id, std::shared_ptr<ControlBox> box);
  base::Result<void> build(const std::shared_ptr<IoThread::Inbox>& io);
  void add_transceivers();
  void let_flow();
  // webrtcbin does what it is asked for one after the other, on a thread of its own.
  void remember_operation(GstPromise* promise);

  TransportId id_;
  std::shared_ptr<Reporter> reporter_;
  wrap::Ref<GstElement> pipeline_;
  wrap::Ref<GstElement> webrtcbin_;
  wrap::Ref<GstWebRTCICE> agent_;
  wrap::Ref<GstElement> source_;
  wrap::Ref<GstPromise> last_operation_;
  wrap::Connection element_added_;
  std::string base_offer_;
  bool remote_set_ = false;
  bool remote_taken_ = false;
  bool path_selected_ = false;
  bool flowing_ = false;
  std::vector<std::vector<std::uint8_t>> held_;
};

}  // namespace parley::media
