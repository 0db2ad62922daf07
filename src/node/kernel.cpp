// SPDX-License-Identifier: MIT
#include "node/kernel.hpp"

#include <algorithm>

#include "base/byte_order.hpp"
#include "base/check.hpp"
#include "handshake/prefix.hpp"

namespace quantumgate::node {
namespace {

using handshake::prefix_of;
using session::Session;

constexpr int kPortTriesMax = 16;  // a free port must be free for TCP as well

constexpr Duration kIndexRetirement = std::chrono::seconds(3);  // docs/spec/03-session.md, section 7

std::optional<TimePoint> earliest(std::optional<TimePoint> a, std::optional<TimePoint> b) {
  if (!a || (b && *b < *a)) return b;
  return a;
}

Connection* open_or_null(Connection* connection) {
  return connection != nullptr && connection->state() == Session::State::open ? connection : nullptr;
}

}  // namespace

Kernel::Kernel(Environment& environment, const Identity& identity, const NodeOptions& options, KernelEvents& events)
    : environment_(environment),
      events_(events),
      log_(options.log),
      privacy_(options.privacy),
      cover_for_peers_(options.cover_for_peers_max),
      sessions_max_(options.sessions_max),
      packet_size_max_(options.packet_size_max),
      credentials_(identity, options.network, options.shared_secret ? &*options.shared_secret : nullptr,
                   *handshake::suites_named(options.suites), stream::Streams::encoded_parameters(limits_)),
      tcp_on_(options.tcp),
      tcp_(environment, credentials_,
           {[this](std::span<const IncomingDatagram> batch) { on_receive(Path::kTcp, batch); },
            [this](const Endpoint& remote, bool open) { on_tcp_link(remote, open); }}),
      indexes_(environment.random()),
      responder_(credentials_, {}, indexes_, environment.random()),
      batch_(sockets_, tcp_),
      delayed_(environment.random()),
      timer_(environment.make_timer([this] { on_timer(); })),
      again_timer_(environment.make_timer([this] { end_turn(); })),
      rivals_(*this) {}

Kernel::~Kernel() { stop(); }

// --- sockets ---

Result<void> Kernel::listen(const std::vector<Endpoint>& endpoints) {
  CHECK(sockets_.empty());
  for (const Endpoint& endpoint : endpoints) {
    if (const auto listens = listen_once(endpoint); !listens) {
      sockets_.clear();
      tcp_.stop_listening();
      return listens;
    }
  }
  listening_ = sockets_.size();
  return {};
}

// UDP and TCP at one port. Where the system chooses the port, it chooses again if TCP can not have that one.
Result<void> Kernel::listen_once(const Endpoint& local) {
  for (int tries = 1;; ++tries) {
    const auto socket = open_socket(local);
    if (!socket) return fail(socket.error());
    if (!tcp_on_) return {};
    const Endpoint bound = sockets_[*socket]->local_endpoint();
    const auto listens = tcp_.listen(bound);
    if (listens) return {};
    if (local.port == 0 && listens.error().code == ErrorCode::address_in_use && tries < kPortTriesMax) {
      sockets_.pop_back();
      continue;
    }
    log_line(log_, LogLevel::warning, "node",
             "can not listen on TCP at " + bound.to_string() + " (" + describe(listens.error().code) +
                 "): peers that UDP does not bring here can not come by TCP either");
    return {};
  }
}

std::vector<Endpoint> Kernel::local_endpoints() const {
  std::vector<Endpoint> endpoints;
  for (std::size_t i = 0; i < listening_; ++i) endpoints.push_back(sockets_[i]->local_endpoint());
  return endpoints;
}

Result<std::uint8_t> Kernel::open_socket(const Endpoint& local) {
  const auto number = static_cast<std::uint8_t>(sockets_.size());
  auto socket = environment_.open_datagram_socket(
      local, {[this, number](std::span<const IncomingDatagram> batch) { on_receive(number, batch); },
              [this] {
                batch_.unblock();
                end_turn();
              }});
  if (!socket) return fail(socket.error());
  sockets_.push_back(std::move(*socket));
  return number;
}

// The first socket of the right address family; one that only dials is opened if there is none.
Result<std::uint8_t> Kernel::socket_for(const Endpoint& remote) {
  for (std::size_t i = 0; i < sockets_.size(); ++i) {
    if (sockets_[i]->local_endpoint().is_v4() == remote.is_v4()) return static_cast<std::uint8_t>(i);
  }
  return open_socket(remote.is_v4() ? Endpoint::v4(0, 0, 0, 0, 0) : Endpoint{});
}

// --- datagrams in ---

void Kernel::on_receive(std::uint8_t socket, std::span<const IncomingDatagram> batch) {
  const TimePoint now = environment_.now();
  const UnixTime wall = environment_.wall_clock();
  in_turn_ = true;
  for (const IncomingDatagram& datagram : batch) {
    if (socket != Path::kTcp) {
      ++counted_.datagrams;
      counted_.bytes += datagram.data.size();
    }
    receive(now, wall, Path(datagram.from, socket), datagram.data);
  }
  in_turn_ = false;
  end_turn();
}

void Kernel::receive(TimePoint now, UnixTime wall, const Path& from, MutableBytesView datagram) {
  if (datagram.size() >= session::kPacketOverhead) {
    const std::uint32_t index = load_be<std::uint32_t>(datagram.first<session::kIndexSize>());
    if (const IndexTable::Owner* owner = indexes_.find(index)) {
      if (owner->connection != nullptr) {
        receive_for_connection(now, from, *owner->connection, datagram);
      } else if (owner->dial != nullptr) {
        if (!owner->dial->initiator->receive(now, wall, from, datagram)) ++counted_.unauthentic;
      } else {
        responder_.receive_indexed(now, wall, index, datagram);
        serve_responder(now);  // at once: packets of the new session may stand behind message 3 in the same batch
      }
      return;
    }
  }
  if (!has_place_for(from.remote)) {  // who is not there, maybe, but then it was not he who asked
    ++counted_.full;
    return;
  }
  const std::uint64_t unauthentic = responder_.counters().unauthentic;
  responder_.receive_first(now, wall, from, datagram);
  if (responder_.counters().unauthentic != unauthentic) log_stranger(now, from);
}

void Kernel::receive_for_connection(TimePoint now, const Path& from, Connection& connection,
                                    MutableBytesView datagram) {
  const auto verdict = connection.receive(now, from, datagram);
  if (verdict == Session::Verdict::accepted && from.tcp()) tcp_.heard(now, from.remote);
  counted_.unauthentic += verdict == Session::Verdict::unauthentic;
  counted_.replayed += verdict == Session::Verdict::replayed;
  // What is not authentic changes nothing, unless the session is closing: then CLOSE may be due again.
  if (verdict == Session::Verdict::accepted || connection.state() != Session::State::open) {
    touch(connection);
  }
}

void Kernel::log_stranger(TimePoint now, const Path& from) {
  if (!stranger_log_.allow(now)) return;
  log_line(log_, LogLevel::info, "handshake",
           "dropped a datagram from " + from.remote.to_string() +
               " that no key of ours opens: another network name, shared secret or UUID, or no QuantumGate at all (" +
               std::to_string(stranger_log_.held_back()) + " more since the last such line)");
}

// --- dials ---

void Kernel::connect(const Address& address, const ConnectOptions& options, std::function<void(Result<Peer>)> done) {
  constexpr const char* kDoing = "dialling a peer";
  const TimePoint now = environment_.now();
  if (stopped_) return answer_later(std::move(done), fail(ErrorCode::closed, kDoing));
  const bool time_limit_fits =
      options.time_limit >= std::chrono::milliseconds(100) && options.time_limit <= std::chrono::minutes(5);
  const handshake::Suite* suite =
      options.suite ? handshake::find_suite(*options.suite)
                    : handshake::find_suite(std::to_integer<std::uint8_t>(credentials_.suites().front()));
  const bool suite_fits = suite != nullptr && credentials_.enabled(suite->id);
  if (address.uuid == credentials_.uuid() || !time_limit_fits || !suite_fits) {
    return answer_later(std::move(done), fail(ErrorCode::invalid_argument, kDoing));
  }
  if (const auto fits = options.privacy ? check(*options.privacy) : Result<void>(); !fits) {
    return answer_later(std::move(done), fail(fits.error()));
  }
  if (Connection* const connection = rivals_.serving(address.uuid)) {
    if (options.privacy) set_own_privacy(now, *connection, *options.privacy);
    return answer_later(std::move(done), connection->snapshot(now));
  }
  if (const auto dial = dials_.find(address.uuid); dial != dials_.end()) {
    dial->second->waiting.push_back(std::move(done));
    if (options.privacy) dial->second->privacy = options.privacy;
    return;
  }
  if (address.hosts.empty()) return answer_later(std::move(done), fail(ErrorCode::unsupported, "looking up a peer"));
  if (dials_.size() >= kDialsMax) return answer_later(std::move(done), fail(ErrorCode::limit, kDoing));

  auto& dial = *dials_.emplace(address.uuid, std::make_unique<Dial>()).first->second;
  dial.uuid = address.uuid;
  dial.end = now + options.time_limit;
  dial.suite = suite->id;
  dial.privacy = options.privacy;
  dial.waiting.push_back(std::move(done));
  resolve(dial, address.hosts);
  end_turn();
}

void Kernel::resolve(Dial& dial, const std::vector<HostPort>& hosts) {
  dial.names_open = hosts.size();
  for (const auto& [host, port] : hosts) {
    // The dial may be gone, or be another one, when the answer comes: so it is looked up by UUID and by its end.
    const auto answer = [this, alive = std::weak_ptr(alive_), uuid = dial.uuid,
                         end = dial.end](Result<std::vector<Endpoint>> found) {
      if (alive.expired() || stopped_) return;
      const auto it = dials_.find(uuid);
      if (it == dials_.end() || it->second->end != end || it->second->initiator) return;
      Dial& waiting = *it->second;
      --waiting.names_open;
      if (found) {
        for (const Endpoint& endpoint : *found) {
          const auto socket = socket_for(endpoint);
          if (socket && waiting.paths.size() < kListenMax) waiting.paths.emplace_back(endpoint, *socket);
        }
      }
      if (waiting.names_open > 0) return;
      if (waiting.paths.empty()) {
        fail_dial(uuid, Error{ErrorCode::not_found, "resolving the peer's host name"});
      } else {
        start_dial(waiting);
      }
      end_turn();
    };
    environment_.resolve(host, port, answer);
  }
}

void Kernel::start_dial(Dial& dial) {
  const TimePoint now = environment_.now();
  const UnixTime wall = environment_.wall_clock();
  dial.handshake_index = indexes_.allocate();
  indexes_.assign(dial.handshake_index, {&dial, nullptr});
  dial.session_index = indexes_.allocate();
  indexes_.assign(dial.session_index, {&dial, nullptr});
  dial.initiator.emplace(credentials_,
                         handshake::Initiator::Target{dial.uuid, dial.paths, std::max(dial.end - now, Duration(0))},
                         dial.suite, dial.handshake_index, dial.session_index, environment_.random(), now, wall);
  if (tcp_on_) dial.tcp_at = now + kDialTcpAfter;
}

// Nothing came back by UDP; it goes on being tried.
void Kernel::dial_by_tcp(TimePoint now, Dial& dial) {
  dial.tcp_at.reset();
  for (const Path& path : dial.paths) {
    const bool opened = tcp_.open(now, path.remote, dial.uuid, false);
    if (opened && tcp_.is_open(path.remote)) on_tcp_link(path.remote, true);
  }
}

void Kernel::on_tcp_link(const Endpoint& remote, bool open) {
  const TimePoint now = environment_.now();
  const Path path(remote, Path::kTcp);
  for (auto& [uuid, dial] : dials_) {
    const bool waits = open && dial->initiator && !dial->connection && !dial->tcp_at &&
                       std::ranges::any_of(dial->paths, [&](const Path& tried) { return tried.remote == remote; });
    if (waits) dial->initiator->add_path(now, environment_.wall_clock(), path);
  }
  for (auto& [number, entry] : connections_) {
    if (!entry.connection->outgoing() || entry.connection->path().remote != remote) continue;
    entry.connection->on_tcp(now, open);
    touch(*entry.connection);
  }
  end_turn();
}

void Kernel::fail_dial(const PeerUuid& uuid, const Error& error) {
  const auto dial = dials_.extract(uuid);
  for (auto& done : dial.mapped()->waiting) answer_later(std::move(done), fail(error));
  if (!dial.mapped()->initiator) return;
  indexes_.release(dial.mapped()->handshake_index);
  indexes_.release(dial.mapped()->session_index);
}

void Kernel::serve_dials(TimePoint now, UnixTime wall) {
  for (auto it = dials_.begin(); it != dials_.end();) {
    Dial& dial = *it->second;
    ++it;  // serving may end the dial
    serve_dial(now, wall, dial);
  }
}

void Kernel::serve_dial(TimePoint now, UnixTime wall, Dial& dial) {
  using State = handshake::Initiator::State;
  if (!dial.initiator) {
    if (now >= dial.end) fail_dial(dial.uuid, Error{ErrorCode::timed_out, "resolving the peer's host name"});
    return;
  }
  handshake::Initiator& initiator = *dial.initiator;
  if (const auto deadline = initiator.deadline(); deadline && *deadline <= now) initiator.on_deadline(now, wall);
  if (dial.tcp_at && now >= *dial.tcp_at && initiator.state() == State::waiting) dial_by_tcp(now, dial);
  if (auto established = initiator.take_established()) {
    ++counted_.completed;
    const Connection& connection = add_connection(now, std::move(*established), dial.privacy);
    dial.connection = connection.number();
    for (auto& done : std::exchange(dial.waiting, {})) answer_later(std::move(done), connection.snapshot(now));
  }
  while (const auto transmit = initiator.poll_transmit()) {
    // Message 3 goes with the packets of the session that it makes.
    const Duration jitter = dial.connection ? Duration::zero() : dial.privacy.value_or(privacy_).handshake_jitter;
    delayed_.send(now, jitter, transmit->path, transmit->datagram, batch_);
  }

  if (!dial.connection) {
    if (initiator.state() == State::failed) fail_dial(dial.uuid, Error{ErrorCode::no_answer, "dialling a peer"});
    return;
  }
  // The session exists; the dial lives on to repeat message 3 until the peer has shown that it has it.
  const auto entry = connections_.find(*dial.connection);
  const bool over = entry == connections_.end() || entry->second.connection->state() != Session::State::open;
  const bool heard = !over && entry->second.connection->heard();
  if (!over && !heard && initiator.state() != State::failed) return;
  if (!over && !heard) {
    entry->second.connection->close(now, CloseReason::normal);
    touch(*entry->second.connection);
  }
  for (auto& done : dial.waiting) answer_later(std::move(done), fail(ErrorCode::no_answer, "dialling a peer"));
  indexes_.release(dial.handshake_index);
  dials_.erase(PeerUuid(dial.uuid));
}

void Kernel::later(std::function<void()> work) {
  environment_.post([alive = std::weak_ptr(alive_), work = std::move(work)] {
    if (!alive.expired()) work();
  });
}

// Never inside connect(): the caller may not be ready for its own callback yet.
void Kernel::answer_later(std::function<void(Result<Peer>)> done, Result<Peer> result) {
  later([this, done = std::move(done), result = std::move(result)] {
    done(result);
    end_turn();
  });
}

// --- sessions ---

void Kernel::serve_responder(TimePoint now) {
  if (const auto deadline = responder_.deadline(); deadline && *deadline <= now) responder_.on_deadline(now);
  while (auto established = responder_.poll_established()) {
    if (!make_place_for(now, established->path.remote)) {
      ++counted_.full;
      indexes_.release(established->local_index);
      continue;
    }
    std::vector<Bytes> held = std::move(established->held);
    Connection& connection = add_connection(now, std::move(*established), std::nullopt);
    connection.send_keepalive();
    for (Bytes& packet : held) receive_for_connection(now, connection.path(), connection, packet);
  }
  while (const auto index = responder_.poll_unconfirmed()) {
    const IndexTable::Owner* owner = indexes_.find(*index);
    if (owner == nullptr || owner->connection == nullptr) continue;
    owner->connection->send_keepalive();
    touch(*owner->connection);
  }
  while (const auto transmit = responder_.poll_transmit()) {
    delayed_.send(now, privacy_.handshake_jitter, transmit->path, transmit->datagram, batch_);
  }
}

Connection& Kernel::add_connection(TimePoint now, handshake::Established established,
                                   const std::optional<Privacy>& privacy) {
  const Number number = next_number_++;
  Entry& entry = connections_[number];
  if (privacy) own_privacy_.emplace(number, *privacy);
  entry.connection = std::make_unique<Connection>(*this, number, established, limits_, privacy ? *privacy : privacy_,
                                                  packet_size_max_, environment_.random(), compressor_, now);
  indexes_.assign(established.local_index, {nullptr, entry.connection.get()});
  if (established.path.tcp()) tcp_.heard(now, established.path.remote);
  if (tcp_on_ && entry.connection->outgoing()) entry.connection->choose_paths();
  if (shares_ && !entry.connection->outgoing()) shares_->add(number, prefix_of(established.path.remote));
  touch(*entry.connection);
  rivals_.admit(now, *entry.connection);
  return *entry.connection;
}

void Kernel::on_peer_up(TimePoint now, Connection& connection) {
  log_line(log_, LogLevel::info, "session", "peer " + connection.uuid().to_string() + " is up");
  events_.on_peer_up(connection.snapshot(now));
}

void Kernel::on_outlived(TimePoint now, Connection& connection) {
  end_connection(now, connections_.at(connection.number()));
}

// What was asked for holds for the peer, whoever's dial it is that stays.
void Kernel::on_settled(TimePoint now, Connection& stays, Connection& loses) {
  const auto own = own_privacy_.find(loses.number());
  if (own == own_privacy_.end() || own_privacy_.contains(stays.number())) return;
  set_own_privacy(now, stays, own->second);
}

void Kernel::serve_connection(TimePoint now, Number number) {
  const auto it = connections_.find(number);
  if (it == connections_.end()) return;
  Entry& entry = it->second;
  Connection& connection = *entry.connection;
  connection.set_in_line(false);  // user code may touch it once more: then it is served once more in this turn
  if (const auto deadline = connection.deadline(); deadline && *deadline <= now) connection.on_deadline(now);
  if (connection.state() == Session::State::open) {
    connection.pump();
    rivals_.serve(now, connection);
  }
  counted_.key_updates += connection.key_updates() - std::exchange(entry.key_updates, connection.key_updates());
  const bool more = !connection.flush(now, batch_) || connection.has_events();
  if (more && !connection.in_line()) {
    connection.set_in_line(true);
    again_.push_back(number);
  }
  if (connection.state() != Session::State::open && !entry.ended) end_connection(now, entry);
  if (connection.state() == Session::State::closed) {
    remove_connection(number);
  } else {
    schedule(number, entry);
  }
}

// The session is no longer open: its streams are over, and its peer is down unless another session serves it.
void Kernel::end_connection(TimePoint now, Entry& entry) {
  Connection& connection = *entry.connection;
  entry.ended = true;
  lingering_.insert(connection.number());
  if (shares_ && !connection.outgoing()) shares_->remove(connection.number());
  touch(connection);
  counted_.key_updates_failed += connection.close_reason() == CloseReason::key_limit;
  const bool peer_is_gone = rivals_.end(now, connection);
  connection.end_streams();
  if (!peer_is_gone) return;
  log_line(log_, LogLevel::info, "session",
           "peer " + connection.uuid().to_string() + " is down: " + describe(connection.close_reason()));
  events_.on_peer_down(connection.snapshot(now), connection.close_reason());
}

bool Kernel::has_place_for(const Endpoint& from) {
  if (connections_.size() - lingering_.size() < sessions_max_) return true;
  if (!shares_) {
    shares_.emplace();
    for (const auto& [number, entry] : connections_) {
      const Connection& connection = *entry.connection;
      if (!entry.ended && !connection.outgoing()) shares_->add(number, prefix_of(connection.path().remote));
    }
  }
  return shares_->gives_way_to(prefix_of(from)).has_value();
}

bool Kernel::make_place_for(TimePoint now, const Endpoint& from) {
  if (!has_place_for(from)) return false;
  if (connections_.size() - lingering_.size() >= sessions_max_) {
    ++counted_.sessions_evicted;
    Entry& evicted = connections_.at(*shares_->gives_way_to(prefix_of(from)));
    evicted.connection->close(now, CloseReason::evicted);
    end_connection(now, evicted);
  }
  // Those that linger make room before their time, once they have said CLOSE.
  while (connections_.size() > sessions_max_ && !lingering_.empty()) {
    const Number number = *lingering_.begin();
    serve_connection(now, number);
    if (connections_.contains(number)) remove_connection(number);
  }
  return true;
}

void Kernel::remove_connection(Number number) {
  const auto it = connections_.find(number);
  counted_.cover_bytes += it->second.connection->cover_bytes();
  counted_.padding_bytes += it->second.connection->padding_bytes();
  cover_for_peers_.give_back(number);
  own_privacy_.erase(number);
  lingering_.erase(number);
  if (it->second.deadline) deadlines_.erase({*it->second.deadline, number});
  connections_.erase(it);
}

void Kernel::schedule(Number number, Entry& entry) {
  const auto deadline = earliest(entry.connection->deadline(), rivals_.deadline(*entry.connection));
  if (deadline == entry.deadline) return;
  if (entry.deadline && deadline) {  // most often; nothing is allocated
    auto node = deadlines_.extract({*entry.deadline, number});
    node.value().first = *deadline;
    deadlines_.insert(std::move(node));
  } else if (entry.deadline) {
    deadlines_.erase({*entry.deadline, number});
  } else {
    deadlines_.emplace(*deadline, number);
  }
  entry.deadline = deadline;
}

bool Kernel::on_stream(Connection&, const std::string& name, std::shared_ptr<Stream> stream) {
  return events_.on_stream(name, std::move(stream));
}

void Kernel::on_message(const std::string& name, Message message) {
  ++counted_.messages_received;
  events_.on_message(name, std::move(message));
}

void Kernel::on_message_room(Connection& connection, const std::string& name) {
  events_.on_message_room(connection.uuid(), name);
}

void Kernel::on_datagram(Connection& connection, const DatagramId& id, BytesView content) {
  ++counted_.datagram_frames_received;
  counted_.datagram_frames_dropped += !events_.on_datagram(connection.uuid(), id, content);
}

const ExtenderOptions* Kernel::extender_options(const std::string& name) const {
  return events_.extender_options(name);
}

std::uint32_t Kernel::new_index(Connection& connection) {
  const std::uint32_t index = indexes_.allocate();
  indexes_.assign(index, {nullptr, &connection});
  return index;
}

void Kernel::retire_index(std::uint32_t index) {
  indexes_.assign(index, {});
  retired_.emplace(environment_.now() + kIndexRetirement, index);
}

void Kernel::on_touched(Connection& connection) { touch(connection); }

void Kernel::on_moved(Connection& connection) {
  ++counted_.moves;
  if (shares_ && !connection.outgoing()) shares_->move(connection.number(), prefix_of(connection.path().remote));
  log_line(log_, LogLevel::info, "session",
           "peer " + connection.uuid().to_string() + " has moved to " + connection.path().remote.to_string() +
               (connection.path().tcp() ? " by TCP" : ""));
}

void Kernel::on_segments_lost(Connection& connection) {
  ++counted_.segments_lost;
  log_line(log_, LogLevel::warning, "node",
           "segmented sends to " + connection.path().remote.to_string() +
               " get lost, datagrams sent one by one do not: a fault of a network card or its driver. Sending one by "
               "one for now, which costs processor time");
}

bool Kernel::grant_cover(Connection& connection, std::uint64_t bytes_per_second) {
  return cover_for_peers_.grant(connection.number(), bytes_per_second);
}

bool Kernel::open_tcp(Connection& connection) {
  const TimePoint now = environment_.now();
  const Endpoint& remote = connection.path().remote;
  log_line(log_, LogLevel::info, "session",
           "peer " + connection.uuid().to_string() + " does not answer: trying " + remote.to_string() + " by TCP");
  return tcp_.open(now, remote, connection.uuid(), true) && tcp_.is_open(remote);
}

std::optional<Path> Kernel::udp_path(const Endpoint& remote) {
  const auto socket = socket_for(remote);
  return socket ? std::optional<Path>(Path(remote, *socket)) : std::nullopt;
}

void Kernel::touch(Connection& connection) {
  if (connection.in_line()) return;
  connection.set_in_line(true);
  touched_.push_back(connection.number());
}

std::function<void(std::function<void()>)> Kernel::poster(Number number) {
  return [this, number, post = environment_.poster(), alive = std::weak_ptr(alive_)](std::function<void()> work) {
    post([this, number, alive, work = std::move(work)] {
      if (alive.expired() || !connections_.contains(number)) return;
      work();
      end_turn();
    });
  };
}

// --- turns ---

void Kernel::on_timer() {
  const TimePoint now = environment_.now();
  for (const auto& [deadline, number] : deadlines_) {
    if (deadline > now) break;
    touch(*connections_.at(number).connection);
  }
  while (!retired_.empty() && retired_.begin()->first <= now) {
    indexes_.release(retired_.begin()->second);
    retired_.erase(retired_.begin());
  }
  end_turn();
}

void Kernel::end_turn() {
  if (in_turn_ || stopped_) return;  // the turn that is under way will see what has changed
  in_turn_ = true;
  const TimePoint now = environment_.now();
  serve_dials(now, environment_.wall_clock());
  serve_responder(now);
  delayed_.flush(now, batch_);
  // User code may touch further connections, or the same one again, while it is served.
  for (std::size_t i = 0; i < touched_.size(); ++i) serve_connection(now, touched_[i]);
  batch_.flush();
  touched_.clear();
  std::swap(touched_, again_);
  if (!touched_.empty() && !batch_.blocked()) again_timer_->set(now);
  set_timer(now);
  in_turn_ = false;
}

void Kernel::set_timer(TimePoint now) {
  std::optional<TimePoint> next = responder_.deadline();
  if (!deadlines_.empty()) next = earliest(next, deadlines_.begin()->first);
  if (!retired_.empty()) next = earliest(next, retired_.begin()->first);
  next = earliest(next, delayed_.deadline());
  for (const auto& [uuid, dial] : dials_) {
    next = earliest(next, dial->initiator ? dial->initiator->deadline() : dial->end);
    if (!dial->connection) next = earliest(next, dial->tcp_at);
  }
  if (next) {
    timer_->set(std::max(*next, now));
  } else {
    timer_->cancel();
  }
}

// --- what the node asks for ---

Result<void> Kernel::disconnect(const PeerUuid& peer) {
  if (rivals_.serving(peer) == nullptr) return fail(ErrorCode::not_found, "disconnecting a peer");
  const TimePoint now = environment_.now();
  // All sessions with it: one that gives way must not take over.
  while (Connection* const losing = rivals_.losing(peer)) {
    losing->close(now, CloseReason::normal);
    end_connection(now, connections_.at(losing->number()));
  }
  if (Connection* const serving = rivals_.serving(peer)) {
    serving->close(now, CloseReason::normal);
    touch(*serving);
  }
  end_turn();
  return {};
}

Connection* Kernel::serving(const PeerUuid& peer) const { return open_or_null(rivals_.serving(peer)); }

Connection* Kernel::usable(const PeerUuid& peer) const { return open_or_null(rivals_.usable(peer)); }

Result<std::shared_ptr<Stream>> Kernel::open_stream(const PeerUuid& peer, const std::string& extender,
                                                    const StreamOptions& options) {
  constexpr const char* kDoing = "opening a stream";
  if (!wire::valid_extender_name(extender)) return fail(ErrorCode::invalid_argument, kDoing);
  Connection* const connection = usable(peer);
  if (connection == nullptr) return fail(ErrorCode::not_found, kDoing);
  return connection->open_stream(extender, options);
}

Result<void> Kernel::send_message(const PeerUuid& peer, const std::string& extender, BytesView message,
                                  const SendOptions& options, MessageDone done) {
  constexpr const char* kDoing = "sending a message";
  if (!wire::valid_extender_name(extender)) return fail(ErrorCode::invalid_argument, kDoing);
  Connection* const connection = usable(peer);
  if (connection == nullptr) return fail(ErrorCode::not_found, kDoing);
  const auto queued = connection->send_message(extender, message, options, std::move(done));
  counted_.messages_sent += queued.has_value();
  return queued;
}

Result<void> Kernel::send_datagram(const PeerUuid& peer, const std::string& extender, BytesView datagram) {
  constexpr const char* kDoing = "sending a datagram";
  if (!wire::valid_extender_name(extender)) return fail(ErrorCode::invalid_argument, kDoing);
  Connection* const connection = usable(peer);
  if (connection == nullptr) return fail(ErrorCode::not_found, kDoing);
  const auto queued = connection->send_datagram(datagram_id(extender), datagram);
  counted_.datagram_frames_sent += queued.has_value();
  return queued;
}

std::size_t Kernel::datagram_size_max(const PeerUuid& peer) const {
  const Connection* const connection = usable(peer);
  return connection == nullptr ? 0 : connection->datagram_size_max();
}

Result<void> Kernel::set_privacy(const Privacy& privacy) {
  if (const auto fits = check(privacy); !fits) return fits;
  privacy_ = privacy;
  for (auto& [number, entry] : connections_) {
    if (!entry.ended && !own_privacy_.contains(number)) entry.connection->set_privacy(environment_.now(), privacy);
  }
  end_turn();
  return {};
}

void Kernel::set_own_privacy(TimePoint now, Connection& connection, const Privacy& privacy) {
  own_privacy_.insert_or_assign(connection.number(), privacy);
  connection.set_privacy(now, privacy);
}

Result<void> Kernel::set_privacy(const PeerUuid& peer, const Privacy& privacy) {
  if (const auto fits = check(privacy); !fits) return fits;
  Connection* const connection = serving(peer);
  if (connection == nullptr) return fail(ErrorCode::not_found, "changing the privacy of a session");
  set_own_privacy(environment_.now(), *connection, privacy);
  end_turn();
  return {};
}

std::vector<Peer> Kernel::peers() const {
  const TimePoint now = environment_.now();
  std::vector<Peer> peers;
  for (const auto& [uuid, connection] : rivals_.all_serving()) peers.push_back(connection->snapshot(now));
  return peers;
}

NodeCounters Kernel::counters() const {
  const auto& responder = responder_.counters();
  NodeCounters counters;
  counters.datagrams_received = counted_.datagrams;
  counters.bytes_received = counted_.bytes;
  counters.datagrams_sent = batch_.datagrams_sent();
  counters.bytes_sent = batch_.bytes_sent();
  counters.dropped_malformed = responder.malformed;
  counters.dropped_unauthentic = responder.unauthentic + counted_.unauthentic;
  counters.dropped_replayed = responder.replayed + counted_.replayed;
  counters.dropped_clock = responder.clock;
  counters.dropped_no_cookie = responder.no_cookie;
  counters.dropped_trial_limit = responder.trial_limit;
  counters.dropped_start_limit = responder.start_limit;
  counters.dropped_full = responder.full + counted_.full;
  counters.sessions_evicted = counted_.sessions_evicted;
  counters.handshakes_started = responder.started;
  counters.handshakes_completed = responder.completed + counted_.completed;
  counters.handshakes_evicted = responder.evicted;
  counters.cookies_sent = responder.cookies_sent;
  counters.segments_lost = counted_.segments_lost;
  counters.tcp_datagrams_received = tcp_.counters().received;
  counters.tcp_datagrams_sent = tcp_.counters().sent;
  counters.tcp_accepted = tcp_.counters().accepted;
  counters.tcp_refused = tcp_.counters().refused;
  counters.tcp_unproven = tcp_.counters().unproven;
  counters.tcp_dropped = tcp_.counters().dropped;
  counters.key_updates = counted_.key_updates;
  counters.key_updates_failed = counted_.key_updates_failed;
  counters.moves = counted_.moves;
  counters.messages_sent = counted_.messages_sent;
  counters.messages_received = counted_.messages_received;
  counters.datagram_frames_sent = counted_.datagram_frames_sent;
  counters.datagram_frames_received = counted_.datagram_frames_received;
  counters.dropped_datagram_frames = counted_.datagram_frames_dropped;
  counters.cover_bytes_sent = counted_.cover_bytes;
  counters.padding_bytes_sent = counted_.padding_bytes;
  for (const auto& [number, entry] : connections_) {
    counters.cover_bytes_sent += entry.connection->cover_bytes();
    counters.padding_bytes_sent += entry.connection->padding_bytes();
  }
  return counters;
}

void Kernel::stop() {
  if (stopped_) return;
  const TimePoint now = environment_.now();
  for (auto& [number, entry] : connections_) {
    entry.connection->close(now, CloseReason::shutting_down);
    touch(*entry.connection);
  }
  end_turn();
  stopped_ = true;
  alive_.reset();
  timer_->cancel();
  again_timer_->cancel();
  for (auto& [uuid, dial] : std::exchange(dials_, {})) {
    for (const auto& done : dial->waiting) done(fail(ErrorCode::closed, "dialling a peer"));
  }
  for (auto& [number, entry] : connections_) {
    if (!entry.ended) end_connection(now, entry);
  }
  connections_.clear();
  tcp_.stop();
}

}  // namespace quantumgate::node
