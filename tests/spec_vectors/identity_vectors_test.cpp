// SPDX-License-Identifier: MIT
// Goal: identity keys, UUIDs, addresses, static key signatures and key files are those of docs/spec/01-identity.md.
// Method: docs/spec/vectors/identity.json, made by the JavaScript reference, both ways and damaged.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "handshake/credentials.hpp"
#include "quantumgate/address.h"
#include "quantumgate/identity.h"
#include "vectors.hpp"

namespace quantumgate::spec_vectors {
namespace {

const Json& vectors() { return load("identity.json"); }

Identity identity_of(const Json& seed) { return Identity::from_seed(secret_of<32>(seed)); }

TEST(IdentityVectors, KeysFingerprintsAndUuids) {
  ASSERT_GE(vectors().at("identities").size(), 8u);
  for (const Json& vector : vectors().at("identities")) {
    const Identity identity = identity_of(vector.at("seed"));
    EXPECT_EQ(hex_of(identity.public_key()), vector.at("public_key"));
    EXPECT_EQ(hex_of(identity.fingerprint().bytes), vector.at("fingerprint"));
    EXPECT_EQ(hex_of(identity.uuid().bytes), vector.at("uuid"));
    EXPECT_EQ(PeerUuid::of(identity.fingerprint()), identity.uuid());

    std::string text = vector.at("uuid_text");
    EXPECT_EQ(identity.uuid().to_string(), text);
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
    const auto parsed = PeerUuid::parse(text);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, identity.uuid());
    EXPECT_EQ((Address{identity.uuid(), {}}.to_string()),
              "qg://" + std::string(vector.at("uuid_text")) + "-" + std::string(vector.at("check")));
  }
}

TEST(IdentityVectors, GoodAddresses) {
  for (const Json& vector : vectors().at("addresses").at("good")) {
    const std::string text = vector.at("text");
    const auto address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(hex_of(address->uuid.bytes), vector.at("uuid")) << text;
    EXPECT_EQ(address->to_string(), vector.at("written")) << text;
    const Json& hosts = vector.at("hosts");
    ASSERT_EQ(address->hosts.size(), hosts.size()) << text;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
      EXPECT_EQ(address->hosts[i].host, hosts[i].at("host")) << text;
      EXPECT_EQ(address->hosts[i].port, hosts[i].at("port")) << text;
    }
  }
}

TEST(IdentityVectors, BadAddresses) {
  for (const Json& vector : vectors().at("addresses").at("bad")) {
    const std::string text = vector.at("text");
    const auto address = Address::parse(text);
    ASSERT_FALSE(address) << text;
    const bool typing_error = vector.at("error") == "bad_check_group";
    EXPECT_EQ(address.error().code, typing_error ? ErrorCode::bad_check_group : ErrorCode::malformed) << text;
  }
}

class StaticKeyVectors : public testing::Test {
 protected:
  // What the peer shows, as `vector` says.
  static wire::Introduction introduction_of(const Json& vector) {
    wire::Introduction introduction;
    introduction.identity_key = identity_of(vector.at("seed")).public_key();
    introduction.expiry = vector.at("expiry").get<std::uint64_t>();
    introduction.signature = array_of<64>(vector.at("signature"));
    introduction.suites.bytes = Bytes(1, std::byte{1});
    return introduction;
  }
  static handshake::Credentials credentials_of(const Json& vector) {
    return {
        identity_of(vector.at("seed")), std::string(vector.at("network_name")), nullptr, Bytes(1, std::byte{1}), {}};
  }
};

TEST_F(StaticKeyVectors, AreSignedAlike) {
  for (const Json& vector : vectors().at("static_keys")) {
    handshake::Credentials credentials = credentials_of(vector);
    EXPECT_EQ(hex_of(credentials.network_hash()), vector.at("network_hash"));
    ScriptedRandom random;
    random.will_draw(vector.at("static_private"));
    const UnixTime made(vector.at("expiry").get<std::int64_t>() - 30 * 86'400);
    const bool is_x25519 = bytes_of(vector.at("static_private")).size() == 32;
    const auto dh = is_x25519 ? crypto::DhAlgorithm::x25519 : crypto::DhAlgorithm::x448;
    const handshake::StaticKey key = credentials.static_key(dh, random, made);
    EXPECT_EQ(hex_of(key.pair.public_key), vector.at("static_public"));
    EXPECT_EQ(key.expiry, vector.at("expiry").get<std::uint64_t>());
    EXPECT_EQ(hex_of(key.signature), vector.at("signature"));
  }
}

TEST_F(StaticKeyVectors, AreAcceptedInTheirTimeOnly) {
  for (const Json& vector : vectors().at("static_keys")) {
    const auto credentials = credentials_of(vector);
    const auto introduction = introduction_of(vector);
    const Bytes static_key = bytes_of(vector.at("static_public"));
    for (const std::int64_t now : vector.at("accepted_at")) {
      const auto peer = credentials.verify(introduction, static_key, UnixTime(now));
      ASSERT_TRUE(peer) << now;
      EXPECT_EQ(peer->uuid, identity_of(vector.at("seed")).uuid());
    }
    for (const std::int64_t now : vector.at("refused_at")) {
      EXPECT_FALSE(credentials.verify(introduction, static_key, UnixTime(now))) << now;
    }
  }
}

TEST_F(StaticKeyVectors, AreRefusedWhenDamaged) {
  const Json& vector = vectors().at("static_keys").at(1);
  const auto credentials = credentials_of(vector);
  const auto good = introduction_of(vector);
  const Bytes static_key = bytes_of(vector.at("static_public"));
  const UnixTime now(vector.at("expiry").get<std::int64_t>() - 1000);
  ASSERT_TRUE(credentials.verify(good, static_key, now));
  const auto refuses = [&](const wire::Introduction& introduction, BytesView key) {
    return !credentials.verify(introduction, key, now);
  };
  for (std::size_t bit = 0; bit < 512; ++bit) {
    auto bad = good;
    bad.signature.at(bit / 8) ^= std::byte{1} << (bit % 8);
    EXPECT_TRUE(refuses(bad, static_key)) << "signature, bit " << bit;
  }
  for (std::size_t bit = 0; bit < 256; ++bit) {
    auto bad = good;
    bad.identity_key.at(bit / 8) ^= std::byte{1} << (bit % 8);
    EXPECT_TRUE(refuses(bad, static_key)) << "identity key, bit " << bit;
    auto other_key = static_key;
    other_key.at(bit / 8) ^= std::byte{1} << (bit % 8);
    EXPECT_TRUE(refuses(good, other_key)) << "static key, bit " << bit;
  }
  for (const int away : {-1, 1, 3600}) {
    auto bad = good;
    bad.expiry += static_cast<std::uint64_t>(away);
    EXPECT_TRUE(refuses(bad, static_key)) << "expiry";
  }
  auto bad = good;
  bad.expiry = ~std::uint64_t{0};
  EXPECT_TRUE(refuses(bad, static_key)) << "expiry beyond all time";
  bad = good;
  bad.algorithm = 2;
  EXPECT_TRUE(refuses(bad, static_key)) << "algorithm";
  // The same signature in another network.
  EXPECT_FALSE(credentials_of(vectors().at("static_keys").at(0)).verify(good, static_key, now));
  // Another node's signature.
  bad = good;
  bad.signature = array_of<64>(vectors().at("static_keys").at(2).at("signature"));
  EXPECT_TRUE(refuses(bad, static_key)) << "another node's signature";
}

}  // namespace
}  // namespace quantumgate::spec_vectors
