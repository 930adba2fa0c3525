// parley-job: one recorder, mixer, bridge or source, in a process of its own.
#include <string>
#include <vector>

#include "job/program.h"

int main(int argc, char** argv) {
  return parley::job::run(std::vector<std::string>(argv + 1, argv + argc));
}
