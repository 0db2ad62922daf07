// SPDX-License-Identifier: MIT
#include "stream/quic_engine.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "stream/ngtcp2_compat.hpp"
#include "stream/quic_packet.hpp"

namespace quantumgate::stream {

namespace {

// The null packet protection adds tags that are zeros but for one byte (number_check). They could be 1 byte (ngtcp2
// refuses 0), if ngtcp2 0.12.1 did not count on longer ones where it makes a packet long enough for the header
// protection sample, 20 bytes from the packet number on; too short a packet fails an assertion (ngtcp2_ppe_final).
// - A Handshake or Initial packet is padded by a difference that wraps when packet number, payload and tag together
//   are shorter than 4 bytes: a lone PING is, with a 1-byte tag.
// - A 1-RTT packet is always padded to 22 bytes.
// - A 0-RTT packet is not padded at all: a packet number and a frame may be 2 bytes.
constexpr std::size_t kTagSize = 2;
constexpr std::size_t kEarlyTagSize = 18;

// ngtcp2 asserts that an IV has at least 8 bytes.
constexpr std::array<std::uint8_t, 8> kNullIv{};

// A parameter message is a 2-byte length and that many bytes; QUIC's own is 52 to 62.
constexpr std::size_t kParameterSizeMax = 256;

// Packets of a usual path never exceed this; jumbo rooms raise it. It is also the unit of the congestion window, so it
// should not be larger than what is really sent.
constexpr std::size_t kUsualDatagramMax = 1452;
constexpr std::size_t kDatagramMax = 65527;

// Packets held while the connection opens: about a first flight.
constexpr std::size_t kHeldMax = 16;

// Engine time starts here, so that nothing in it can reach below zero.
constexpr std::uint64_t kTimeOrigin = NGTCP2_SECONDS;

constexpr std::array<std::uint8_t, kInitialTokenSize> kInitialToken{};

std::uint8_t* octets(std::byte* bytes) { return reinterpret_cast<std::uint8_t*>(bytes); }
const std::uint8_t* octets(const std::byte* bytes) { return reinterpret_cast<const std::uint8_t*>(bytes); }

bool is_zero(BytesView bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

// ngtcp2 wants addresses; the session owns the real ones and QUIC's path never changes.
const ngtcp2_path& constant_path() {
  static ngtcp2_sockaddr_in address = [] {
    ngtcp2_sockaddr_in a{};
    a.sin_family = NGTCP2_AF_INET;
    return a;
  }();
  static const ngtcp2_path path = [] {
    ngtcp2_path p{};
    p.local = {reinterpret_cast<ngtcp2_sockaddr*>(&address), sizeof address};
    p.remote = p.local;
    return p;
  }();
  return path;
}

ngtcp2_cid first_connection_id() {
  const std::array<std::uint8_t, kFirstConnectionIdSize> zeros{};
  ngtcp2_cid cid;
  ngtcp2_cid_init(&cid, zeros.data(), zeros.size());
  return cid;
}

ngtcp2_cid empty_connection_id() {
  ngtcp2_cid cid;
  ngtcp2_cid_init(&cid, nullptr, 0);
  return cid;
}

ngtcp2_transport_params own_parameters(const Limits& limits) {
  ngtcp2_transport_params params;
  ngtcp2_transport_params_default(&params);
  params.initial_max_stream_data_bidi_local = limits.stream_window_bytes;
  params.initial_max_stream_data_bidi_remote = limits.stream_window_bytes;
  params.initial_max_data = limits.session_window_bytes;
  params.initial_max_streams_bidi = limits.peer_streams_max;
  params.initial_max_stream_data_uni = 0;
  params.initial_max_streams_uni = 0;
  params.max_idle_timeout = 0;  // the session watches over liveness
  params.max_udp_payload_size = kDatagramMax;
  params.disable_active_migration = 1;
  return params;
}

// Of what the peer may say about itself, nothing that would make the engine do more than this protocol uses.
bool is_plain(const ngtcp2_transport_params& params) {
  return !params.preferred_address_present && !params.stateless_reset_token_present && !params.retry_scid_present &&
         !params.grease_quic_bit && !params.version_info_present && params.max_datagram_frame_size == 0;
}

ngtcp2_crypto_ctx null_crypto(std::size_t tag_size) {
  ngtcp2_crypto_ctx ctx{};
  ctx.aead.max_overhead = tag_size;
  ctx.max_encryption = UINT64_MAX;
  ctx.max_decryption_failure = UINT64_MAX;
  return ctx;
}

// The tag does the one thing of QUIC's real tags that the session's can not do: it binds the whole packet number, of
// which only the low bits travel. Otherwise a packet that is late by half the range of those bits would be taken for a
// future one. Its last byte is the number without its low byte, modulo 251: what is restored wrongly is off by a small
// multiple of 2^8, 2^16, 2^24 or 2^32, which after the shift is no multiple of 251.
std::byte number_check(std::uint64_t number) { return static_cast<std::byte>((number >> 8) % 251); }

bool is_tag(BytesView tag, std::uint64_t number) {
  return is_zero(tag.first(tag.size() - 1)) && tag.back() == number_check(number);
}

// All IVs are zeros, so the nonce is the packet number.
std::uint64_t number_of(const std::uint8_t* nonce, std::size_t size) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < size; ++i) number = number << 8 | nonce[i];
  return number;
}

int null_encrypt(std::uint8_t* dest, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx*,
                 const std::uint8_t* plaintext, std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
                 const std::uint8_t*, std::size_t) {
  if (dest != plaintext) std::memmove(dest, plaintext, size);
  std::memset(dest + size, 0, aead->max_overhead);
  dest[size + aead->max_overhead - 1] = std::to_integer<std::uint8_t>(number_check(number_of(nonce, nonce_size)));
  return 0;
}

int null_decrypt(std::uint8_t* dest, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx*,
                 const std::uint8_t* ciphertext, std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
                 const std::uint8_t*, std::size_t) {
  if (size < aead->max_overhead) return NGTCP2_ERR_DECRYPT;
  size -= aead->max_overhead;
  const BytesView tag(reinterpret_cast<const std::byte*>(ciphertext + size), aead->max_overhead);
  if (!is_tag(tag, number_of(nonce, nonce_size))) return NGTCP2_ERR_DECRYPT;
  std::memcpy(dest, ciphertext, size);
  return 0;
}

int null_mask(std::uint8_t* dest, const ngtcp2_crypto_cipher*, const ngtcp2_crypto_cipher_ctx*, const std::uint8_t*) {
  std::memset(dest, 0, NGTCP2_HP_MASKLEN);
  return 0;
}

// Asked for right after the handshake, although keys are never updated. The IVs are as long as the installed ones.
int null_update_key(ngtcp2_conn*, std::uint8_t* rx_secret, std::uint8_t* tx_secret, ngtcp2_crypto_aead_ctx* rx,
                    std::uint8_t* rx_iv, ngtcp2_crypto_aead_ctx* tx, std::uint8_t* tx_iv, const std::uint8_t*,
                    const std::uint8_t*, std::size_t secret_size, void*) {
  if (secret_size) {
    std::memset(rx_secret, 0, secret_size);
    std::memset(tx_secret, 0, secret_size);
  }
  std::memset(rx_iv, 0, kNullIv.size());
  std::memset(tx_iv, 0, kNullIv.size());
  rx->native_handle = nullptr;
  tx->native_handle = nullptr;
  return 0;
}

void random_fill(RandomSource& random, std::uint8_t* dest, std::size_t size) {
  random.fill({reinterpret_cast<std::byte*>(dest), size});
}

int install_initial_keys(ngtcp2_conn* conn) {
  const ngtcp2_crypto_ctx ctx = null_crypto(kTagSize);
  const ngtcp2_crypto_aead_ctx key{};
  const ngtcp2_crypto_cipher_ctx mask{};
  ngtcp2_conn_set_initial_crypto_ctx(conn, &ctx);
  if (ngtcp2_conn_install_initial_key(conn, &key, kNullIv.data(), &mask, &key, kNullIv.data(), &mask, kNullIv.size()) !=
      0) {
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }
  return 0;
}

bool install_early_key(ngtcp2_conn* conn) {
  const ngtcp2_crypto_aead_ctx key{};
  const ngtcp2_crypto_cipher_ctx mask{};
  compat::set_early_crypto_ctx(conn, null_crypto(kEarlyTagSize));
  return compat::install_early_key(conn, &key, kNullIv.data(), kNullIv.size(), &mask) == 0;
}

bool install_later_keys(ngtcp2_conn* conn) {
  const ngtcp2_crypto_ctx ctx = null_crypto(kTagSize);
  const ngtcp2_crypto_aead_ctx key{};
  const ngtcp2_crypto_cipher_ctx mask{};
  ngtcp2_conn_set_crypto_ctx(conn, &ctx);
  return ngtcp2_conn_install_rx_handshake_key(conn, &key, kNullIv.data(), kNullIv.size(), &mask) == 0 &&
         ngtcp2_conn_install_tx_handshake_key(conn, &key, kNullIv.data(), kNullIv.size(), &mask) == 0 &&
         ngtcp2_conn_install_tx_key(conn, nullptr, 0, &key, kNullIv.data(), kNullIv.size(), &mask) == 0 &&
         ngtcp2_conn_install_rx_key(conn, nullptr, 0, &key, kNullIv.data(), kNullIv.size(), &mask) == 0;
}

// Queues our parameters behind their length as Initial CRYPTO data. ngtcp2 has added two that this protocol does not
// use: it offers to clear the fixed bit and names its versions.
bool submit_parameters(ngtcp2_conn* conn, bool server) {
  ngtcp2_transport_params params = *ngtcp2_conn_get_local_transport_params(conn);
  params.grease_quic_bit = 0;
  params.version_info_present = 0;
  std::array<std::uint8_t, 2 + kParameterSizeMax> message;
  const ngtcp2_ssize size = compat::encode_parameters(params, server, message.data() + 2, kParameterSizeMax);
  if (size < 0) return false;
  message[0] = static_cast<std::uint8_t>(size >> 8);
  message[1] = static_cast<std::uint8_t>(size);
  return ngtcp2_conn_submit_crypto_data(conn, compat::kLevelInitial, message.data(),
                                        static_cast<std::size_t>(size) + 2) == 0;
}

}  // namespace

// What ngtcp2 calls; `user` is the engine, `stream` what the owner gave for it.
struct QuicEngine::Callbacks {
  static QuicEngine& engine(void* user) { return *static_cast<QuicEngine*>(user); }
  static EngineStream& of(void* stream) { return *static_cast<EngineStream*>(stream); }

  static int client_initial(ngtcp2_conn* conn, void*) {
    if (install_initial_keys(conn) != 0 || !install_early_key(conn) || !submit_parameters(conn, false)) {
      return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    return 0;
  }
  static int recv_client_initial(ngtcp2_conn* conn, const ngtcp2_cid*, void* user) {
    engine(user).initial_received_ = true;
    return install_initial_keys(conn);
  }
  static int recv_crypto_data(ngtcp2_conn*, compat::EncryptionLevel level, std::uint64_t, const std::uint8_t* data,
                              std::size_t size, void* user) {
    const bool handshake = level == compat::kLevelHandshake;
    if (!handshake && level != compat::kLevelInitial) return NGTCP2_ERR_CALLBACK_FAILURE;
    return engine(user).receive_crypto(handshake, {reinterpret_cast<const std::byte*>(data), size})
               ? 0
               : NGTCP2_ERR_CALLBACK_FAILURE;
  }
  static int handshake_completed(ngtcp2_conn*, void* user) {
    if (engine(user).server_) engine(user).opening_ = false;
    return 0;
  }
  static int handshake_confirmed(ngtcp2_conn*, void* user) {
    engine(user).opening_ = false;
    return 0;
  }
  static int recv_stream_data(ngtcp2_conn*, std::uint32_t flags, std::int64_t, std::uint64_t, const std::uint8_t* data,
                              std::size_t size, void* user, void* stream) {
    if (stream) {
      engine(user).owner_.received(of(stream), {reinterpret_cast<const std::byte*>(data), size},
                                   (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0);
    }
    return 0;
  }
  static int acked_stream_data(ngtcp2_conn*, std::int64_t, std::uint64_t, std::uint64_t size, void* user,
                               void* stream) {
    if (!stream) return 0;
    engine(user).delivery_.delivered += size;
    engine(user).delivery_.outstanding -= size;
    of(stream).outstanding -= size;
    engine(user).owner_.acknowledged(of(stream), static_cast<std::size_t>(size));
    return 0;
  }
  static int stream_open(ngtcp2_conn* conn, std::int64_t id, void* user) {
    EngineStream& stream = engine(user).owner_.opened_by_peer(id);
    stream.id = id;
    return ngtcp2_conn_set_stream_user_data(conn, id, &stream) == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
  }
  static int stream_reset(ngtcp2_conn*, std::int64_t, std::uint64_t, std::uint64_t code, void* user, void* stream) {
    if (stream) engine(user).owner_.reset_by_peer(of(stream), code);
    return 0;
  }
  static int stream_close(ngtcp2_conn*, std::uint32_t flags, std::int64_t, std::uint64_t code, void* user,
                          void* stream) {
    std::optional<std::uint64_t> error;
    if (flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET) error = code;
    if (!stream) return 0;
    of(stream).id = -1;
    engine(user).delivery_.outstanding -= std::exchange(of(stream).outstanding, 0);
    engine(user).owner_.closed(of(stream), error);
    return 0;
  }
  static int extend_max_stream_data(ngtcp2_conn*, std::int64_t, std::uint64_t, void* user, void* stream) {
    if (stream) engine(user).owner_.credited(of(stream));
    return 0;
  }
  static void random(std::uint8_t* dest, std::size_t size, const ngtcp2_rand_ctx* ctx) {
    random_fill(*static_cast<RandomSource*>(ctx->native_handle), dest, size);
  }
  static int get_new_connection_id(ngtcp2_conn*, ngtcp2_cid* cid, std::uint8_t* token, std::size_t size, void* user) {
    cid->datalen = size;
    random_fill(engine(user).random_, cid->data, size);
    random_fill(engine(user).random_, token, NGTCP2_STATELESS_RESET_TOKENLEN);
    return 0;
  }
  static int get_path_challenge_data(ngtcp2_conn*, std::uint8_t* data, void* user) {
    random_fill(engine(user).random_, data, NGTCP2_PATH_CHALLENGE_DATALEN);
    return 0;
  }
  // Neither can happen behind take_packet(), but ngtcp2 asserts that they are set.
  static int recv_retry(ngtcp2_conn*, const ngtcp2_pkt_hd*, void*) { return NGTCP2_ERR_CALLBACK_FAILURE; }
  static int version_negotiation(ngtcp2_conn*, std::uint32_t, const ngtcp2_cid*, void*) {
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }

  static ngtcp2_callbacks table() {
    ngtcp2_callbacks c{};
    c.client_initial = client_initial;
    c.recv_client_initial = recv_client_initial;
    c.recv_crypto_data = recv_crypto_data;
    c.handshake_completed = handshake_completed;
    c.handshake_confirmed = handshake_confirmed;
    c.encrypt = null_encrypt;
    c.decrypt = null_decrypt;
    c.hp_mask = null_mask;
    c.recv_stream_data = recv_stream_data;
    c.acked_stream_data_offset = acked_stream_data;
    c.stream_open = stream_open;
    c.stream_close = stream_close;
    c.stream_reset = stream_reset;
    c.extend_max_stream_data = extend_max_stream_data;
    c.rand = random;
    c.get_new_connection_id = get_new_connection_id;
    c.update_key = null_update_key;
    c.get_path_challenge_data = get_path_challenge_data;
    c.recv_retry = recv_retry;
    c.version_negotiation = version_negotiation;
    c.delete_crypto_aead_ctx = [](ngtcp2_conn*, ngtcp2_crypto_aead_ctx*, void*) {};
    c.delete_crypto_cipher_ctx = [](ngtcp2_conn*, ngtcp2_crypto_cipher_ctx*, void*) {};
    return c;
  }
};

Bytes QuicEngine::encoded_parameters(const Limits& limits) {
  Bytes encoded(kParameterSizeMax);
  const ngtcp2_ssize size =
      compat::encode_parameters(own_parameters(limits), false, octets(encoded.data()), encoded.size());
  CHECK(size >= 0);
  encoded.resize(static_cast<std::size_t>(size));
  return encoded;
}

QuicEngine::QuicEngine(bool server, TimePoint now, const Limits& limits, std::size_t room, RandomSource& random,
                       EngineOwner& owner)
    : random_(random), owner_(owner), server_(server), epoch_(now), newest_time_(kTimeOrigin) {
  static const ngtcp2_callbacks callbacks = Callbacks::table();
  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.cc_algo = NGTCP2_CC_ALGO_CUBIC;
  settings.initial_ts = kTimeOrigin;
  settings.max_tx_udp_payload_size = std::clamp(room, kUsualDatagramMax, kDatagramMax);
  settings.no_tx_udp_payload_size_shaping = 1;
  settings.no_pmtud = 1;
  settings.handshake_timeout = UINT64_MAX;
  // A token in the Initial means that the server knows the client's address, as it does here; else it would hold its
  // answer back after 3 times the bytes received.
  compat::set_token(settings, kInitialToken.data(), kInitialToken.size());
  settings.rand_ctx.native_handle = &random_;
  ngtcp2_transport_params params = own_parameters(limits);
  const ngtcp2_cid empty = empty_connection_id();
  const ngtcp2_cid first = first_connection_id();
  int error = 0;
  if (server) {
    compat::set_original_dcid(params, first);
    error = ngtcp2_conn_server_new(&conn_, &empty, &empty, &constant_path(), NGTCP2_PROTO_VER_V1, &callbacks, &settings,
                                   &params, nullptr, this);
  } else {
    error = ngtcp2_conn_client_new(&conn_, &first, &empty, &constant_path(), NGTCP2_PROTO_VER_V1, &callbacks, &settings,
                                   &params, nullptr, this);
  }
  CHECK(error == 0);
}

QuicEngine::~QuicEngine() { ngtcp2_conn_del(conn_); }

std::unique_ptr<QuicEngine> QuicEngine::create_client(TimePoint now, const Limits& limits, BytesView peer_parameters,
                                                      std::size_t room, RandomSource& random, EngineOwner& owner) {
  ngtcp2_transport_params theirs;
  if (compat::decode_parameters(theirs, false, octets(peer_parameters.data()), peer_parameters.size()) != 0 ||
      !is_plain(theirs)) {
    return nullptr;
  }
  std::unique_ptr<QuicEngine> engine(new QuicEngine(false, now, limits, room, random, owner));
  // Only the limits count before the peer repeats them inside the connection.
  ngtcp2_transport_params early;
  ngtcp2_transport_params_default(&early);
  early.initial_max_stream_data_bidi_local = theirs.initial_max_stream_data_bidi_local;
  early.initial_max_stream_data_bidi_remote = theirs.initial_max_stream_data_bidi_remote;
  early.initial_max_data = theirs.initial_max_data;
  early.initial_max_streams_bidi = theirs.initial_max_streams_bidi;
  early.max_udp_payload_size = theirs.max_udp_payload_size;
  if (compat::set_early_parameters(engine->conn_, early) != 0) return nullptr;
  return engine;
}

std::unique_ptr<QuicEngine> QuicEngine::create_server(TimePoint now, const Limits& limits, std::size_t room,
                                                      RandomSource& random, EngineOwner& owner) {
  return std::unique_ptr<QuicEngine>(new QuicEngine(true, now, limits, room, random, owner));
}

std::uint64_t QuicEngine::engine_time(TimePoint now) noexcept {
  const auto elapsed = (now - epoch_).count();
  if (elapsed > 0) newest_time_ = std::max(newest_time_, kTimeOrigin + static_cast<std::uint64_t>(elapsed));
  return newest_time_;
}

bool QuicEngine::receive_crypto(bool handshake_level, BytesView data) {
  if (handshake_level) {
    // The client's one byte says that it has our parameters. A server sends nothing at this level.
    if (!server_ || !parameters_received_ || handshake_finished_) return false;
    handshake_finished_ = true;
    compat::handshake_completed(conn_);
    return true;
  }
  if (parameters_received_ || crypto_.size() + data.size() > 2 + kParameterSizeMax) return false;
  crypto_.insert(crypto_.end(), data.begin(), data.end());
  if (crypto_.size() < 2) return true;
  const std::size_t size = std::to_integer<std::size_t>(crypto_[0]) << 8 | std::to_integer<std::size_t>(crypto_[1]);
  if (size > kParameterSizeMax || crypto_.size() > 2 + size) return false;
  if (crypto_.size() < 2 + size) return true;

  parameters_received_ = true;
  const std::uint8_t* encoded = octets(crypto_.data()) + 2;
  ngtcp2_transport_params params;
  if (compat::decode_parameters(params, !server_, encoded, size) != 0 || !is_plain(params)) return false;
  if (compat::set_remote_parameters(conn_, encoded, size) != 0) return false;
  crypto_ = Bytes();
  // A server reads early data only now: before, ngtcp2 would assert that the version is settled.
  if (server_ && !install_early_key(conn_)) return false;
  // The server's parameters name its connection id, which ngtcp2 fills in when the handshake key is installed.
  if (!install_later_keys(conn_)) return false;
  if (server_) return submit_parameters(conn_, true);
  const std::uint8_t finished = 0;
  if (ngtcp2_conn_submit_crypto_data(conn_, compat::kLevelHandshake, &finished, 1) != 0) return false;
  handshake_finished_ = true;
  compat::handshake_completed(conn_);
  return true;
}

// Packets that come before their time are held here rather than in ngtcp2, which thus processes them in the order in
// which admit() counts them. A client must also have sent its Handshake packet before it sees a confirmation: ngtcp2
// 0.12.1 would read a packet number space that it has thrown away.
bool QuicEngine::must_wait(PacketType type) const noexcept {
  switch (type) {
    case PacketType::initial:
      return false;
    case PacketType::early:
    case PacketType::handshake:
      return !parameters_received_;
    case PacketType::one_rtt:
      return !handshake_finished_ || (!server_ && !handshake_sent_);
  }
  return false;
}

// Keeps one kind of packet from ngtcp2 that would stop the program: 0.12.1 forgets the largest packet once the peer has
// acknowledged its acknowledgement; if then the one just below it arrives, the next ACK frame has a gap of -1 and an
// assertion fails. An honest peer can hardly do that: the packet has to be late by a flight.
bool QuicEngine::admit(const Packet& packet) {
  std::size_t tag_size = kTagSize;
  Space* space = &spaces_[2];
  if (packet.type == PacketType::initial) space = &spaces_[0];
  if (packet.type == PacketType::handshake) space = &spaces_[1];
  if (packet.type == PacketType::early) {
    if (!server_ || handshake_finished_) return false;
    tag_size = kEarlyTagSize;
  }
  if (packet.bytes.size() < tag_size) return false;
  // RFC 9000, appendix A.3.
  const std::int64_t expected = space->largest + 1;
  const std::int64_t window = std::int64_t{1} << (8 * packet.number_size);
  std::int64_t number = (expected & ~(window - 1)) | packet.number;
  if (number <= expected - window / 2) {
    number += window;
  } else if (number > expected + window / 2 && number >= window) {
    number -= window;
  }
  if (!is_tag(packet.bytes.last(tag_size), static_cast<std::uint64_t>(number))) return false;
  if (number == space->largest - 1 && space->sent_since) return false;
  if (number > space->largest) *space = {number, false};
  return true;
}

bool QuicEngine::feed(std::uint64_t time, const Packet& packet) {
  if (!admit(packet)) return true;
  BytesView bytes = packet.bytes;
  // A server takes an Initial packet only from a large datagram; one at a time, each gets its own.
  std::array<std::byte, kInitialDatagramSize> padded;
  if (server_ && packet.type == PacketType::initial) {
    if (bytes.size() > padded.size()) return true;
    with_padding(bytes, padded);
    if (!announce_padding(MutableBytesView(padded).first(bytes.size()))) return true;
    bytes = padded;
  }
  const ngtcp2_pkt_info info{};
  return ngtcp2_conn_read_pkt(conn_, &constant_path(), &info, octets(bytes.data()), bytes.size(), time) == 0;
}

// A client answers the server's opening at once, if it may send, so that what came with it need not wait.
bool QuicEngine::finish_handshake(std::uint64_t time) {
  if (server_ || !handshake_finished_ || handshake_sent_ || !pending_.empty()) return true;
  pending_.resize(kInitialDatagramSize);
  const std::ptrdiff_t size = write_flight(time, pending_);
  pending_.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return size >= 0;
}

bool QuicEngine::receive(TimePoint now, BytesView datagram) {
  const std::uint64_t time = engine_time(now);
  answer_allowed_ = true;
  while (const auto packet = take_packet(datagram)) {
    if (must_wait(packet->type)) {
      if (held_.size() < kHeldMax) held_.emplace_back(packet->bytes.begin(), packet->bytes.end());
    } else if (!feed(time, *packet)) {
      return false;
    }
  }
  if (!finish_handshake(time)) return false;
  for (const Bytes& bytes : std::exchange(held_, {})) {
    BytesView rest = bytes;
    const auto packet = take_packet(rest);
    if (must_wait(packet->type)) {
      held_.push_back(bytes);
    } else if (!feed(time, *packet)) {
      return false;
    }
  }
  // Without an opening that is one, a server has no keys to answer with.
  return !server_ || initial_received_;
}

bool QuicEngine::on_deadline(TimePoint now) {
  answer_allowed_ = true;
  return ngtcp2_conn_handle_expiry(conn_, engine_time(now)) == 0;
}

// While the old path carried nothing, the pause before the next probe has doubled again and again. It is skipped: the
// engine's clock goes forward by it. What is still on its way looks that much older, which is what it is.
bool QuicEngine::on_path_change(TimePoint now) {
  const std::uint64_t time = engine_time(now);
  const std::uint64_t expiry = ngtcp2_conn_get_expiry(conn_);
  if (expiry == UINT64_MAX || expiry <= time + ngtcp2_conn_get_pto(conn_)) return true;
  epoch_ -= Duration(static_cast<Duration::rep>(expiry - time));
  return on_deadline(now);
}

// Whether the pacer lets another packet leave now. ngtcp2's own pacing is not used: it counts no further than one burst
// and asks for a timer after each.
bool QuicEngine::paced(TimePoint now) noexcept {
  // Before there is a round-trip time, ngtcp2 would pace by its guess of 333 ms; the initial congestion window is bound
  // enough.
  if (opening_) return true;
  if (!std::exchange(in_burst_, true)) {
    const auto stat = compat::stat(conn_);
    delivery_.round_trip = Duration(static_cast<Duration::rep>(stat.smoothed_rtt));
    // RFC 9002, 7.7, asks for a little more than the window in a round trip; slow start doubles it meanwhile.
    const std::uint64_t window = stat.cwnd < stat.ssthresh ? 2 * stat.cwnd : stat.cwnd + stat.cwnd / 4;
    // Where packets get lost while the connection opens, the first sample is the time of some repetition, seconds too
    // long, and slow pacing would keep better ones away.
    const std::uint64_t round_trip = std::min(stat.smoothed_rtt, 4 * stat.min_rtt);
    pacer_.set_rate(now, window, Duration(static_cast<Duration::rep>(round_trip)));
  }
  return pacer_.allows(now);
}

// Takes note of a datagram written while opening. Returns its size on its way: without padding if it begins with an
// Initial packet.
std::ptrdiff_t QuicEngine::trim_opening(MutableBytesView datagram) {
  BytesView rest = datagram;
  while (const auto packet = take_packet(rest)) handshake_sent_ |= packet->type == PacketType::handshake;
  if (!begins_with_initial(datagram)) return static_cast<std::ptrdiff_t>(datagram.size());
  return announce_padding(datagram) ? static_cast<std::ptrdiff_t>(without_padding(datagram).size()) : 0;
}

std::ptrdiff_t QuicEngine::write_packet(std::uint64_t time, MutableBytesView out, bool with_streams) {
  bool session_blocked = false;
  // ngtcp2 collects frames into one packet as long as it says WRITE_MORE; a turn without stream closes the packet.
  for (;;) {
    const Outgoing outgoing = with_streams ? owner_.next_outgoing(!session_blocked) : Outgoing{};
    EngineStream* const stream = outgoing.stream;
    std::array<ngtcp2_vec, 2> pieces{};
    std::size_t piece_count = 0;
    std::size_t offered = 0;
    std::uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_NONE;
    if (stream) {
      for (const BytesView piece : outgoing.bytes) {
        if (piece.empty()) break;
        pieces[piece_count++] = {const_cast<std::uint8_t*>(octets(piece.data())), piece.size()};
        offered += piece.size();
      }
      flags = NGTCP2_WRITE_STREAM_FLAG_MORE | (outgoing.last ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0u);
    }
    ngtcp2_ssize taken = -1;
    const ngtcp2_ssize size =
        ngtcp2_conn_writev_stream(conn_, nullptr, nullptr, octets(out.data()), out.size(), &taken, flags,
                                  stream ? stream->id : -1, pieces.data(), piece_count, time);
    if (stream && taken >= 0 && (size > 0 || size == NGTCP2_ERR_WRITE_MORE)) {
      const auto count = static_cast<std::size_t>(taken);
      delivery_.sent += count;
      delivery_.outstanding += count;
      stream->outstanding += count;
      owner_.sent(*stream, count, outgoing.last && count == offered);
    }
    if (size == NGTCP2_ERR_WRITE_MORE) continue;
    if (!stream) return size;
    if (size == NGTCP2_ERR_STREAM_DATA_BLOCKED) {
      if (session_blocked || ngtcp2_conn_get_max_stream_data_left(conn_, stream->id) == 0) {
        owner_.blocked(*stream);
      } else {
        session_blocked = true;
      }
      continue;
    }
    if (size == NGTCP2_ERR_STREAM_SHUT_WR || size == NGTCP2_ERR_STREAM_NOT_FOUND) {
      owner_.unsendable(*stream);
      continue;
    }
    return size;
  }
}

// Initial packets belong into datagrams of 1,200 bytes, which may be more than the room. What is written into a smaller
// room is made to look as if it had been padded. Servers, though, write Initial packets only where 1,200 bytes really
// fit: those go first in the first flight, when nothing large can ride along, and later only when all else has been
// sent into the room.
std::ptrdiff_t QuicEngine::write_opening(std::uint64_t time, MutableBytesView out) {
  out = out.first(std::min(out.size(), kInitialDatagramSize));
  const bool flight_first = server_ && !opened_with_flight_;
  opened_with_flight_ = true;
  if (flight_first) {
    if (const std::ptrdiff_t size = write_flight(time, out); size != 0) return size;
  }
  const std::ptrdiff_t size = write_packet(time, out, true);
  if (size > 0) return trim_opening(out.first(static_cast<std::size_t>(size)));
  return size == 0 && !flight_first ? write_flight(time, out) : size;
}

// Writes a datagram without fresh stream bytes where 1,200 bytes fit and takes it over if its trimmed form fits `out`.
std::ptrdiff_t QuicEngine::write_flight(std::uint64_t time, MutableBytesView out) {
  std::array<std::byte, kInitialDatagramSize> flight;
  std::ptrdiff_t size = write_packet(time, flight, false);
  if (size <= 0) return size;
  size = trim_opening(MutableBytesView(flight).first(static_cast<std::size_t>(size)));
  // Too much rode along after all: as good as lost on the way, and repeated like that.
  if (static_cast<std::size_t>(size) > out.size()) return 0;
  std::ranges::copy(BytesView(flight).first(static_cast<std::size_t>(size)), out.begin());
  return size;
}

bool QuicEngine::write(TimePoint now, MutableBytesView out, std::size_t& size) {
  size = 0;
  const std::uint64_t time = engine_time(now);
  if (!pending_.empty()) {
    // Where the room has become too small, it is as good as lost on the way.
    if (pending_.size() <= out.size()) {
      std::ranges::copy(pending_, out.begin());
      size = pending_.size();
    }
    pending_ = Bytes();
    if (size > 0) return true;
  }
  // Acknowledgements and probes do not wait for the pacer, but it counts them.
  held_back_ = !paced(now);
  const bool answer = std::exchange(answer_allowed_, false);
  if (held_back_ && !answer) return true;
  const std::ptrdiff_t written = opening_ ? write_opening(time, out) : write_packet(time, out, !held_back_);
  if (written < 0) return false;
  size = static_cast<std::size_t>(written);
  pacer_.sent(size);
  if (size > 0) {
    ++delivery_.packets;
    for (Space& space : spaces_) space.sent_since = true;
  }
  return true;
}

std::optional<TimePoint> QuicEngine::deadline() const {
  std::optional<TimePoint> earliest;
  if (const std::uint64_t expiry = ngtcp2_conn_get_expiry(conn_); expiry != UINT64_MAX) {
    earliest = epoch_ + Duration(static_cast<Duration::rep>(expiry) - static_cast<Duration::rep>(kTimeOrigin));
  }
  if (held_back_) earliest = std::min(earliest.value_or(TimePoint::max()), pacer_.next());
  return earliest;
}

bool QuicEngine::open_stream(EngineStream& stream) {
  return ngtcp2_conn_open_bidi_stream(conn_, &stream.id, &stream) == 0;
}

void QuicEngine::shutdown_stream(const EngineStream& stream, std::uint64_t code) {
  compat::shutdown_stream(conn_, stream.id, std::min(code, std::uint64_t{NGTCP2_MAX_VARINT}));
}

void QuicEngine::credit_stream(const EngineStream& stream, std::uint64_t count) {
  if (stream.id >= 0) ngtcp2_conn_extend_max_stream_offset(conn_, stream.id, count);
}

void QuicEngine::credit_session(std::uint64_t count) { ngtcp2_conn_extend_max_offset(conn_, count); }

void QuicEngine::allow_another_stream() { ngtcp2_conn_extend_max_streams_bidi(conn_, 1); }

Duration QuicEngine::smoothed_rtt() const noexcept {
  return Duration(static_cast<Duration::rep>(compat::stat(conn_).smoothed_rtt));
}

// What is on its way arrives within a round trip.
std::uint64_t QuicEngine::delivery_rate() const noexcept {
  const auto stat = compat::stat(conn_);
  if (stat.smoothed_rtt == 0) return 0;
  return static_cast<std::uint64_t>(static_cast<double>(stat.bytes_in_flight) * NGTCP2_SECONDS /
                                    static_cast<double>(stat.smoothed_rtt));
}

Duration QuicEngine::shortest_rtt() const noexcept {
  const std::uint64_t shortest = compat::stat(conn_).min_rtt;
  return shortest == UINT64_MAX ? Duration::zero() : Duration(static_cast<Duration::rep>(shortest));
}

bool QuicEngine::awaiting_acknowledgement() const noexcept { return compat::stat(conn_).bytes_in_flight > 0; }

}  // namespace quantumgate::stream
