// A leg whose media comes from a job: it publishes the sources that are attached, and receives
// nothing.
#pragma once

#include <utility>

#include "media/any_leg.h"

namespace parley::media {

// Owned by the control thread.
class PortLeg final : public AnyLeg {
 public:
  PortLeg(LegId id, LegContext& context) : AnyLeg(id), context_(context) {
    context_.io->post(AddPort{id_});
  }
  void close() override { context_.retire_port(id_); }

  void on(const FellSilent& /*report*/) override { context_.emit(Silent{id_}); }
  void on(const BecameAudible& /*report*/) override { context_.emit(Audible{id_}); }

  // The sources that are attached now. The router must know them before their packets come.
  void attach(std::set<base::Source> sources) {
    const bool first = !connected_ && !sources.empty();
    published_ = std::move(sources);
    std::vector<router::IncomingTrack> tracks;
    for (const base::Source source : published_) tracks.push_back({source, {}, {}});
    context_.io->post(SetIncoming{id_, std::move(tracks)});
    if (!first) return;
    connected_ = true;
    context_.emit(Connected{id_});
  }

 private:
  LegContext& context_;
  bool connected_ = false;
};

}  // namespace parley::media
