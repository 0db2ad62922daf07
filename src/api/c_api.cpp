// SPDX-License-Identifier: MIT
// The C interface on top of the C++ one. Every function is noexcept, so no exception leaves it.
#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "quantumgate/quantumgate.h"
#include "quantumgate/quantumgate_c.h"

using namespace quantumgate;

// Where the node of a handle is, for all that refers to it; null once it has stopped.
struct NodePlace {
  Node* node = nullptr;
};

struct qg_identity {
  Identity identity;
};

struct qg_node {
  std::shared_ptr<NodePlace> place = std::make_shared<NodePlace>();
  std::unique_ptr<Node> owned;
};

struct qg_stream {
  std::shared_ptr<NodePlace> place;
  std::shared_ptr<Stream> stream;
  qg_stream_callbacks callbacks{};
  bool finished = false;
  bool closed = false;
};

namespace {

static_assert(QG_SYSTEM == static_cast<int>(ErrorCode::system));  // the numbers are the same
static_assert(QG_CLOSED == static_cast<int>(ErrorCode::closed));
static_assert(QG_PRIORITY_DELAYED == static_cast<int>(Priority::delayed));
static_assert(QG_PADDING_FULL == static_cast<int>(Padding::full));
static_assert(QG_COVER_CONSTANT == static_cast<int>(Cover::constant));
static_assert(QG_TRANSPORT_TCP == static_cast<int>(Transport::tcp));

constexpr std::chrono::milliseconds kTimeLimit{10'000};

qg_error code_of(ErrorCode code) { return static_cast<qg_error>(code); }
template <class T>
qg_error code_of(const Result<T>& result) {
  return result ? static_cast<qg_error>(QG_OK) : code_of(result.error().code);
}

// Copies a structure of another version of the header: members that it does not have are zero, and those that this
// library does not know must be.
template <class T>
qg_error take_in(const T* given, T& known) {
  if (given == nullptr || given->size < sizeof given->size) return QG_INVALID_ARGUMENT;
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  const std::size_t shared = std::min(given->size, sizeof known);
  if (std::any_of(bytes + shared, bytes + given->size, [](unsigned char byte) { return byte != 0; })) {
    return QG_UNSUPPORTED;
  }
  std::memset(&known, 0, sizeof known);
  std::memcpy(&known, given, shared);
  return QG_OK;
}

// Copies `known` into a structure of another version of the header, unless that lacks members that are set.
template <class T>
qg_error give_out(const T& known, T* given) {
  if (given == nullptr || given->size < sizeof given->size) return QG_INVALID_ARGUMENT;
  const auto* bytes = reinterpret_cast<const unsigned char*>(&known);
  const std::size_t size = given->size, shared = std::min(size, sizeof known);
  if (std::any_of(bytes + shared, bytes + sizeof known, [](unsigned char byte) { return byte != 0; })) {
    return QG_UNSUPPORTED;
  }
  std::memset(given, 0, size);
  std::memcpy(given, &known, shared);
  given->size = size;
  return QG_OK;
}

PeerUuid uuid_of(const qg_uuid& uuid) {
  PeerUuid result;
  std::memcpy(result.bytes.data(), uuid.bytes, sizeof uuid.bytes);
  return result;
}

qg_uuid uuid_of(const PeerUuid& uuid) {
  qg_uuid result;
  std::memcpy(result.bytes, uuid.bytes.data(), sizeof result.bytes);
  return result;
}

SecretBytes pass_phrase_of(const char* text) {
  return text == nullptr ? SecretBytes() : SecretBytes(as_bytes(std::string_view(text)));
}

BytesView bytes_of(const void* bytes, std::size_t size) { return {static_cast<const std::byte*>(bytes), size}; }

// What no enumeration of the library has stays that way.
template <class Enum>
Enum number_of(std::int32_t number) {
  constexpr std::int32_t kNone = 255;
  return static_cast<Enum>(number < 0 || number > kNone ? kNone : number);
}

Result<Privacy> privacy_of(const qg_privacy* given) {
  constexpr std::uint64_t kIntervalMax = 3'600'000'000;  // above the range, and fits every type
  qg_privacy known;
  if (const qg_error error = take_in(given, known)) {
    return fail(static_cast<ErrorCode>(error), "reading a privacy",
                error == QG_UNSUPPORTED ? "a member is set that this version of the library does not have"
                                        : "there is none, or its size was not set: QG_INIT does that");
  }
  Privacy privacy{.padding = number_of<Padding>(known.padding),
                  .cover = number_of<Cover>(known.cover),
                  .cover_interval = std::chrono::microseconds(std::min(known.cover_interval_us, kIntervalMax)),
                  .delay_max = std::chrono::milliseconds(known.delay_max_ms),
                  .handshake_jitter = std::chrono::milliseconds(known.handshake_jitter_ms)};
  if (known.key_update_min_s != 0) privacy.key_update.min = std::chrono::seconds(known.key_update_min_s);
  if (known.key_update_max_s != 0) privacy.key_update.max = std::chrono::seconds(known.key_update_max_s);
  if (const auto fits = check(privacy); !fits) return fail(fits.error());
  return privacy;
}

qg_privacy privacy_of(const Privacy& privacy) {
  qg_privacy shown = QG_INIT(qg_privacy);
  shown.padding = static_cast<std::int32_t>(privacy.padding);
  shown.cover = static_cast<std::int32_t>(privacy.cover);
  shown.cover_interval_us = static_cast<std::uint64_t>(privacy.cover_interval.count());
  shown.delay_max_ms = static_cast<std::uint32_t>(privacy.delay_max.count());
  shown.handshake_jitter_ms = static_cast<std::uint32_t>(privacy.handshake_jitter.count());
  shown.key_update_min_s = static_cast<std::uint32_t>(privacy.key_update.min.count());
  shown.key_update_max_s = static_cast<std::uint32_t>(privacy.key_update.max.count());
  return shown;
}

// Calls `use` with `peer` in its C form, which is borrowed for the call.
template <class Use>
void with_peer(const Peer& peer, Use use) {
  const std::string endpoint = peer.endpoint.to_string();
  const qg_privacy privacy = privacy_of(peer.privacy);
  qg_peer shown{};
  shown.size = sizeof shown;
  shown.uuid = uuid_of(peer.uuid);
  shown.endpoint = endpoint.c_str();
  shown.outgoing = peer.outgoing ? 1 : 0;
  shown.post_quantum = peer.post_quantum ? 1 : 0;
  shown.round_trip_ns = static_cast<std::uint64_t>(peer.round_trip_time.count());
  shown.bytes_sent = peer.bytes_sent;
  shown.bytes_received = peer.bytes_received;
  shown.transport = static_cast<std::int32_t>(peer.transport);
  shown.peer_follows = peer.peer_follows ? 1 : 0;
  shown.privacy = &privacy;
  shown.cover_bytes_sent = peer.cover_bytes_sent;
  shown.padding_bytes_sent = peer.padding_bytes_sent;
  shown.key_updates = peer.key_updates;
  shown.key_age_ns = static_cast<std::uint64_t>(peer.key_age.count());
  shown.packet_size = peer.packet_size;
  use(&shown);
}

// Whether the caller may use members that are for the node's thread.
qg_error check_thread(const NodePlace& place) {
  if (place.node == nullptr) return QG_CLOSED;
  return place.node->on_node_thread() ? QG_OK : QG_INVALID_ARGUMENT;
}
qg_error check_thread(const qg_node* node) {
  return node == nullptr ? static_cast<qg_error>(QG_INVALID_ARGUMENT) : check_thread(*node->place);
}
qg_error check_open(const qg_stream* stream) {
  if (stream == nullptr) return QG_INVALID_ARGUMENT;
  if (const qg_error error = check_thread(*stream->place)) return error;
  return stream->closed ? QG_CLOSED : QG_OK;
}

// `on_closed` reaches the handle as long as it lives: releasing it replaces the callback.
qg_stream* make_handle(std::shared_ptr<NodePlace> place, std::shared_ptr<Stream> stream) {
  auto* handle = new qg_stream{std::move(place), std::move(stream)};
  handle->stream->on_closed([handle](std::optional<Error> error, std::uint64_t code) {
    handle->closed = true;
    const auto& told = handle->callbacks;
    const qg_error why = error ? code_of(error->code) : static_cast<qg_error>(QG_OK);
    if (told.on_closed != nullptr) told.on_closed(told.context, handle, why, code);
  });
  return handle;
}

// On the node's thread.
void let_go(Stream& stream, bool finished) {
  stream.on_writable(nullptr);
  stream.on_closed(nullptr);
  if (!finished) return stream.reset(kStreamNoError);
  stream.on_readable([&stream] {  // lives as long as the stream, which owns it
    std::array<std::byte, 4096> thrown_away;
    while (stream.read(thrown_away) > 0) {
    }
  });
}

class CExtender final : public Extender {
 public:
  CExtender(const qg_extender& extender, ExtenderOptions options, std::shared_ptr<NodePlace> place, qg_node* handle)
      : Extender(extender.name, options), extender_(extender), place_(std::move(place)), handle_(handle) {}

  void on_start(Node& node) override {
    place_->node = &node;
    if (extender_.on_start != nullptr) extender_.on_start(extender_.context, handle_);
  }
  void on_stop() override {
    if (extender_.on_stop != nullptr) extender_.on_stop(extender_.context);
  }
  void on_peer_up(const Peer& peer) override {
    if (extender_.on_peer_up == nullptr) return;
    with_peer(peer, [&](const qg_peer* shown) { extender_.on_peer_up(extender_.context, shown); });
  }
  void on_peer_down(const Peer& peer, CloseReason reason) override {
    if (extender_.on_peer_down == nullptr) return;
    with_peer(peer, [&](const qg_peer* shown) {
      extender_.on_peer_down(extender_.context, shown, static_cast<std::int32_t>(reason));
    });
  }
  void on_message(Message message) override {
    if (extender_.on_message == nullptr) return;
    const qg_uuid peer = uuid_of(message.peer());
    extender_.on_message(extender_.context, &peer, message.bytes().data(), message.bytes().size());
  }
  void on_message_room(const PeerUuid& uuid) override {
    const qg_uuid peer = uuid_of(uuid);
    if (extender_.on_message_room != nullptr) extender_.on_message_room(extender_.context, &peer);
  }
  void on_datagram(const PeerUuid& uuid, BytesView datagram) override {
    const qg_uuid peer = uuid_of(uuid);
    if (extender_.on_datagram != nullptr) {
      extender_.on_datagram(extender_.context, &peer, datagram.data(), datagram.size());
    }
  }
  void on_stream(std::shared_ptr<Stream> stream) override {
    if (extender_.on_stream == nullptr) return;
    qg_stream* handle = make_handle(place_, std::move(stream));
    if (extender_.on_stream(extender_.context, handle) != 0) return;
    handle->stream->on_closed(nullptr);
    handle->stream->reset(kStreamRefused);
    delete handle;
  }

 private:
  const qg_extender extender_;
  const std::shared_ptr<NodePlace> place_;
  qg_node* const handle_;
};

Result<NodeOptions> options_of(const qg_node_options& given) {
  constexpr const char* kDoing = "reading the node's options";
  NodeOptions options;
  if (given.listen_count > 0 && given.listen == nullptr) return fail(ErrorCode::invalid_argument, kDoing);
  for (std::size_t i = 0; i < given.listen_count; ++i) {
    if (given.listen[i] == nullptr) return fail(ErrorCode::invalid_argument, kDoing);
    auto endpoint = Endpoint::parse(given.listen[i]);
    if (!endpoint) return fail(endpoint.error());
    options.listen.push_back(*endpoint);
  }
  if (given.network != nullptr) options.network = given.network;
  if (given.shared_secret != nullptr) {
    options.shared_secret.emplace(bytes_of(given.shared_secret, SharedSecret::size()).first<SharedSecret::size()>());
  }
  if (given.sessions_max != 0) options.sessions_max = given.sessions_max;
  if (given.packet_size_max != 0) options.packet_size_max = given.packet_size_max;
  if (given.log != nullptr) {
    options.log = [log = given.log, context = given.log_context](LogLevel level, std::string_view area,
                                                                 std::string_view line) {
      log(context, static_cast<std::int32_t>(level), std::string(area).c_str(), std::string(line).c_str());
    };
  }
  if (given.privacy != nullptr) {
    const auto privacy = privacy_of(given.privacy);
    if (!privacy) return fail(privacy.error());
    options.privacy = *privacy;
  }
  if (given.cover_for_peers_max != 0) options.cover_for_peers_max = given.cover_for_peers_max;
  if (given.never_cover_for_peers != 0) options.cover_for_peers_max = 0;
  options.tcp = given.never_tcp == 0;
  return options;
}

std::chrono::milliseconds limit_of(std::uint32_t time_limit_ms) {
  return time_limit_ms == 0 ? kTimeLimit : std::chrono::milliseconds(time_limit_ms);
}

Result<ConnectOptions> options_of(const qg_connect_options* given) {
  qg_connect_options known = QG_INIT(qg_connect_options);
  if (given != nullptr) {
    const qg_error error = take_in(given, known);
    if (error != QG_OK) return fail(static_cast<ErrorCode>(error), "reading the options of a dial");
  }
  ConnectOptions options{.time_limit = limit_of(known.time_limit_ms)};
  if (known.privacy != nullptr) {
    const auto privacy = privacy_of(known.privacy);
    if (!privacy) return fail(privacy.error());
    options.privacy = *privacy;
  }
  return options;
}

}  // namespace

extern "C" {

const char* qg_describe(qg_error error) noexcept {
  return error == QG_OK ? "no error" : describe(static_cast<ErrorCode>(error));
}
const char* qg_version() noexcept { return QG_VERSION; }

qg_error qg_uuid_parse(const char* text, qg_uuid* uuid) noexcept {
  if (text == nullptr || uuid == nullptr) return QG_INVALID_ARGUMENT;
  const auto parsed = PeerUuid::parse(text);
  if (parsed) *uuid = uuid_of(*parsed);
  return code_of(parsed);
}

void qg_uuid_format(const qg_uuid* uuid, char text[QG_UUID_TEXT_SIZE]) noexcept {
  if (uuid == nullptr || text == nullptr) return;
  std::memcpy(text, uuid_of(*uuid).to_string().c_str(), QG_UUID_TEXT_SIZE);
}

qg_error qg_identity_generate(qg_identity** identity) noexcept {
  if (identity == nullptr) return QG_INVALID_ARGUMENT;
  *identity = new qg_identity{Identity::generate()};
  return QG_OK;
}

qg_error qg_identity_load(const char* file, const char* pass_phrase, qg_identity** identity) noexcept {
  if (file == nullptr || identity == nullptr) return QG_INVALID_ARGUMENT;
  auto loaded = Identity::load(file, pass_phrase_of(pass_phrase));
  if (loaded) *identity = new qg_identity{std::move(*loaded)};
  return code_of(loaded);
}

qg_error qg_identity_save(const qg_identity* identity, const char* file, const char* pass_phrase) noexcept {
  if (identity == nullptr || file == nullptr) return QG_INVALID_ARGUMENT;
  return code_of(identity->identity.save(file, pass_phrase_of(pass_phrase)));
}

qg_error qg_identity_uuid(const qg_identity* identity, qg_uuid* uuid) noexcept {
  if (identity == nullptr || uuid == nullptr) return QG_INVALID_ARGUMENT;
  *uuid = uuid_of(identity->identity.uuid());
  return QG_OK;
}

void qg_identity_free(qg_identity* identity) noexcept { delete identity; }

qg_error qg_privacy_level(int32_t level, qg_privacy* privacy) noexcept {
  const auto set = privacy_level(level);
  return set ? give_out(privacy_of(*set), privacy) : code_of(set);
}

const char* qg_privacy_problem(const qg_privacy* privacy) noexcept {
  const auto known = privacy_of(privacy);
  return known ? nullptr : known.error().why;
}

int32_t qg_privacy_level_of(const qg_privacy* privacy) noexcept {
  const auto known = privacy_of(privacy);
  return known ? level_of(*known) : 0;
}

qg_error qg_node_start(const qg_identity* identity, const qg_node_options* options, const qg_extender* const* extenders,
                       size_t extender_count, qg_node** node) noexcept {
  if (identity == nullptr || node == nullptr || (extender_count > 0 && extenders == nullptr)) {
    return QG_INVALID_ARGUMENT;
  }
  qg_node_options known = QG_INIT(qg_node_options);
  if (options != nullptr) {
    if (const qg_error error = take_in(options, known)) return error;
  }
  auto node_options = options_of(known);
  if (!node_options) return code_of(node_options);

  auto handle = std::make_unique<qg_node>();
  std::vector<std::shared_ptr<Extender>> services;
  for (std::size_t i = 0; i < extender_count; ++i) {
    qg_extender extender = QG_INIT(qg_extender);
    if (const qg_error error = take_in(extenders[i], extender)) return error;
    if (extender.name == nullptr) return QG_INVALID_ARGUMENT;
    ExtenderOptions extender_options;
    if (extender.message_size_max != 0) extender_options.message_size_max = extender.message_size_max;
    if (extender.never_compress != 0) extender_options.compression = Compression::off;
    services.push_back(std::make_shared<CExtender>(extender, extender_options, handle->place, handle.get()));
  }
  auto started = Node::start(identity->identity.clone(), std::move(*node_options), std::move(services));
  if (!started) return code_of(started);
  handle->owned = std::move(*started);
  // Before `start` returned, an extender did it, if there is one; the node's thread may be reading it by now.
  if (extender_count == 0) handle->place->node = handle->owned.get();
  *node = handle.release();
  return QG_OK;
}

qg_error qg_node_stop(qg_node* node) noexcept {
  if (node == nullptr) return QG_OK;
  if (node->place->node->on_node_thread()) return QG_WOULD_DEADLOCK;
  node->owned.reset();
  node->place->node = nullptr;
  delete node;
  return QG_OK;
}

qg_error qg_node_uuid(const qg_node* node, qg_uuid* uuid) noexcept {
  if (node == nullptr || uuid == nullptr) return QG_INVALID_ARGUMENT;
  *uuid = uuid_of(node->place->node->uuid());
  return QG_OK;
}

size_t qg_node_address(const qg_node* node, char* text, size_t size) noexcept {
  if (node == nullptr || (text == nullptr && size > 0)) return 0;
  const std::string address = node->place->node->address().to_string();
  if (size > 0) {
    const std::size_t shown = std::min(size - 1, address.size());
    std::memcpy(text, address.data(), shown);
    text[shown] = '\0';
  }
  return address.size() + 1;
}

qg_error qg_node_post(qg_node* node, void (*work)(void* context), void* context) noexcept {
  if (node == nullptr || work == nullptr) return QG_INVALID_ARGUMENT;
  node->place->node->post([work, context] { work(context); });
  return QG_OK;
}

qg_error qg_node_connect(qg_node* node, const char* address, const qg_connect_options* options, qg_connected done,
                         void* context) noexcept {
  if (node == nullptr || address == nullptr || done == nullptr) return QG_INVALID_ARGUMENT;
  auto parsed = Address::parse(address);
  if (!parsed) return code_of(parsed);
  auto known = options_of(options);
  if (!known) return code_of(known);
  node->place->node->connect(std::move(*parsed), std::move(*known), [done, context](Result<Peer> peer) {
    if (!peer) return done(context, code_of(peer), nullptr);
    with_peer(*peer, [&](const qg_peer* shown) { done(context, QG_OK, shown); });
  });
  return QG_OK;
}

qg_error qg_node_connect_wait(qg_node* node, const char* address, const qg_connect_options* options,
                              qg_uuid* peer) noexcept {
  if (node == nullptr || address == nullptr) return QG_INVALID_ARGUMENT;
  const auto parsed = Address::parse(address);
  if (!parsed) return code_of(parsed);
  const auto known = options_of(options);
  if (!known) return code_of(known);
  const auto connected = blocking::connect(*node->place->node, *parsed, *known);
  if (connected && peer != nullptr) *peer = uuid_of(connected->uuid);
  return code_of(connected);
}

qg_error qg_node_disconnect(qg_node* node, const qg_uuid* peer) noexcept {
  if (peer == nullptr) return QG_INVALID_ARGUMENT;
  if (const qg_error error = check_thread(node)) return error;
  return code_of(node->place->node->disconnect(uuid_of(*peer)));
}

qg_error qg_node_peers(qg_node* node, void (*see)(void* context, const qg_peer* peer), void* context) noexcept {
  if (see == nullptr) return QG_INVALID_ARGUMENT;
  if (const qg_error error = check_thread(node)) return error;
  for (const Peer& peer : node->place->node->peers()) {
    with_peer(peer, [&](const qg_peer* shown) { see(context, shown); });
  }
  return QG_OK;
}

qg_error qg_node_set_privacy(qg_node* node, const qg_privacy* privacy) noexcept {
  if (const qg_error error = check_thread(node)) return error;
  const auto wanted = privacy_of(privacy);
  return wanted ? code_of(node->place->node->set_privacy(*wanted)) : code_of(wanted);
}

qg_error qg_node_set_peer_privacy(qg_node* node, const qg_uuid* peer, const qg_privacy* privacy) noexcept {
  if (peer == nullptr) return QG_INVALID_ARGUMENT;
  if (const qg_error error = check_thread(node)) return error;
  const auto wanted = privacy_of(privacy);
  return wanted ? code_of(node->place->node->set_privacy(uuid_of(*peer), *wanted)) : code_of(wanted);
}

qg_error qg_node_privacy(const qg_node* node, qg_privacy* privacy) noexcept {
  if (const qg_error error = check_thread(node)) return error;
  return give_out(privacy_of(node->place->node->privacy()), privacy);
}

qg_error qg_send_message(qg_node* node, const qg_uuid* peer, const char* extender, const void* bytes, size_t size,
                         int32_t priority, qg_message_sent done, void* context) noexcept {
  if (peer == nullptr || extender == nullptr || (bytes == nullptr && size > 0)) return QG_INVALID_ARGUMENT;
  if (priority < QG_PRIORITY_EXPEDITED || priority > QG_PRIORITY_DELAYED) return QG_INVALID_ARGUMENT;
  if (const qg_error error = check_thread(node)) return error;
  std::function<void(Result<void>)> told;
  if (done != nullptr) told = [done, context](Result<void> sent) { done(context, code_of(sent)); };
  const SendOptions options{.priority = static_cast<Priority>(priority)};
  return code_of(
      node->place->node->send_message(uuid_of(*peer), extender, bytes_of(bytes, size), options, std::move(told)));
}

qg_error qg_send_message_wait(qg_node* node, const qg_uuid* peer, const char* extender, const void* bytes, size_t size,
                              uint32_t time_limit_ms) noexcept {
  if (node == nullptr || peer == nullptr || extender == nullptr || (bytes == nullptr && size > 0)) {
    return QG_INVALID_ARGUMENT;
  }
  return code_of(blocking::send_message(*node->place->node, uuid_of(*peer), extender, bytes_of(bytes, size), {},
                                        limit_of(time_limit_ms)));
}

qg_error qg_send_datagram(qg_node* node, const qg_uuid* peer, const char* extender, const void* bytes,
                          size_t size) noexcept {
  if (peer == nullptr || extender == nullptr || (bytes == nullptr && size > 0)) return QG_INVALID_ARGUMENT;
  if (const qg_error error = check_thread(node)) return error;
  return code_of(node->place->node->send_datagram(uuid_of(*peer), extender, bytes_of(bytes, size)));
}

qg_error qg_datagram_size_max(qg_node* node, const qg_uuid* peer, size_t* size) noexcept {
  if (peer == nullptr || size == nullptr) return QG_INVALID_ARGUMENT;
  if (const qg_error error = check_thread(node)) return error;
  const std::size_t size_max = node->place->node->datagram_size_max(uuid_of(*peer));
  if (size_max == 0) return QG_NOT_FOUND;
  *size = size_max;
  return QG_OK;
}

qg_error qg_stream_open(qg_node* node, const qg_uuid* peer, const char* extender, qg_stream** stream) noexcept {
  if (peer == nullptr || extender == nullptr || stream == nullptr) return QG_INVALID_ARGUMENT;
  if (const qg_error error = check_thread(node)) return error;
  auto opened = node->place->node->open_stream(uuid_of(*peer), extender);
  if (opened) *stream = make_handle(node->place, std::move(*opened));
  return code_of(opened);
}

qg_error qg_stream_listen(qg_stream* stream, const qg_stream_callbacks* callbacks) noexcept {
  if (const qg_error error = check_open(stream)) return error;
  if (const qg_error error = take_in(callbacks, stream->callbacks)) return error;
  stream->stream->on_readable([stream] {
    const qg_stream_callbacks told = stream->callbacks;
    if (told.on_readable != nullptr) told.on_readable(told.context, stream);
  });
  stream->stream->on_writable([stream] {
    const qg_stream_callbacks told = stream->callbacks;
    if (told.on_writable != nullptr) told.on_writable(told.context, stream);
  });
  return QG_OK;
}

qg_error qg_stream_peer(const qg_stream* stream, qg_uuid* peer) noexcept {
  if (stream == nullptr || peer == nullptr) return QG_INVALID_ARGUMENT;
  *peer = uuid_of(stream->stream->peer());
  return QG_OK;
}

qg_error qg_stream_write(qg_stream* stream, const void* bytes, size_t size, size_t* written) noexcept {
  if (written == nullptr || (bytes == nullptr && size > 0)) return QG_INVALID_ARGUMENT;
  if (const qg_error error = check_open(stream)) return error;
  *written = stream->stream->write(bytes_of(bytes, size));
  return QG_OK;
}

qg_error qg_stream_finish(qg_stream* stream) noexcept {
  if (const qg_error error = check_open(stream)) return error;
  stream->finished = true;
  stream->stream->finish();
  return QG_OK;
}

qg_error qg_stream_reset(qg_stream* stream, uint64_t code) noexcept {
  if (const qg_error error = check_open(stream)) return error;
  stream->closed = true;
  stream->stream->reset(code);
  return QG_OK;
}

qg_error qg_stream_read(qg_stream* stream, void* bytes, size_t size, size_t* read, int* at_end) noexcept {
  if (stream == nullptr || read == nullptr || (bytes == nullptr && size > 0)) return QG_INVALID_ARGUMENT;
  if (const qg_error error = check_thread(*stream->place)) return error;
  *read = stream->stream->read({static_cast<std::byte*>(bytes), size});
  if (at_end != nullptr) *at_end = stream->closed || stream->stream->at_end() ? 1 : 0;
  return QG_OK;
}

qg_error qg_stream_release(qg_stream* stream) noexcept {
  if (stream == nullptr) return QG_OK;
  const Node* node = stream->place->node;
  if (node != nullptr && !node->on_node_thread()) return QG_INVALID_ARGUMENT;
  const std::unique_ptr<qg_stream> handle(stream);
  if (node != nullptr && !handle->closed) let_go(*handle->stream, handle->finished);
  return QG_OK;
}

}  // extern "C"
