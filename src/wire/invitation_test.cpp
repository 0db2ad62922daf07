// SPDX-License-Identifier: MIT
// Goal: an invitation says in one line what its maker put in, and a mistyped one is told from a good one.
// Method: round trips; every single character changed, removed or doubled.
#include "quantumgate/invitation.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "quantumgate/identity.h"

namespace quantumgate {
namespace {

Invitation example(bool with_secret) {
  Invitation invitation;
  std::array<std::byte, 32> seed{};
  invitation.address.uuid = Identity::from_seed(Secret<32>(seed)).uuid();
  invitation.address.hosts = {{"example.org", 5000}, {"2001:db8::1", 6000}};
  invitation.network = "my network";
  std::array<std::byte, 32> secret;
  secret.fill(std::byte{0xa5});
  if (with_secret) invitation.shared_secret.emplace(secret);
  return invitation;
}

TEST(InvitationTest, RoundTrips) {
  for (const bool with_secret : {false, true}) {
    const Invitation made = example(with_secret);
    const std::string text = made.to_string();
    EXPECT_TRUE(text.starts_with("qginvite:"));
    EXPECT_LT(text.size(), 260u) << "fits a QR code of a moderate size";
    const auto read = Invitation::parse(" \n" + text + "\r\n");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->address, made.address);
    EXPECT_EQ(read->network, made.network);
    ASSERT_EQ(read->shared_secret.has_value(), with_secret);
    if (with_secret) {
      EXPECT_TRUE(std::ranges::equal(read->shared_secret->view(), made.shared_secret->view()));
    }
    EXPECT_EQ(read->to_string(), text);
  }
}

TEST(InvitationTest, EveryTypingErrorIsNoticed) {
  const std::string text = example(true).to_string();
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const char c : {'A', '_', 'z', ' '}) {
      std::string changed = text;
      if (changed[at] == c) continue;
      changed[at] = c;
      EXPECT_FALSE(Invitation::parse(changed)) << at;
    }
    EXPECT_FALSE(Invitation::parse(text.substr(0, at))) << "cut at " << at;
    EXPECT_FALSE(Invitation::parse(text.substr(0, at) + text.substr(at + 1))) << at;
    EXPECT_FALSE(Invitation::parse(text.substr(0, at) + text[at] + text.substr(at))) << at;
  }
  std::string changed = text;
  changed[40] = changed[40] == 'A' ? 'B' : 'A';
  EXPECT_EQ(Invitation::parse(changed).error().code, ErrorCode::bad_check_group);
  EXPECT_EQ(Invitation::parse("qg://not-an-invitation").error().code, ErrorCode::malformed);
  EXPECT_FALSE(Invitation::parse(""));
  EXPECT_FALSE(Invitation::parse("qginvite:" + std::string(5000, 'A')));
}

}  // namespace
}  // namespace quantumgate
