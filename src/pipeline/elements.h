// What elements are and hold. Any thread.
#pragma once

#include <gst/gst.h>

#include <string>
#include <vector>

#include "wrap/gst.h"

namespace parley::pipeline {

inline std::string factory_of(GstElement* element) {
  const GstElementFactory* factory = gst_element_get_factory(element);
  return factory == nullptr ? "bin" : GST_OBJECT_NAME(factory);
}

// The first pad of a direction, linked or not.
inline wrap::Ref<GstPad> first_pad(GstElement* element, GstPadDirection direction) {
  GST_OBJECT_LOCK(element);
  GList* pads = direction == GST_PAD_SRC ? element->srcpads : element->sinkpads;
  auto pad = wrap::Ref<GstPad>::retain(pads == nullptr ? nullptr : GST_PAD(pads->data));
  GST_OBJECT_UNLOCK(element);
  return pad;
}

inline std::vector<wrap::Ref<GstElement>> children(GstElement* bin) {
  std::vector<wrap::Ref<GstElement>> all;
  GST_OBJECT_LOCK(bin);
  for (GList* each = GST_BIN_CHILDREN(bin); each != nullptr; each = each->next)
    all.push_back(wrap::Ref<GstElement>::retain(GST_ELEMENT(each->data)));
  GST_OBJECT_UNLOCK(bin);
  return all;
}

}  // namespace parley::pipeline
