// SPDX-License-Identifier: MIT
// Goal: text and value of an endpoint agree both ways, and what is no endpoint is refused.
#include "quantumgate/endpoint.h"

#include <gtest/gtest.h>

namespace quantumgate {
namespace {

TEST(EndpointTest, RoundTrips) {
  for (const char* text : {"127.0.0.1:5000", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:1", "[2001:db8::7]:443"}) {
    const auto endpoint = Endpoint::parse(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_EQ(endpoint->to_string(), text);
  }
}

TEST(EndpointTest, MappedAddressEqualsIpv4) {
  EXPECT_EQ(*Endpoint::parse("[::ffff:10.1.2.3]:9"), Endpoint::v4(10, 1, 2, 3, 9));
  EXPECT_TRUE(Endpoint::v4(10, 1, 2, 3, 9).is_v4());
  EXPECT_FALSE(Endpoint::parse("[::1]:9")->is_v4());
}

TEST(EndpointTest, RefusesWhatIsNoEndpoint) {
  for (const char* text : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:5x",
                           "::1:5", "[::1]", "[::1:5", "localhost:5", "1.2.3:4", "[1.2.3.4]:5"}) {
    EXPECT_FALSE(Endpoint::parse(text)) << text;
  }
}

TEST(EndpointTest, RefusesAZeroByte) {
  EXPECT_FALSE(Endpoint::parse(std::string_view("127.0.0.1\0:5", 12)));
  EXPECT_FALSE(Endpoint::parse(std::string_view("[::1\0]:5", 8)));
}

}  // namespace
}  // namespace quantumgate
