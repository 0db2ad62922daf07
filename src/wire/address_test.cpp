// SPDX-License-Identifier: MIT
// Goal: addresses survive text, typing errors are told from malformed text, UUIDs carry the first 122 bits.
#include "quantumgate/address.h"

#include <gtest/gtest.h>

#include "wire/hex.hpp"

namespace quantumgate {
namespace {

constexpr const char* kExample = "qg://0cd45a5b-8bb6-8afe-bc64-2a1a14bb0c8b-0w@127.0.0.1:5000";  // from the spec

TEST(UuidTest, TakesTheFirst122BitsInOrder) {
  Fingerprint fingerprint;
  ASSERT_TRUE(wire::from_hex("00112233445566778899aabbccddeeff" + std::string(32, '0'), fingerprint.bytes));
  // 48 bits 001122334455, version 8, next 12 bits 667, then from bit 60: 7 88 99 aa ... shifted behind variant bits.
  EXPECT_EQ(PeerUuid::of(fingerprint).to_string().substr(0, 18), "00112233-4455-8667");
  // Bits 60..121 are 0x7'8899aabbccddeef with its last 2 bits cut: 0x788899.. computed by hand: see below.
  const unsigned long long sixty_four = 0x78899aabbccddeefULL;  // bits 60 to 123
  char expected[20];
  std::snprintf(expected, sizeof expected, "%016llx", 0x8000000000000000ULL | sixty_four >> 2);
  std::string tail = PeerUuid::of(fingerprint).to_string().substr(19);
  tail.erase(4, 1);
  EXPECT_EQ(tail, expected);
}

TEST(UuidTest, EveryOneOfThe122BitsCounts) {
  for (int bit = 0; bit < 256; ++bit) {
    Fingerprint zero, one;
    one.bytes[bit / 8] = std::byte(0x80 >> bit % 8);
    EXPECT_EQ(PeerUuid::of(zero) != PeerUuid::of(one), bit < 122) << bit;
    EXPECT_TRUE(PeerUuid::parse(PeerUuid::of(one).to_string())) << bit;
  }
}

TEST(AddressTest, ReadsTheExampleOfTheSpec) {
  const auto address = Address::parse(kExample);
  ASSERT_TRUE(address);
  EXPECT_EQ(address->to_string(), kExample);
  ASSERT_EQ(address->hosts.size(), 1u);
  EXPECT_EQ(address->hosts[0].host, "127.0.0.1");
}

TEST(AddressTest, RoundTrips) {
  for (const char* tail : {"", "@a.example:1", "@[::1]:65535", "@127.0.0.1:5,[2001:db8::1]:6,host-1.example:7"}) {
    const std::string text = "qg://0CD45A5B-8bb6-8afe-bc64-2a1a14bb0c8b-0W" + std::string(tail);
    const auto address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), "qg://0cd45a5b-8bb6-8afe-bc64-2a1a14bb0c8b-0w" + std::string(tail));
    EXPECT_EQ(*Address::parse(address->to_string()), *address);
  }
}

TEST(AddressTest, EverySingleTypingErrorInTheUuidIsFound) {
  const std::string good = kExample;
  for (std::size_t at = 5; at < 5 + 39; ++at) {
    for (const char c : std::string("0123456789abcdefz")) {
      std::string bad = good;
      if (bad[at] == c || bad[at] == '-') continue;
      bad[at] = c;
      const auto address = Address::parse(bad);
      ASSERT_FALSE(address) << bad;
      // Version and variant digits make the text malformed; every other digit is found by the check characters.
      const bool fixed_digit = at == 5 + 14 || at == 5 + 19;
      if (c != 'z' && !fixed_digit) {
        EXPECT_EQ(address.error().code, ErrorCode::bad_check_group) << bad;
      }
    }
  }
  for (std::size_t at = 5; at + 1 < 5 + 36; ++at) {  // neighbours swapped
    std::string bad = good;
    std::swap(bad[at], bad[at + 1]);
    if (bad != good) {
      EXPECT_FALSE(Address::parse(bad)) << bad;
    }
  }
}

TEST(AddressTest, RefusesWhatIsNoAddress) {
  const std::string head = "qg://0cd45a5b-8bb6-8afe-bc64-2a1a14bb0c8b-0w";
  for (const std::string& text :
       {std::string(), std::string("qg://"), std::string("http://x"), head + "@", head + "@:5", head + "@host",
        head + "@host:0", head + "@host:080", head + "@host:65536", head + "@a b:5", head + "@host:5,", head + "x",
        head + "@[::1:5", head + "@[zz]:5", head + "@a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9",
        head + "@" + std::string(254, 'a') + ":1"}) {
    const auto address = Address::parse(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, ErrorCode::malformed) << text;
  }
}

}  // namespace
}  // namespace quantumgate
