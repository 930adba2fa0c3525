#include "pipeline/open_pads.h"

#include <vector>

#include "wrap/gst.h"

namespace parley::pipeline {
namespace {

using Pads = std::vector<wrap::Ref<GstPad>>;

// The element's pads of one direction that are not linked; empty for sink pads when one is.
Pads open_pads(GstElement* element, GstPadDirection direction) {
  Pads open;
  bool linked = false;
  GST_OBJECT_LOCK(element);
  for (GList* each = direction == GST_PAD_SRC ? element->srcpads : element->sinkpads;
       each != nullptr; each = each->next) {
    auto* pad = GST_PAD(each->data);
    if (GST_PAD_IS_LINKED(pad))
      linked = true;
    else
      open.push_back(wrap::Ref<GstPad>::retain(pad));
  }
  GST_OBJECT_UNLOCK(element);
  if (linked && direction == GST_PAD_SINK) open.clear();
  return open;
}

// Whether it will have an output once it knows what comes in, and what is behind it in the text
// waits for that to be linked.
bool is_undecided(GstElement* element) {
  if (element->numsrcpads > 0) return false;
  for (const GList* each = gst_element_class_get_pad_template_list(GST_ELEMENT_GET_CLASS(element));
       each != nullptr; each = each->next)
    if (GST_PAD_TEMPLATE_PRESENCE(each->data) == GST_PAD_SOMETIMES &&
        GST_PAD_TEMPLATE_DIRECTION(each->data) == GST_PAD_SRC)
      return true;
  return false;
}

}  // namespace

void expose_open_pads(GstBin* bin) {
  bool undecided = false;
  Pads sources;
  Pads sinks;
  GST_OBJECT_LOCK(bin);
  for (GList* each = GST_BIN_CHILDREN(bin); each != nullptr; each = each->next) {
    auto* element = GST_ELEMENT(each->data);
    undecided |= is_undecided(element);
    for (auto& pad : open_pads(element, GST_PAD_SRC)) sources.push_back(std::move(pad));
    for (auto& pad : open_pads(element, GST_PAD_SINK)) sinks.push_back(std::move(pad));
  }
  GST_OBJECT_UNLOCK(bin);
  if (sources.size() == 1)
    gst_element_add_pad(GST_ELEMENT(bin), gst_ghost_pad_new("src", sources.front().get()));
  if (sinks.size() == 1 && !undecided)
    gst_element_add_pad(GST_ELEMENT(bin), gst_ghost_pad_new("sink", sinks.front().get()));
}

}  // namespace parley::pipeline
