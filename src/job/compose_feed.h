// A pad of a running compositor or audiomixer, and the appsrc that feeds it: there while this
// lives.
//
// Made and destroyed on the job's main thread; push() on any.
#pragma once

#include <gst/gst.h>

#include <memory>

#include "base/result.h"
#include "job/compose_sample.h"
#include "wrap/gst.h"

namespace parley::job {

class ComposeFeed {
 public:
  // kUnavailable: `mixer`, which is in a bin, gives no pad.
  [[nodiscard]] static base::Result<std::unique_ptr<ComposeFeed>> make(GstElement* mixer);
  // Without a stop of what the others feed.
  ~ComposeFeed();
  ComposeFeed(const ComposeFeed&) = delete;
  ComposeFeed& operator=(const ComposeFeed&) = delete;

  // (transfer none) As if it were `later`. Never waits: what is not taken in time is dropped,
  // oldest first. False: it does not take any, for the pipeline has not started.
  bool push(GstSample* sample, GstClockTime later = 0);
  [[nodiscard]] GstPad* pad() const { return pad_.get(); }  // the mixer's

 private:
  ComposeFeed(GstElement* mixer, GstElement* source, GstPad* pad);

  wrap::Ref<GstElement> mixer_;
  wrap::Ref<GstElement> source_;
  wrap::Ref<GstPad> pad_;
};

}  // namespace parley::job
