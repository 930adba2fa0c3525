// The tables, and the steps that lead from each version of them to the next.
#pragma once

#include <string>

#include "base/result.h"
#include "store/sqlite.h"

namespace parley::store {

// Sets the connection up (WAL, full syncs, foreign keys) and runs the steps that are missing, each
// in its own transaction. kConflict: the file is of a newer version, or another program's.
[[nodiscard]] base::Result<void> prepare_schema(Database& database, const std::string& path);

}  // namespace parley::store
