#include "pipeline/test_media.h"

#include <fmt/format.h>

namespace parley::pipeline {
namespace {

#define PARLEY_PICTURE                        \
  "videotestsrc num-buffers=15 pattern=ball " \
  "! video/x-raw,format=I420,width=320,height=180,framerate=25/1 "
#define PARLEY_SOUND                                                  \
  "audiotestsrc num-buffers=30 samplesperbuffer=960 wave=pink-noise " \
  "! audio/x-raw,format=S16LE,rate=48000,channels=2 "
#define PARLEY_H264                                                               \
  PARLEY_PICTURE                                                                  \
  "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! h264parse " \
  "! video/x-h264,stream-format=avc,alignment=au "
#define PARLEY_AAC                           \
  PARLEY_SOUND                               \
  "! audioconvert ! avenc_aac ! aacparse ! " \
  "audio/mpeg,mpegversion=4,stream-format=raw "

struct Medium {
  std::string_view word;
  std::string_view frames;
  std::string_view payloader;  // empty: there is none
};

constexpr Medium kMedia[] = {
    {"raw-video", PARLEY_PICTURE "! videoconvert ! capsfilter name=wanted", ""},
    {"raw-audio", PARLEY_SOUND "! audioconvert ! audioresample ! capsfilter name=wanted", ""},
    {"opus", PARLEY_SOUND "! opusenc", "rtpopuspay"},
    {"audio", PARLEY_SOUND "! opusenc", "rtpopuspay"},
    {"vp8", PARLEY_PICTURE "! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=10", "rtpvp8pay"},
    {"video", PARLEY_PICTURE "! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=10", "rtpvp8pay"},
    {"vp9", PARLEY_PICTURE "! vp9enc deadline=1 cpu-used=8 keyframe-max-dist=10", "rtpvp9pay"},
    {"av1",
     PARLEY_PICTURE "! av1enc cpu-used=8 usage-profile=realtime ! av1parse "
                    "! video/x-av1,stream-format=obu-stream,alignment=tu",
     "parleyav1pay"},
    {"h264", PARLEY_H264, "rtph264pay config-interval=-1"},
    {"aac", PARLEY_AAC, "rtpmp4gpay"},
    {"flv",
     "flvmux name=mux streamable=true " PARLEY_H264 "! queue ! mux. " PARLEY_AAC "! queue ! mux.",
     ""},
    {"mpegts",
     "mpegtsmux name=mux " PARLEY_PICTURE
     "! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! h264parse "
     "! video/x-h264,stream-format=byte-stream,alignment=au ! queue ! mux. " PARLEY_SOUND
     "! audioconvert ! avenc_aac ! aacparse ! audio/mpeg,mpegversion=4,stream-format=adts "
     "! queue ! mux.",
     "rtpmp2tpay"},
    {"mp4",
     "mp4mux name=mux fragment-duration=200 " PARLEY_H264 "! queue ! mux. " PARLEY_AAC
     "! queue ! mux.",
     ""},
    {"matroska", "matroskamux name=mux " PARLEY_H264 "! queue ! mux. " PARLEY_AAC "! queue ! mux.",
     ""},
    {"webm",
     "webmmux name=mux " PARLEY_PICTURE "! vp8enc deadline=1 ! queue ! mux. " PARLEY_SOUND
     "! opusenc ! queue ! mux.",
     ""},
};

const Medium* find(std::string_view word) {
  for (const Medium& medium : kMedia)
    if (medium.word == word) return &medium;
  return nullptr;
}

}  // namespace

std::optional<std::string> test_media(std::string_view media) {
  const Medium* medium = find(media);
  if (medium == nullptr) return std::nullopt;
  return std::string(medium->frames);
}

std::optional<std::string> test_rtp(std::string_view media) {
  const Medium* medium = find(media);
  if (medium == nullptr || medium->payloader.empty()) return std::nullopt;
  return fmt::format("{} ! {}", medium->frames, medium->payloader);
}

std::vector<std::string> media_words() {
  std::vector<std::string> words;
  for (const Medium& medium : kMedia) words.emplace_back(medium.word);
  return words;
}

}  // namespace parley::pipeline
