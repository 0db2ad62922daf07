// SPDX-License-Identifier: MIT
#include "tests/vectors/patterns.hpp"

#include <algorithm>
#include <array>

namespace quantumgate::vectors {
namespace {

using handshake::Token;

// As the specification writes them (sections 7.4, 7.5 and 18.1): pre-messages up to "...", then the messages by turns.
constexpr std::array<std::pair<std::string_view, std::string_view>, 38> kPatterns{{
    // one-way
    {"N", "<- s ... -> e es"},
    {"K", "-> s <- s ... -> e es ss"},
    {"X", "<- s ... -> e es s ss"},
    // interactive
    {"NN", "-> e <- e ee"},
    {"NK", "<- s ... -> e es <- e ee"},
    {"NX", "-> e <- e ee s es"},
    {"KN", "-> s ... -> e <- e ee se"},
    {"KK", "-> s <- s ... -> e es ss <- e ee se"},
    {"KX", "-> s ... -> e <- e ee se s es"},
    {"XN", "-> e <- e ee -> s se"},
    {"XK", "<- s ... -> e es <- e ee -> s se"},
    {"XX", "-> e <- e ee s es -> s se"},
    {"IN", "-> e s <- e ee se"},
    {"IK", "<- s ... -> e es s ss <- e ee se"},
    {"IX", "-> e s <- e ee se s es"},
    // deferred
    {"NK1", "<- s ... -> e <- e ee es"},
    {"NX1", "-> e <- e ee s -> es"},
    {"X1N", "-> e <- e ee -> s <- se"},
    {"X1K", "<- s ... -> e es <- e ee -> s <- se"},
    {"XK1", "<- s ... -> e <- e ee es -> s se"},
    {"X1K1", "<- s ... -> e <- e ee es -> s <- se"},
    {"X1X", "-> e <- e ee s es -> s <- se"},
    {"XX1", "-> e <- e ee s -> es s se"},
    {"X1X1", "-> e <- e ee s -> es s <- se"},
    {"K1N", "-> s ... -> e <- e ee -> se"},
    {"K1K", "-> s <- s ... -> e es <- e ee -> se"},
    {"KK1", "-> s <- s ... -> e <- e ee se es"},
    {"K1K1", "-> s <- s ... -> e <- e ee es -> se"},
    {"K1X", "-> s ... -> e <- e ee s es -> se"},
    {"KX1", "-> s ... -> e <- e ee se s -> es"},
    {"K1X1", "-> s ... -> e <- e ee s -> se es"},
    {"I1N", "-> e s <- e ee -> se"},
    {"I1K", "<- s ... -> e es s <- e ee -> se"},
    {"IK1", "<- s ... -> e s <- e ee se es"},
    {"I1K1", "<- s ... -> e s <- e ee es -> se"},
    {"I1X", "-> e s <- e ee s es -> se"},
    {"IX1", "-> e s <- e ee se s -> es"},
    {"I1X1", "-> e s <- e ee s -> se es"},
}};

constexpr std::array<std::pair<std::string_view, Token>, 6> kTokens{
    {{"e", Token::e}, {"s", Token::s}, {"ee", Token::ee}, {"es", Token::es}, {"se", Token::se}, {"ss", Token::ss}}};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// Inserts `added` right after the first `after` in any message.
bool insert_after(std::vector<std::vector<Token>>& messages, Token after, Token added) {
  for (auto& message : messages) {
    const auto at = std::ranges::find(message, after);
    if (at == message.end()) continue;
    message.insert(at + 1, added);
    return true;
  }
  return false;
}

bool apply(std::string_view modifier, std::vector<std::vector<Token>>& messages) {
  // "Noise Extension: Hybrid Forward Secrecy": e1 follows the first e, ekem1 the first ee.
  if (modifier == "hfs") {
    return insert_after(messages, Token::e, Token::e1) && insert_after(messages, Token::ee, Token::ekem1);
  }
  // psk0 opens the first message, pskN closes the N-th (section 9.4).
  if (modifier.size() != 4 || !modifier.starts_with("psk") || modifier[3] < '0' || modifier[3] > '9') return false;
  const auto n = static_cast<std::size_t>(modifier[3] - '0');
  if (n > messages.size()) return false;
  if (n == 0) {
    messages[0].insert(messages[0].begin(), Token::psk);
  } else {
    messages[n - 1].push_back(Token::psk);
  }
  return true;
}

}  // namespace

std::optional<OwnedPattern> OwnedPattern::named(std::string_view name) {
  const auto lower = std::ranges::find_if(name, [](char c) { return c >= 'a' && c <= 'z'; });
  const auto base_size = static_cast<std::size_t>(lower - name.begin());
  const auto base = std::ranges::find(kPatterns, name.substr(0, base_size), [](const auto& p) { return p.first; });
  if (base == kPatterns.end()) return std::nullopt;

  OwnedPattern pattern;
  pattern.name_ = name;
  const std::string_view text = base->second;
  bool premessages = text.find("...") != std::string_view::npos;
  std::vector<Token>* into = nullptr;
  for (const std::string_view word : split(text, ' ')) {
    if (word == "...") {
      premessages = false;
    } else if (word == "->" || word == "<-") {
      into = premessages ? &(word == "->" ? pattern.initiator_premessage_ : pattern.responder_premessage_)
                         : &pattern.messages_.emplace_back();
    } else {
      into->push_back(std::ranges::find(kTokens, word, [](const auto& t) { return t.first; })->second);
    }
  }
  if (base_size < name.size()) {
    for (const std::string_view modifier : split(name.substr(base_size), '+')) {
      if (!apply(modifier, pattern.messages_)) return std::nullopt;
    }
  }
  return pattern;
}

handshake::Pattern OwnedPattern::view() const {
  views_.assign(messages_.begin(), messages_.end());
  return {name_, initiator_premessage_, responder_premessage_, views_};
}

bool OwnedPattern::has(Token token) const {
  return std::ranges::any_of(messages_, [&](const auto& m) { return std::ranges::find(m, token) != m.end(); });
}

ProtocolOrReason parse_protocol(const std::string& name) {
  const auto parts = split(name, '_');
  if (parts.size() != 5 || parts[0] != "Noise") return {std::nullopt, "not a Noise protocol name: " + name, true};
  auto pattern = OwnedPattern::named(parts[1]);
  if (!pattern) return {std::nullopt, "unknown pattern: " + std::string(parts[1]), true};

  handshake::NoiseSuite suite{};
  const auto key_exchange = split(parts[2], '+');
  if (key_exchange[0] == "25519") {
    suite.dh = crypto::DhAlgorithm::x25519;
  } else if (key_exchange[0] == "448") {
    suite.dh = crypto::DhAlgorithm::x448;
  } else {
    return {std::nullopt, std::string(key_exchange[0]) + ": primitive not in the code yet"};
  }
  if (key_exchange.size() > 1) {
    if (key_exchange[1] == "MLKEM768") {
      suite.kem = crypto::MlKemParameters::ml_kem_768;
    } else if (key_exchange[1] == "MLKEM1024") {
      suite.kem = crypto::MlKemParameters::ml_kem_1024;
    } else {
      return {std::nullopt, std::string(key_exchange[1]) + ": primitive not in the code yet"};
    }
  }
  if (suite.kem.has_value() != pattern->has(Token::e1))
    return {std::nullopt, "KEM and hfs do not match: " + name, true};

  if (parts[3] == "AESGCM") {
    suite.aead = crypto::AeadAlgorithm::aes_256_gcm;
  } else if (parts[3] == "ChaChaPoly") {
    suite.aead = crypto::AeadAlgorithm::chacha20_poly1305;
  } else {
    return {std::nullopt, "unknown cipher: " + std::string(parts[3]), true};
  }
  constexpr std::array<std::pair<std::string_view, crypto::HashAlgorithm>, 4> kHashes{
      {{"SHA256", crypto::HashAlgorithm::sha256},
       {"SHA512", crypto::HashAlgorithm::sha512},
       {"BLAKE2s", crypto::HashAlgorithm::blake2s},
       {"BLAKE2b", crypto::HashAlgorithm::blake2b}}};
  const auto hash = std::ranges::find(kHashes, parts[4], [](const auto& h) { return h.first; });
  if (hash == kHashes.end()) return {std::nullopt, "unknown hash: " + std::string(parts[4]), true};
  suite.hash = hash->second;
  return {Protocol{name, std::move(*pattern), suite}, "", false};
}

std::vector<Field> layout(const Protocol& protocol, std::size_t index, std::size_t payload_size) {
  const bool has_psk = protocol.pattern.has(Token::psk);
  const std::size_t dh_size = crypto::dh_size(protocol.suite.dh);
  bool key = false;
  std::vector<Field> fields;
  for (std::size_t message = 0; message <= index; ++message) {
    fields.clear();
    std::size_t offset = 0;
    const auto add = [&](std::optional<Token> token, std::size_t size, bool sealed) {
      const std::size_t whole = sealed ? size + crypto::kAeadTagSize : size;
      fields.push_back({token, offset, whole, sealed});
      offset += whole;
    };
    for (const Token token : protocol.pattern.messages()[message]) {
      switch (token) {
        case Token::e:
          add(token, dh_size, false);
          key = key || has_psk;
          break;
        case Token::s:
          add(token, dh_size, key);
          break;
        case Token::e1:
          add(token, crypto::ml_kem_sizes(*protocol.suite.kem).encapsulation_key, key);
          break;
        case Token::ekem1:
          add(token, crypto::ml_kem_sizes(*protocol.suite.kem).ciphertext, key);
          key = true;
          break;
        default:
          key = true;
      }
    }
    add(std::nullopt, message == index ? payload_size : 0, key);
  }
  return fields;
}

}  // namespace quantumgate::vectors
