#include "job/spec.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <utility>

#include "base/overloaded.h"
#include "job/json.h"

namespace parley::job {
namespace {

constexpr std::int64_t kAnyCount = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kYearMs = 366LL * 24 * 3600 * 1000;

template <class T, std::size_t n>
using Names = std::array<std::pair<std::string_view, T>, n>;

constexpr Names<Layout, 3> kLayouts{
    {{"tracks", Layout::kTracks}, {"grid", Layout::kGrid}, {"speaker", Layout::kSpeaker}}};
constexpr Names<Container, 2> kContainers{{{"webm", Container::kWebm}, {"mp4", Container::kMp4}}};
constexpr Names<Sandbox::Mode, 3> kSandboxes{{{"auto", Sandbox::Mode::kAuto},
                                              {"require", Sandbox::Mode::kRequire},
                                              {"off", Sandbox::Mode::kOff}}};
constexpr Names<State, 5> kStates{{{"starting", State::kStarting},
                                   {"live", State::kLive},
                                   {"reconnecting", State::kReconnecting},
                                   {"ended", State::kEnded},
                                   {"failed", State::kFailed}}};
constexpr Names<base::Source, 6> kSources{{{"mic", base::Source::kMic},
                                           {"camera", base::Source::kCamera},
                                           {"screen", base::Source::kScreen},
                                           {"screen-audio", base::Source::kScreenAudio},
                                           {"mix-audio", base::Source::kMixAudio},
                                           {"mix-video", base::Source::kMixVideo}}};

template <class T, std::size_t n>
std::string_view name_in(const Names<T, n>& names, T value) {
  for (const auto& [name, known] : names)
    if (known == value) return name;
  return "";
}

template <class T, std::size_t n>
T one_of(Reader& in, const char* member, const Names<T, n>& names) {
  const std::string text = in.text(member);
  std::string known_names;
  for (const auto& [name, value] : names) {
    if (text == name) return value;
    known_names += (known_names.empty() ? "" : ", ") + std::string(name);
  }
  in.complain(member, fmt::format("is none of {}", known_names));
  return names.front().second;
}

template <class T, std::size_t n>
void one_of_into(Reader& in, const char* member, const Names<T, n>& names, T& value) {
  if (in.has(member)) value = one_of(in, member, names);
}

std::string absolute(Reader& in, const char* member) {
  std::string path = in.text(member);
  if (!path.starts_with('/')) in.complain(member, "is not an absolute path");
  return path;
}

std::set<std::string> set_of(std::vector<std::string> texts) {
  return {std::make_move_iterator(texts.begin()), std::make_move_iterator(texts.end())};
}

// ---- work -----------------------------------------------------------------------------------

void write_work(Writer& out, const Record& record) {
  out.text("kind", "record").text("folder", record.folder);
  out.text("layout", name_in(kLayouts, record.layout));
  out.text("container", name_in(kContainers, record.container)).whole("partMs", record.part_ms);
  out.count("keepFreeBytes", record.keep_free_bytes);
}
void write_work(Writer& out, const Mix& mix) {
  out.text("kind", "mix").text("layout", name_in(kLayouts, mix.layout));
}
void write_work(Writer& out, const Out& work) {
  out.text("kind", "out").text("to", work.kind).text("url", work.url);
  out.text("address", work.address).text("folder", work.folder);
  out.text("layout", name_in(kLayouts, work.layout));
  if (work.only) out.text("only", *work.only);
}
void write_work(Writer& out, const In& work) {
  out.text("kind", "in").text("from", work.kind).text("url", work.url);
  out.text("address", work.address).text("owner", work.owner);
}

Record read_record(Reader& in) {
  Record record;
  record.folder = absolute(in, "folder");
  one_of_into(in, "layout", kLayouts, record.layout);
  one_of_into(in, "container", kContainers, record.container);
  in.whole_into("partMs", record.part_ms, 1000, kYearMs);
  in.whole_into("keepFreeBytes", record.keep_free_bytes, 0, INT64_MAX);
  return record;
}
Mix read_mix(Reader& in) {
  Mix mix;
  one_of_into(in, "layout", kLayouts, mix.layout);
  return mix;
}
Out read_out(Reader& in) {
  Out out;
  out.kind = in.text("to");
  out.url = in.text_or("url", "");
  out.address = in.text_or("address", "");
  out.folder = in.text_or("folder", "");
  one_of_into(in, "layout", kLayouts, out.layout);
  if (in.has("only")) out.only = in.text("only");
  return out;
}
In read_in(Reader& in) {
  In work;
  work.kind = in.text("from");
  work.url = in.text("url");
  work.address = in.text_or("address", "");
  work.owner = in.text("owner");
  return work;
}

std::variant<Record, Mix, Out, In> read_work(Reader& in) {
  const std::string kind = in.text("kind");
  if (kind == "record") return read_record(in);
  if (kind == "mix") return read_mix(in);
  if (kind == "out") return read_out(in);
  if (kind == "in") return read_in(in);
  in.complain("kind", "is none of record, mix, out, in");
  return Mix{};
}

// ---- reports --------------------------------------------------------------------------------

void write_report(Writer& out, const StateReport& report) {
  out.text("report", "state").text("state", name_in(kStates, report.state));
  out.text("message", report.message);
}
void write_report(Writer& out, const Part& part) {
  out.text("report", "part").text("file", part.file).text("owner", part.owner);
  if (part.source) out.text("source", name_in(kSources, *part.source));
  out.text("codec", part.codec).whole("startMs", part.start_ms);
  out.whole("durationMs", part.duration_ms).count("bytes", part.bytes);
  out.boolean("closed", part.closed).begin_array("gaps");
  for (const Part::Gap& gap : part.gaps)
    out.begin(nullptr)
        .whole("startMs", gap.start_ms)
        .whole("durationMs", gap.duration_ms)
        .text("why", gap.why)
        .end();
  out.end_array();
}
void write_report(Writer& out, const Progress& progress) {
  out.text("report", "progress").whole("runningMs", progress.running_ms);
  out.count("bytes", progress.bytes).count("dropped", progress.dropped);
  if (progress.offset_ms) out.number("offsetMs", *progress.offset_ms);
}

void write_report(Writer& out, const Beat& /*beat*/) { out.text("report", "beat"); }

StateReport read_state(Reader& in) {
  StateReport report;
  report.state = one_of(in, "state", kStates);
  report.message = in.text_or("message", "");
  return report;
}
Part read_part(Reader& in) {
  Part part;
  part.file = in.text("file");
  part.owner = in.text_or("owner", "");
  if (in.has("source")) part.source = one_of(in, "source", kSources);
  part.codec = in.text("codec");
  part.start_ms = in.whole("startMs", 0, kYearMs);
  part.duration_ms = in.whole("durationMs", 0, kYearMs);
  part.bytes = static_cast<std::uint64_t>(in.whole("bytes", 0, kAnyCount));
  part.closed = in.boolean("closed");
  for (Reader& gap : in.objects("gaps"))
    part.gaps.push_back(
        {gap.whole("startMs", 0, kYearMs), gap.whole("durationMs", 0, kYearMs), gap.text("why")});
  return part;
}
Progress read_progress(Reader& in) {
  Progress progress;
  progress.running_ms = in.whole("runningMs", 0, kYearMs);
  progress.bytes = static_cast<std::uint64_t>(in.whole("bytes", 0, kAnyCount));
  progress.dropped = static_cast<std::uint64_t>(in.whole("dropped", 0, kAnyCount));
  if (in.has("offsetMs")) progress.offset_ms = in.number("offsetMs");
  return progress;
}

void read_picture(Reader in, Picture& picture) {
  in.whole_into("width", picture.width, 16, base::kMaxFrameHeight);
  in.whole_into("height", picture.height, 16, base::kMaxFrameHeight);
  in.whole_into("fps", picture.fps, 1, 240);
  in.whole_into("kbps", picture.kbps, 1, 1'000'000);
  in.whole_into("audioKbps", picture.audio_kbps, 6, 1'000);
}

void read_limits(Reader in, Limits& limits) {
  in.whole_into("memoryBytes", limits.memory_bytes, 1'000'000, kAnyCount);
  in.whole_into("seconds", limits.seconds, 1, kYearMs / 1000);
  in.whole_into("openFiles", limits.open_files, 32, 1'000'000);
}

void read_sandbox(Reader in, Sandbox& sandbox) {
  one_of_into(in, "mode", kSandboxes, sandbox.mode);
  sandbox.read = in.texts("read");
  sandbox.write = in.texts("write");
}

template <class T>
base::Result<T> done(const Reader& in, T value) {
  if (!in.good()) return base::fail(base::Code::kInvalid, in.complaint());
  return value;
}

}  // namespace

std::string_view source_name(base::Source source) { return name_in(kSources, source); }

std::string encode(const Spec& spec) {
  Writer out;
  out.text("job", spec.job.str()).text("call", spec.call).text("socket", spec.socket);
  out.text("secret", spec.secret).texts("pipelines", spec.pipelines).begin("names");
  for (const auto& [profile, name] : spec.names) out.text(profile.c_str(), name);
  out.end().texts("hidden", spec.hidden).begin("picture");
  out.whole("width", spec.picture.width).whole("height", spec.picture.height);
  out.whole("fps", spec.picture.fps).whole("kbps", spec.picture.kbps);
  out.whole("audioKbps", spec.picture.audio_kbps).end().begin("limits");
  out.count("memoryBytes", spec.limits.memory_bytes).count("seconds", spec.limits.seconds);
  out.count("openFiles", spec.limits.open_files).end().begin("sandbox");
  out.text("mode", name_in(kSandboxes, spec.sandbox.mode)).texts("read", spec.sandbox.read);
  out.texts("write", spec.sandbox.write).end().begin("work");
  std::visit([&](const auto& work) { write_work(out, work); }, spec.work);
  return out.end().line();
}

std::string encode(const Order& order) {
  Writer out;
  std::visit(base::Overloaded{[&](const Hide& hide) {
                                out.text("order", "hide").texts("profiles", hide.profiles);
                              },
                              [&](const Stop&) { out.text("order", "stop"); }},
             order);
  return out.line();
}

std::string encode(const Report& report) {
  Writer out;
  std::visit([&](const auto& what) { write_report(out, what); }, report);
  return out.line();
}

base::Result<Spec> parse_spec(std::string_view line) {
  const auto node = parse_object(line);
  if (!node) return tl::unexpected(node.error());
  Reader in(json_node_get_object(node->get()));
  Spec spec;
  if (const auto id = base::JobId::parse(in.text("job")))
    spec.job = *id;
  else
    in.complain("job", "is not 1 to 64 of A-Z a-z 0-9 _ . : @ -");
  spec.call = in.text("call");
  spec.socket = absolute(in, "socket");
  spec.secret = in.text("secret");
  spec.pipelines = in.texts("pipelines");
  spec.names = in.pairs("names");
  spec.hidden = set_of(in.texts("hidden"));
  read_picture(in.object("picture"), spec.picture);
  read_limits(in.object("limits"), spec.limits);
  read_sandbox(in.object("sandbox"), spec.sandbox);
  if (!in.has("work")) in.complain("work", "is missing");
  Reader work = in.object("work");
  spec.work = read_work(work);
  return done(in, std::move(spec));
}

base::Result<Order> parse_order(std::string_view line) {
  const auto node = parse_object(line);
  if (!node) return tl::unexpected(node.error());
  Reader in(json_node_get_object(node->get()));
  const std::string order = in.text("order");
  if (order == "stop") return done<Order>(in, Stop{});
  if (order == "hide") {
    if (!in.has("profiles")) in.complain("profiles", "is missing");
    return done<Order>(in, Hide{set_of(in.texts("profiles"))});
  }
  in.complain("order", "is none of hide, stop");
  return done<Order>(in, Stop{});
}

base::Result<Report> parse_report(std::string_view line) {
  const auto node = parse_object(line);
  if (!node) return tl::unexpected(node.error());
  Reader in(json_node_get_object(node->get()));
  const std::string report = in.text("report");
  if (report == "state") return done<Report>(in, read_state(in));
  if (report == "part") return done<Report>(in, read_part(in));
  if (report == "progress") return done<Report>(in, read_progress(in));
  if (report == "beat") return done<Report>(in, Beat{});
  in.complain("report", "is none of state, part, progress, beat");
  return done<Report>(in, Progress{});
}

}  // namespace parley::job
