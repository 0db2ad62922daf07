// SPDX-License-Identifier: MIT
#include "quantumgate/shared_secret.h"

#include "api/secret_file.hpp"
#include "api/shared_secret_text.hpp"
#include "crypto/system_random.hpp"
#include "wire/hex.hpp"

namespace quantumgate {
namespace api {

Secret<kSharedSecretTextSize> encode_shared_secret(const SharedSecret& secret) {
  constexpr char kDigits[] = "0123456789abcdef";
  Secret<kSharedSecretTextSize> text;  // wire::to_hex would leave its text behind in memory
  auto out = text.mutable_view().begin();
  for (const std::byte b : secret.view()) {
    *out++ = static_cast<std::byte>(kDigits[std::to_integer<unsigned>(b) >> 4]);
    *out++ = static_cast<std::byte>(kDigits[std::to_integer<unsigned>(b) & 15]);
  }
  *out = std::byte{'\n'};
  return text;
}

Result<SharedSecret> decode_shared_secret(BytesView text) {
  SharedSecret secret;
  if (text.size() != kSharedSecretTextSize || text.back() != std::byte{'\n'} ||
      !wire::from_hex(as_text(text.first(text.size() - 1)), secret.mutable_view())) {
    return fail(ErrorCode::malformed, "reading a shared secret");
  }
  return secret;
}

}  // namespace api

SharedSecret generate_shared_secret() {
  SharedSecret secret;
  crypto::SystemRandom().fill(secret.mutable_view());
  return secret;
}

Result<SharedSecret> load_shared_secret(const std::string& file) {
  Secret<api::kSharedSecretTextSize> text;
  const auto read = api::read_secret_file(file, text.mutable_view(), "reading the shared secret file");
  if (!read) return fail(read.error());
  return api::decode_shared_secret(text.view());
}

Result<void> save_shared_secret(const std::string& file, const SharedSecret& secret) {
  return api::write_secret_file(file, api::encode_shared_secret(secret).view(), "writing the shared secret file");
}

}  // namespace quantumgate
