// SPDX-License-Identifier: MIT
/// \file
/// A value or an Error. Every call that can fail returns one; ignoring it is a compiler warning.
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "quantumgate/error.h"

namespace quantumgate {

/// `if (result)` tells whether there is a value; `*result` is the value, `result.error()` the error. Of what
/// tl::expected offers, only what std::expected has is meant to be used, and not `value()`, which throws.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  /// From what `and_then`, `transform` and the like return.
  Result(tl::expected<T, Error> e) : tl::expected<T, Error>(std::move(e)) {}
};

/// Makes the error of a Result: `return fail(ErrorCode::malformed, "reading an address");`
inline tl::unexpected<Error> fail(ErrorCode code, const char* doing = "", int os = 0) {
  return tl::unexpected<Error>(Error{code, doing, os});
}
/// The same for a broken rule, with Error::why.
inline tl::unexpected<Error> fail(ErrorCode code, const char* doing, const char* why) {
  return tl::unexpected<Error>(Error{.code = code, .doing = doing, .why = why});
}
/// The same with an error that another call returned.
inline tl::unexpected<Error> fail(const Error& error) { return tl::unexpected<Error>(error); }

}  // namespace quantumgate
