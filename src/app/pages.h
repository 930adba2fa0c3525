// What the store tells of chains, as clients and servers read it.
#pragma once

#include <cstddef>
#include <string>

#include "base/ids.h"
#include "store/store.h"
#include "wire/wire.h"

namespace parley::app {

// Our choice: a quarter of what may wait for a slow reader; some thirty texts of the largest size.
inline constexpr std::size_t kMaxPageBytes = 256UL << 10;

[[nodiscard]] wire::Item to_item(const store::StoredItem& item);

// The answers to a ChainList and a ChainHistory. A page that would be larger than kMaxPageBytes
// holds fewer items instead, and says that there are more.
[[nodiscard]] std::string encode_page(const base::RequestId& ref,
                                      const store::Page<store::ChainSummary>& page);
[[nodiscard]] std::string encode_page(const base::RequestId& ref, const base::ChainId& chain,
                                      const store::Page<store::StoredItem>& page);

}  // namespace parley::app
