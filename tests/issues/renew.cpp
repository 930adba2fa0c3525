// journal_renew FILE: writes a journal anew, with what its inputs lead to now. For journals of this
// folder whose outcome was changed on purpose; look at the difference before you commit it.
#include <fstream>
#include <iostream>
#include <string>

#include "journal/replay.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: journal_renew FILE\n";
    return 64;
  }
  std::ifstream file(argv[1]);
  std::string renewed;
  const auto done = parley::journal::renew(file, renewed);
  if (renewed.empty()) {
    std::cerr << argv[1] << ":" << done.line << ": " << done.message << "\n";
    return 1;
  }
  file.close();
  std::ofstream(argv[1]) << renewed;
  return 0;
}
