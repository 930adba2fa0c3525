// The properties that parleysrc and parleysink share.
#pragma once

#include <gst/gst.h>

#include "tap_connection.h"

namespace parley::plugins {

enum TapProperty : guint {
  kPropSocket = 1,
  kPropSecret,
  kPropCall,
  kPropProfile,
  kPropSource,
  kPropFirstOfElement,  // from here on, an element's own
};

void install_tap_properties(GObjectClass* object_class, const char* source_default,
                            const char* call_blurb, const char* profile_blurb,
                            const char* source_blurb);
// Whether `id` is one of them. The caller holds the object's lock.
bool set_tap_property(Options& options, guint id, const GValue* value);
bool get_tap_property(const Options& options, guint id, GValue* value);

}  // namespace parley::plugins
