#include "journal/scribe.h"

#include "journal/line_writer.h"

namespace parley::journal {
namespace {

template <class Write>
void write_line(std::string& out, const Hidden& hidden, Write write) {
  LineWriter line(out, hidden);
  line.open();
  write(line);
  line.close();
  out += '\n';
}

}  // namespace

void write_header(std::string& out, const call::Limits& limits) {
  write_line(out, Hidden({}), [&](LineWriter& line) {
    line("journal", kFormatVersion);
    line("limits", limits);
  });
}

void write_input(std::string& out, const call::Input& input, base::Instant now,
                 const Hidden& hidden) {
  write_line(out, hidden, [&](LineWriter& line) {
    std::visit(
        [&]<class One>(const One& one) {
          static_assert(!kTag<One>.empty());
          line("in", kTag<One>);
          line("mono", now.mono.time_since_epoch());
          line("wall", now.wall);
          line.members(one);
        },
        input);
  });
}

void write_effects(std::string& out, const std::vector<call::Effect>& effects,
                   const Hidden& hidden) {
  for (const call::Effect& effect : effects)
    write_line(out, hidden, [&](LineWriter& line) {
      std::visit(
          [&]<class One>(const One& one) {
            static_assert(!kTag<One>.empty());
            line("out", kTag<One>);
            if constexpr (std::is_same_v<One, call::Save>)
              line("record", one);
            else
              line.members(one);
          },
          effect);
    });
}

void write_end(std::string& out, std::size_t inputs) {
  write_line(out, Hidden({}), [&](LineWriter& line) { line("end", inputs); });
}

}  // namespace parley::journal
