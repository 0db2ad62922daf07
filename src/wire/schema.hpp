// SPDX-License-Identifier: MIT
// One table per message: encoder, decoder, size and the tables of the spec come from it.
// A message is a struct with `static constexpr auto kFields = fields(field("name", &Struct::member), ...)`.
// Members: unsigned integers, enums of them, arrays of bytes, CountedBytes, Reserved, Extensions, other messages.
// Layer: wire (pure functions).   Canonical: decode(encode(x)) == x, and what decodes has one encoding (but for skipped
// extensions and reserved bytes).
#pragma once

#include <array>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "quantumgate/result.h"
#include "wire/reader.hpp"

namespace quantumgate::wire {

template <class Struct, class Member>
struct Field {
  std::string_view name;
  Member Struct::*member;
};
template <class Struct, class Member>
constexpr Field<Struct, Member> field(std::string_view name, Member Struct::*member) {
  return {name, member};
}
template <class... F>
constexpr std::tuple<F...> fields(F... f) {
  return {f...};
}

// count(1) ‖ bytes, with Min <= count <= Max.
template <std::size_t Min, std::size_t Max>
struct CountedBytes {
  static_assert(Max <= 255);
  Bytes bytes;
  friend bool operator==(const CountedBytes&, const CountedBytes&) = default;
};

// N bytes sent as zeros and not looked at.
template <std::size_t N>
struct Reserved {
  friend bool operator==(const Reserved&, const Reserved&) = default;
};

// The tail of a message: type(1) ‖ length(2) ‖ value, any number of them. No extension is defined yet: all are skipped,
// and one whose type has the top bit set makes the message malformed.
struct Extensions {
  friend bool operator==(const Extensions&, const Extensions&) = default;
};

template <class T>
concept Message = requires {
  T::kFields;
};

namespace detail {

template <class T>
constexpr bool kIsByteArray = false;
template <std::size_t N>
constexpr bool kIsByteArray<std::array<std::byte, N>> = true;

template <class T>
requires std::is_unsigned_v<T>
void put(Bytes& out, T value) {
  std::array<std::byte, sizeof(T)> bytes;
  store_be(value, std::span<std::byte, sizeof(T)>(bytes));
  out.insert(out.end(), bytes.begin(), bytes.end());
}
template <class T>
requires std::is_enum_v<T>
void put(Bytes& out, T value) { put(out, static_cast<std::underlying_type_t<T>>(value)); }
template <std::size_t N>
void put(Bytes& out, const std::array<std::byte, N>& bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
template <std::size_t Min, std::size_t Max>
void put(Bytes& out, const CountedBytes<Min, Max>& counted) {
  out.push_back(static_cast<std::byte>(counted.bytes.size()));
  out.insert(out.end(), counted.bytes.begin(), counted.bytes.end());
}
template <std::size_t N>
void put(Bytes& out, const Reserved<N>&) {
  out.resize(out.size() + N);
}
inline void put(Bytes&, const Extensions&) {}
template <Message T>
void put(Bytes& out, const T& message) {
  std::apply([&](const auto&... f) { (put(out, message.*(f.member)), ...); }, T::kFields);
}

template <class T>
requires std::is_unsigned_v<T>
void get(Reader& in, T& value) { value = in.integer<T>(); }
template <class T>
requires std::is_enum_v<T>
void get(Reader& in, T& value) { value = static_cast<T>(in.integer<std::underlying_type_t<T>>()); }
template <std::size_t N>
void get(Reader& in, std::array<std::byte, N>& bytes) {
  const BytesView taken = in.take(N);
  std::copy(taken.begin(), taken.end(), bytes.begin());
}
template <std::size_t Min, std::size_t Max>
void get(Reader& in, CountedBytes<Min, Max>& counted) {
  const std::size_t count = in.integer<std::uint8_t>();
  if (count < Min || count > Max) return in.fail();
  const BytesView taken = in.take(count);
  counted.bytes.assign(taken.begin(), taken.end());
}
template <std::size_t N>
void get(Reader& in, Reserved<N>&) {
  in.take(N);
}
inline void get(Reader& in, Extensions&) {
  while (in.left() > 0) {
    const auto type = in.integer<std::uint8_t>();
    in.take(in.integer<std::uint16_t>());
    if (type & 0x80) in.fail();
  }
}
template <Message T>
void get(Reader& in, T& message) {
  std::apply([&](const auto&... f) { (get(in, message.*(f.member)), ...); }, T::kFields);
}

}  // namespace detail

template <Message T>
Bytes encode(const T& message) {
  Bytes out;
  detail::put(out, message);
  return out;
}

// `malformed` unless `bytes` are exactly one message. `doing` names the message in the error.
template <Message T>
Result<T> decode(BytesView bytes, const char* doing) {
  Reader in(bytes);
  T message;
  detail::get(in, message);
  if (!in.at_end()) return fail(ErrorCode::malformed, doing);
  return message;
}

}  // namespace quantumgate::wire
