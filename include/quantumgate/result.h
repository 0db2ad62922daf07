// SPDX-License-Identifier: MIT
// A value or an Error. Every call that can fail returns one; ignoring it is a compiler warning.
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "quantumgate/error.h"

namespace quantumgate {

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(tl::expected<T, Error> e) : tl::expected<T, Error>(std::move(e)) {}
};

// return fail(ErrorCode::malformed, "reading an address");
inline tl::unexpected<Error> fail(ErrorCode code, const char* doing = "", int os = 0) {
  return tl::unexpected<Error>(Error{code, doing, os});
}
inline tl::unexpected<Error> fail(const Error& error) { return tl::unexpected<Error>(error); }

}  // namespace quantumgate
