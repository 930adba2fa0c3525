// The pads of a parsed bin's elements that its text links to nothing. Any thread that owns the bin.
#pragma once

#include <gst/gst.h>

namespace parley::pipeline {

// One open source pad becomes the bin's "src", one open sink pad its "sink". Where there are more
// of a kind, none does. Only pads of the elements in the text count, not what is in those that are
// bins themselves; and no sink pad of an element that has another one which is linked: an overlay's
// second input may well stay open; nor any sink pad while an element is undecided about its outputs
// (decodebin), for the text links them later.
void expose_open_pads(GstBin* bin);

}  // namespace parley::pipeline
