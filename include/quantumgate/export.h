// SPDX-License-Identifier: MIT
/// \file
/// What the shared library shows to programs.
#pragma once

/// \def QG_EXPORT
/// Marks what the shared library shows. A declaration needs it if its code is in the library and not in the header: a
/// function, or a class with such a member or with virtual ones.
/// \def QG_HIDDEN
/// Takes a class that is declared inside of a marked one out again.
#if defined(__GNUC__)
#define QG_EXPORT __attribute__((visibility("default")))
#define QG_HIDDEN __attribute__((visibility("hidden")))
#else
#define QG_EXPORT
#define QG_HIDDEN
#endif
