#include "app/pages.h"

#include <utility>
#include <vector>

#include "base/overloaded.h"

namespace parley::app {
namespace {

wire::CallItem to_call(const store::StoredCall& call) {
  wire::CallItem item;
  item.id = call.call;
  item.settings = {call.audio, call.video};
  item.at = call.started;
  item.ended_at = call.ended;
  item.reason = call.reason;
  item.duration_ms = call.duration_ms;
  for (const store::StoredParticipant& p : call.participants) {
    if (p.initiator)
      item.from = p.profile;
    else
      item.to.push_back(p.profile);
    item.outcomes.emplace_back(p.profile, p.outcome);
  }
  return item;
}

// `page` as text; while it is too long, `shorten` takes half of its items away.
template <class Page, class Shorten>
std::string fit(Page page, Shorten shorten) {
  std::string text = wire::encode(page);
  while (text.size() > kMaxPageBytes && page.items.size() > 1) {
    shorten(page.items, page.items.size() / 2);
    page.more = true;
    text = wire::encode(page);
  }
  return text;
}

}  // namespace

wire::Item to_item(const store::StoredItem& item) {
  return std::visit(base::Overloaded{
                        [](const store::StoredText& text) -> wire::Item {
                          return wire::TextItem{text.id, text.from, text.body, text.at};
                        },
                        [](const store::StoredCall& call) -> wire::Item { return to_call(call); },
                    },
                    item);
}

std::string encode_page(const base::RequestId& ref, const store::Page<store::ChainSummary>& page) {
  wire::ChainPage out{ref, {}, page.more};
  for (const store::ChainSummary& chain : page.items)
    out.items.push_back({chain.chain.chain, chain.chain.members, to_item(chain.last)});
  return fit(std::move(out), [](auto& items, std::size_t n) { items.resize(items.size() - n); });
}

// Oldest first: what is left out are the oldest, which the next page begins with.
std::string encode_page(const base::RequestId& ref, const base::ChainId& chain,
                        const store::Page<store::StoredItem>& page) {
  wire::HistoryPage out{ref, chain, {}, page.more};
  for (const store::StoredItem& item : page.items) out.items.push_back(to_item(item));
  return fit(std::move(out), [](auto& items, std::size_t n) {
    items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(n));
  });
}

}  // namespace parley::app
