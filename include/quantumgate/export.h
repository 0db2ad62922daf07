// SPDX-License-Identifier: MIT
// QG_EXPORT marks what the shared library shows. A declaration needs it if its code is in the library and not in the
// header: a function, or a class with such a member or with virtual ones.
#pragma once

#if defined(__GNUC__)
#define QG_EXPORT __attribute__((visibility("default")))
#else
#define QG_EXPORT
#endif
