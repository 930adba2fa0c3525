/* For LD_PRELOAD: lets Janus gather a candidate on 127.0.0.1.
 *
 * Janus passes over loopback interfaces when it gathers host candidates. Here `lo` looks like an
 * ordinary interface and every other one is down, so that all media stays on the loopback. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

int getifaddrs(struct ifaddrs** list) {
  int (*original)(struct ifaddrs**) = (int (*)(struct ifaddrs**))dlsym(RTLD_NEXT, "getifaddrs");
  const int result = original(list);
  if (result != 0) return result;
  for (struct ifaddrs* i = *list; i != NULL; i = i->ifa_next) {
    if (strcmp(i->ifa_name, "lo") == 0) {
      i->ifa_flags &= ~(unsigned)IFF_LOOPBACK;
    } else {
      i->ifa_flags &= ~(unsigned)(IFF_UP | IFF_RUNNING);
    }
  }
  return result;
}
