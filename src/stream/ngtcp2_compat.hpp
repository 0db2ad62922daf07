// SPDX-License-Identifier: MIT
// The few names that differ between ngtcp2 0.12 (Debian 12) and 1.x, under one name each. Only 0.12.1 is built and
// tested here; the second half follows the 1.x headers.
// Spec: none.   Layer: stream; included by .cpp files only.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstddef>
#include <cstdint>

namespace quantumgate::stream::compat {

#if NGTCP2_VERSION_NUM < 0x010000

using EncryptionLevel = ngtcp2_crypto_level;
inline constexpr EncryptionLevel kLevelInitial = NGTCP2_CRYPTO_LEVEL_INITIAL;
inline constexpr EncryptionLevel kLevelHandshake = NGTCP2_CRYPTO_LEVEL_HANDSHAKE;

// A server's parameters carry original_destination_connection_id, a client's do not.
inline ngtcp2_transport_params_type parameter_type(bool of_server) {
  return of_server ? NGTCP2_TRANSPORT_PARAMS_TYPE_ENCRYPTED_EXTENSIONS : NGTCP2_TRANSPORT_PARAMS_TYPE_CLIENT_HELLO;
}
inline ngtcp2_ssize encode_parameters(const ngtcp2_transport_params& params, bool of_server, std::uint8_t* out,
                                      std::size_t size) {
  return ngtcp2_encode_transport_params(out, size, parameter_type(of_server), &params);
}
inline int decode_parameters(ngtcp2_transport_params& params, bool of_server, const std::uint8_t* data,
                             std::size_t size) {
  return ngtcp2_decode_transport_params(&params, parameter_type(of_server), data, size);
}
inline void set_original_dcid(ngtcp2_transport_params& params, const ngtcp2_cid& dcid) { params.original_dcid = dcid; }
inline int set_remote_parameters(ngtcp2_conn* conn, const std::uint8_t* data, std::size_t size) {
  return ngtcp2_conn_decode_remote_transport_params(conn, data, size);
}
inline int set_early_parameters(ngtcp2_conn* conn, const ngtcp2_transport_params& params) {
  ngtcp2_conn_set_early_remote_transport_params(conn, &params);
  return 0;
}
inline void set_token(ngtcp2_settings& settings, const std::uint8_t* token, std::size_t size) {
  settings.token = {const_cast<std::uint8_t*>(token), size};
}
inline void handshake_completed(ngtcp2_conn* conn) { ngtcp2_conn_handshake_completed(conn); }
inline void set_early_crypto_ctx(ngtcp2_conn* conn, const ngtcp2_crypto_ctx& ctx) {
  ngtcp2_conn_set_early_crypto_ctx(conn, &ctx);
}
inline int install_early_key(ngtcp2_conn* conn, const ngtcp2_crypto_aead_ctx* aead, const std::uint8_t* iv,
                             std::size_t iv_size, const ngtcp2_crypto_cipher_ctx* mask) {
  return ngtcp2_conn_install_early_key(conn, aead, iv, iv_size, mask);
}
inline int shutdown_stream(ngtcp2_conn* conn, std::int64_t stream, std::uint64_t code) {
  return ngtcp2_conn_shutdown_stream(conn, stream, code);
}
inline ngtcp2_conn_stat stat(ngtcp2_conn* conn) {
  ngtcp2_conn_stat stat;
  ngtcp2_conn_get_conn_stat(conn, &stat);
  return stat;
}

#else

using EncryptionLevel = ngtcp2_encryption_level;
inline constexpr EncryptionLevel kLevelInitial = NGTCP2_ENCRYPTION_LEVEL_INITIAL;
inline constexpr EncryptionLevel kLevelHandshake = NGTCP2_ENCRYPTION_LEVEL_HANDSHAKE;

inline ngtcp2_ssize encode_parameters(const ngtcp2_transport_params& params, bool, std::uint8_t* out,
                                      std::size_t size) {
  return ngtcp2_transport_params_encode(out, size, &params);
}
inline int decode_parameters(ngtcp2_transport_params& params, bool, const std::uint8_t* data, std::size_t size) {
  return ngtcp2_transport_params_decode(&params, data, size);
}
inline void set_original_dcid(ngtcp2_transport_params& params, const ngtcp2_cid& dcid) {
  params.original_dcid = dcid;
  params.original_dcid_present = 1;
}
inline int set_remote_parameters(ngtcp2_conn* conn, const std::uint8_t* data, std::size_t size) {
  return ngtcp2_conn_decode_and_set_remote_transport_params(conn, data, size);
}
inline int set_early_parameters(ngtcp2_conn* conn, const ngtcp2_transport_params& params) {
  std::uint8_t encoded[256];
  const ngtcp2_ssize size = ngtcp2_transport_params_encode(encoded, sizeof encoded, &params);
  if (size < 0) return static_cast<int>(size);
  return ngtcp2_conn_decode_and_set_0rtt_transport_params(conn, encoded, static_cast<std::size_t>(size));
}
inline void set_token(ngtcp2_settings& settings, const std::uint8_t* token, std::size_t size) {
  settings.token = token;
  settings.tokenlen = size;
}
inline void handshake_completed(ngtcp2_conn* conn) { ngtcp2_conn_tls_handshake_completed(conn); }
inline void set_early_crypto_ctx(ngtcp2_conn* conn, const ngtcp2_crypto_ctx& ctx) {
  ngtcp2_conn_set_0rtt_crypto_ctx(conn, &ctx);
}
inline int install_early_key(ngtcp2_conn* conn, const ngtcp2_crypto_aead_ctx* aead, const std::uint8_t* iv,
                             std::size_t iv_size, const ngtcp2_crypto_cipher_ctx* mask) {
  return ngtcp2_conn_install_0rtt_key(conn, aead, iv, iv_size, mask);
}
inline int shutdown_stream(ngtcp2_conn* conn, std::int64_t stream, std::uint64_t code) {
  return ngtcp2_conn_shutdown_stream(conn, 0, stream, code);
}
inline ngtcp2_conn_info stat(ngtcp2_conn* conn) {
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(conn, &info);
  return info;
}

#endif

}  // namespace quantumgate::stream::compat
