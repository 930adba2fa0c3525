#include "job/record_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "job/gst_pipeline.h"
#include "job/opus_time.h"

namespace parley::job {
namespace {

// A hole in sound shorter than this is Opus's own silence (a packet every 400 ms), or jitter of the
// sender's time stamps. Our choice.
constexpr GstClockTime kSilence = 600 * GST_MSECOND;
// ... unless packets are known to be missing: two of the usual length.
constexpr GstClockTime kLostSound = 40 * GST_MSECOND;
// Pictures come less regularly. Our choice.
constexpr GstClockTime kStill = 1 * GST_SECOND;
constexpr GstClockTime kLostPictures = 200 * GST_MSECOND;
// How long one waits for a key frame before asking again. Our choice.
constexpr GstClockTime kAskAgain = 1 * GST_SECOND;
// For the other stream's first frame, and of one that stays silent at a cut. Our choice.
constexpr GstClockTime kMostEarly = 5 * GST_SECOND;
constexpr std::size_t kMostEarlyFrames = 1000;
// A part begins with its first stream's key frame, whose place is the only one in the file's index:
// a player that looks for the beginning of sound that starts before it finds nothing, and gives up.
// Opus counts from up to 6.5 ms before its first packet (the encoder's delay, RFC 7845, 4.2); one
// packet of 20 ms is enough.
constexpr GstClockTime kBehindFirst = 20 * GST_MSECOND;

std::int64_t to_ms(GstClockTime time) {
  return static_cast<std::int64_t>(GST_TIME_AS_MSECONDS(time));
}

bool is_key_frame(const Frame& frame) {
  return !GST_BUFFER_FLAG_IS_SET(frame.buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
}

// What a file cannot change in the middle: the parameter sets of H.264. Sizes of VP8, VP9 and AV1
// are in the key frames themselves.
bool same_header(const GstCaps* a, const GstCaps* b) {
  if (a == b) return true;
  const GstStructure* one = gst_caps_get_structure(a, 0);
  const GstStructure* other = gst_caps_get_structure(b, 0);
  if (g_strcmp0(gst_structure_get_name(one), gst_structure_get_name(other)) != 0) return false;
  const GValue* mine = gst_structure_get_value(one, "codec_data");
  const GValue* theirs = gst_structure_get_value(other, "codec_data");
  if (mine == nullptr || theirs == nullptr) return mine == theirs;
  return gst_value_compare(mine, theirs) == GST_VALUE_EQUAL;
}

GstClockTime duration_of(const Frame& frame) {
  if (GST_BUFFER_DURATION_IS_VALID(frame.buffer.get()))
    return GST_BUFFER_DURATION(frame.buffer.get());
  const GstStructure* caps = gst_caps_get_structure(frame.caps.get(), 0);
  if (gst_structure_has_name(caps, "audio/x-opus") != FALSE)
    return opus_duration(frame.buffer.get());
  return 0;
}

}  // namespace

PartSeries::PartSeries(const RecordFolder& folder, Options options)
    : folder_(folder),
      options_(std::move(options)),
      inputs_(options_.streams.size()),
      self_(std::make_shared<PartSeries*>(this)) {
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    inputs_[i].needs_key_frame = options_.streams[i].video;
}

PartSeries::~PartSeries() { *self_ = nullptr; }

void PartSeries::push(std::size_t stream, Frame frame) {
  if (failed_ || finished_ || !GST_BUFFER_PTS_IS_VALID(frame.buffer.get())) return;
  Input& input = inputs_.at(stream);
  if (input.needs_key_frame && !is_key_frame(frame)) {
    if (lost_) ++dropped_;
    return ask_for_key_frame(GST_BUFFER_PTS(frame.buffer.get()));
  }
  input.needs_key_frame = false;
  if (!input.caps) input.caps = frame.caps;
  if (newest_ != nullptr) return write(stream, frame);
  if (input.early.size() >= kMostEarlyFrames) {
    input.early.clear();
    input.needs_key_frame = options_.streams[stream].video;
    return;
  }
  input.early.push_back(std::move(frame));
  if (ready_to_begin()) begin_first();
}

// A file's streams are declared at its beginning: each has said what it is. One that keeps all
// others waiting is not waited for; there is then no file for it.
bool PartSeries::ready_to_begin() const {
  return std::all_of(inputs_.begin(), inputs_.end(),
                     [](const Input& input) { return !input.early.empty(); });
}

void PartSeries::begin_first() {
  GstClockTime start = GST_CLOCK_TIME_NONE;
  for (const Input& input : inputs_)
    start = std::min(start, GST_BUFFER_PTS(input.early.front().buffer.get()));
  const GstClockTime first = GST_BUFFER_PTS(inputs_.front().early.front().buffer.get());
  newest_ = open_part(start);
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    inputs_[i].part = newest_;
    for (const Frame& frame : std::exchange(inputs_[i].early, {})) {
      if (i > 0 && GST_BUFFER_PTS(frame.buffer.get()) < first + kBehindFirst) continue;
      if (newest_ != nullptr) write(i, frame);
    }
  }
}

PartSeries::OnePart* PartSeries::open_part(GstClockTime start) {
  PartWriter::Options options;
  options.pipeline = options_.pipeline;
  options.file = fmt::format("{}-{:04}{}", options_.stem, next_++, options_.ending);
  for (std::size_t i = 0; i < inputs_.size(); ++i)
    options.streams.push_back({options_.streams[i].hook, inputs_[i].caps});
  options.on_failed = [this](base::Error error) { fail(std::move(error)); };
  auto writer =
      PartWriter::open(folder_.pipelines, folder_.disk, folder_.folder, std::move(options));
  if (!writer) {
    fail(writer.error());
    return nullptr;
  }
  OnePart& part = parts_.emplace_back();
  part.writer = std::move(*writer);
  part.start = start;
  part.end = start;
  part.report.file = part.writer->file();
  part.report.owner = options_.owner;
  part.report.source = options_.source;
  part.report.codec = options_.codec;
  part.report.start_ms = to_ms(start);
  say(part);
  return &part;
}

void PartSeries::write(std::size_t stream, const Frame& frame) {
  Input& input = inputs_[stream];
  const GstClockTime pts = GST_BUFFER_PTS(frame.buffer.get());
  if (cut_before(stream, frame)) {
    input.caps = frame.caps;
    OnePart* fresh = open_part(pts);
    if (fresh == nullptr) return;
    newest_ = fresh;
    cut_at_ = pts;
    asked_at_.reset();
  }
  const GstClockTime behind = stream == 0 ? 0 : kBehindFirst;
  if (input.part != newest_ && cut_at_ && pts >= *cut_at_ + behind) {
    input.part = newest_;
    close_left(newest_);
  }
  if (!input.part->writer->push(stream, frame.buffer)) {
    turned_away(stream);
    if (!input.refused_at) input.refused_at = monotonic_now();
    if (input.needs_key_frame) ask_for_key_frame(pts);
    return;
  }
  input.refused_at.reset();
  note_gap(input, pts, options_.streams[stream]);
  const GstClockTime end = pts + duration_of(frame);
  input.expected = std::max(end, input.expected.value_or(0));
  input.part->end = std::max(input.part->end, end);
}

// Whether the newest part ends before this frame. Only the first stream cuts, and not again before
// the others have followed.
bool PartSeries::cut_before(std::size_t stream, const Frame& frame) {
  const Input& input = inputs_[stream];
  const bool other = !same_header(input.caps.get(), frame.caps.get());
  const bool cuts = stream == 0;
  if (!cuts) return false;
  if (other) return true;
  const GstClockTime pts = GST_BUFFER_PTS(frame.buffer.get());
  const auto length = static_cast<GstClockTime>(folder_.part_ms) * GST_MSECOND;
  if (input.part != newest_ || pts < newest_->start + length) return false;
  if (is_key_frame(frame)) return true;
  ask_for_key_frame(pts);
  return false;
}

void PartSeries::ask_for_key_frame(GstClockTime now) {
  if (asked_at_ && now < *asked_at_ + kAskAgain) return;
  asked_at_ = now;
  if (options_.request_key_frame) options_.request_key_frame();
}

void PartSeries::turned_away(std::size_t stream) {
  ++dropped_;
  lost_ = true;
  inputs_[stream].needs_key_frame = options_.streams[stream].video;
}

// Parts that no stream writes to any more.
void PartSeries::close_left(const OnePart* than) {
  for (OnePart& part : parts_) {
    const bool used = std::any_of(inputs_.begin(), inputs_.end(),
                                  [&part](const Input& input) { return input.part == &part; });
    if (!used && &part != than && !part.closing) close(part);
  }
}

void PartSeries::close(OnePart& part) {
  part.closing = true;
  if (const auto offset = options_.offset_ms ? options_.offset_ms() : std::nullopt)
    part.writer->note_offset(*offset);
  part.writer->close([self = self_, which = &part](const base::Result<void>& result) {
    if (*self == nullptr) return;
    PartSeries& series = **self;
    if (!result && !series.failed_) series.fail(result.error());
    which->report.closed = true;
    series.say(*which);
    series.closed_bytes_ += which->report.bytes;
    series.parts_.remove_if([which](const OnePart& part) { return &part == which; });
    if (series.parts_.empty() && series.finished_) std::exchange(series.finished_, {})();
  });
}

void PartSeries::muted(bool muted) {
  muted_ = muted;
  was_muted_ = was_muted_ || muted;
}

void PartSeries::note_gap(Input& input, GstClockTime pts, const Stream& stream) {
  const bool lost = std::exchange(lost_, false);
  const bool was_muted = std::exchange(was_muted_, muted_);
  if (!input.expected || pts <= *input.expected) return;
  const GstClockTime hole = pts - *input.expected;
  GstClockTime bound = stream.video ? kStill : kSilence;
  if (lost) bound = stream.video ? kLostPictures : kLostSound;
  if (hole < bound || (stream.discontinuous && !lost && !was_muted)) return;
  const char* why = "absent";
  if (was_muted)
    why = "muted";
  else if (lost)
    why = "lost";
  auto& gaps = input.part->report.gaps;
  Part::Gap gap{to_ms(*input.expected), to_ms(hole), why};
  if (gaps.size() < kMostGaps)
    gaps.push_back(std::move(gap));
  else
    gaps.back().duration_ms += gap.duration_ms;
}

void PartSeries::say(OnePart& part) {
  part.report.duration_ms = to_ms(part.end - part.start);
  part.report.bytes = part.writer->bytes();
  folder_.report(part.report);
}

void PartSeries::tick() {
  if (newest_ == nullptr) return;
  for (OnePart& part : parts_) {
    if (part.closing) continue;
    part.writer->sync();
    say(part);
  }
  if (stands_still())
    return fail({base::Code::kUnavailable, "The disk of the recordings takes nothing any more."});
  // A stream that says nothing does not keep an old part open.
  if (!cut_at_ || newest_->end < *cut_at_ + kMostEarly) return;
  for (Input& input : inputs_) input.part = newest_;
  close_left(newest_);
}

// Frames come, and the disk takes none: not a slow one, which takes some.
bool PartSeries::stands_still() {
  const auto stall = static_cast<GstClockTime>(options_.stall.count()) * GST_MSECOND;
  bool still = false;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    Input& input = inputs_[i];
    if (!input.refused_at) continue;
    if (input.part == nullptr || !input.part->writer->is_behind(i))
      input.refused_at.reset();
    else
      still = still || monotonic_now() - *input.refused_at >= stall;
  }
  return still;
}

void PartSeries::finish(std::function<void()> finished) {
  finished_ = std::move(finished);
  newest_ = nullptr;
  for (Input& input : inputs_) input.part = nullptr;
  for (OnePart& part : parts_)
    if (!part.closing) close(part);
  if (!parts_.empty()) return;
  // Never from within: who is told may delete this.
  folder_.disk.run([self = self_]() -> Disk::Then {
    return [self] {
      if (*self != nullptr) std::exchange((*self)->finished_, {})();
    };
  });
}

std::uint64_t PartSeries::bytes() const {
  std::uint64_t all = closed_bytes_;
  for (const OnePart& part : parts_) all += part.writer->bytes();
  return all;
}

// What is written stays, and is closed as far as it can be.
void PartSeries::fail(base::Error error) {
  if (std::exchange(failed_, true)) return;
  newest_ = nullptr;
  for (Input& input : inputs_) input.part = nullptr;
  for (OnePart& part : parts_)
    if (!part.closing) close(part);
  if (options_.on_failed) options_.on_failed(std::move(error));
}

}  // namespace parley::job
