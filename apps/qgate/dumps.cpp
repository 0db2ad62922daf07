// SPDX-License-Identifier: MIT
#include "apps/qgate/dumps.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace quantumgate::qgate {

void forbid_dumps() {
  // The first also stops programs that take core files from a pipe, which no limit does; it is lost when the process
  // changes its user, the limit is not.
  (void)::prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
}

}  // namespace quantumgate::qgate
