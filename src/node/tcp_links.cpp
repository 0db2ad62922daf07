// SPDX-License-Identifier: MIT
#include "node/tcp_links.hpp"

#include <algorithm>

namespace quantumgate::node {

using handshake::OuterKey;
using handshake::prefix_of;

TcpLinks::TcpLinks(Environment& environment, const handshake::Credentials& credentials, Callbacks callbacks)
    : environment_(environment),
      credentials_(credentials),
      callbacks_(std::move(callbacks)),
      accepting_keys_(Keys{handshake::outer_key(OuterKey::tcp_to_acceptor, credentials.shared_secret(),
                                                credentials.uuid(), credentials.network_hash()),
                           handshake::outer_key(OuterKey::tcp_to_opener, credentials.shared_secret(),
                                                credentials.uuid(), credentials.network_hash())}),
      timer_(environment.make_timer([this] { on_timer(); })) {}

Result<void> TcpLinks::listen(const Endpoint& local) {
  auto listener = environment_.open_tcp_listener(
      local, [this](std::unique_ptr<TcpConnection> connection) { return accept(std::move(connection)); });
  if (!listener) return fail(listener.error());
  listeners_.push_back(std::move(*listener));
  return {};
}

// --- opening and closing ---

bool TcpLinks::open(TimePoint now, const Endpoint& remote, const PeerUuid& acceptor, bool anew) {
  if (stopped_) return false;
  if (const auto known = links_.find(remote); known != links_.end()) {
    if (known->second->acceptor != acceptor) return false;
    if (!anew || !known->second->open) return true;
    remove(remote);
  }
  if (links_.size() >= kTcpLinksMax) {
    ++counters_.refused;
    return false;
  }
  const auto key = [&](OuterKey number) {
    return handshake::outer_key(number, credentials_.shared_secret(), acceptor, credentials_.network_hash());
  };
  const auto link =
      std::make_shared<Link>(key(OuterKey::tcp_to_opener), key(OuterKey::tcp_to_acceptor), environment_.random());
  links_[remote] = link;
  link->acceptor = acceptor;
  link->closes = now + kTcpProofTime;
  expire_at(link->closes);
  link->connection = environment_.open_tcp(remote, callbacks_of(remote));
  return true;
}

bool TcpLinks::is_open(const Endpoint& remote) const {
  const auto link = links_.find(remote);
  return link != links_.end() && link->second->open;
}

TcpCallbacks TcpLinks::accept(std::unique_ptr<TcpConnection> connection) {
  const Endpoint from = connection->remote_endpoint();
  if (stopped_ || links_.contains(from) || !make_room(from)) {
    ++counters_.refused;
    return {};
  }
  ++counters_.accepted;
  const auto link = std::make_shared<Link>(accepting_keys_->in, accepting_keys_->out, environment_.random());
  links_[from] = link;
  ++accepted_from_[prefix_of(from)];
  link->connection = std::move(connection);
  link->open = true;
  link->closes = environment_.now() + kTcpProofTime;
  expire_at(link->closes);
  return callbacks_of(from);
}

// The stranger that has waited longest gives way to the next; one network gets no more than its share.
bool TcpLinks::make_room(const Endpoint& from) {
  const auto same = accepted_from_.find(prefix_of(from));
  if (same != accepted_from_.end() && same->second >= kTcpLinksPerPrefixMax) return false;
  if (links_.size() < kTcpLinksMax) return true;
  auto oldest = links_.end();
  for (auto it = links_.begin(); it != links_.end(); ++it) {
    const Link& link = *it->second;
    if (link.proven || link.acceptor) continue;
    if (oldest == links_.end() || link.closes < oldest->second->closes) oldest = it;
  }
  if (oldest == links_.end()) return false;
  ++counters_.unproven;
  remove(Endpoint(oldest->first));
  return true;
}

void TcpLinks::remove(const Endpoint& remote) {
  const auto link = links_.extract(remote);
  if (link.mapped()->acceptor) return;
  const auto count = accepted_from_.find(prefix_of(remote));
  if (--count->second == 0) accepted_from_.erase(count);
}

void TcpLinks::expire_at(TimePoint time) {
  if (next_check_ && time >= *next_check_) return;
  next_check_ = time;
  timer_->set(time);
}

void TcpLinks::heard(TimePoint now, const Endpoint& from) {
  const auto found = links_.find(from);
  if (found == links_.end()) return;
  found->second->proven = true;
  found->second->closes = now + kTcpIdleMax;
}

void TcpLinks::on_timer() {
  const TimePoint now = environment_.now();
  next_check_.reset();
  std::vector<Endpoint> over;
  for (const auto& [remote, link] : links_) {
    if (now >= link->closes) {
      over.push_back(remote);
    } else {
      expire_at(link->closes);
    }
  }
  for (const Endpoint& remote : over) {
    const Link& link = *links_.at(remote);
    counters_.unproven += !link.proven && !link.acceptor;
    on_closed(remote);
  }
}

void TcpLinks::stop() {
  stopped_ = true;
  listeners_.clear();
  links_.clear();
  accepted_from_.clear();
  timer_->cancel();
}

// --- what the environment tells; `remote` names a link that is there ---

// A link that is destroyed takes its connection along, so none of these comes for one that is gone.
TcpCallbacks TcpLinks::callbacks_of(const Endpoint& remote) {
  return {[this, remote] { on_open(remote); }, [this, remote](MutableBytesView bytes) { on_receive(remote, bytes); },
          [this, remote] { write(*links_.at(remote)); }, [this, remote] { on_closed(Endpoint(remote)); }};
}

void TcpLinks::on_open(const Endpoint& remote) {
  Link& link = *links_.at(remote);
  link.open = true;
  link.closes = environment_.now() + kTcpIdleMax;
  write(link);
  callbacks_.on_link(remote, true);
}

void TcpLinks::on_closed(const Endpoint& remote) {
  const bool ours = links_.at(remote)->acceptor.has_value();
  remove(remote);
  if (ours) callbacks_.on_link(remote, false);
}

void TcpLinks::on_receive(const Endpoint& remote, MutableBytesView bytes) {
  const auto link = links_.at(remote);  // what it has received may end it
  const Endpoint from = remote;
  std::vector<MutableBytesView> datagrams;
  link->reader.read(bytes, datagrams);
  std::vector<IncomingDatagram> batch;
  for (std::size_t i = 0; i < datagrams.size();) {
    batch.clear();
    for (; i < datagrams.size() && batch.size() < kReceiveBatchMax; ++i) batch.push_back({from, datagrams[i]});
    counters_.received += batch.size();
    callbacks_.on_receive(batch);
  }
  // A stranger's rubbish is swallowed until its time is up, so that nothing can be learnt from when we close. One who
  // is known has been tampered with: there is a better connection to be had.
  const auto known = links_.find(from);
  if (link->reader.broken() && link->proven && known != links_.end() && known->second == link) on_closed(from);
}

// --- datagrams out ---

std::size_t TcpLinks::send(std::span<const OutgoingDatagram> batch) {
  for (std::size_t i = 0; i < batch.size();) {
    const Endpoint& to = batch[i].to;
    const auto found = links_.find(to);
    for (; i < batch.size() && batch[i].to == to; ++i) {
      if (found != links_.end() && found->second->held.size() >= kTcpHeldMax) write(*found->second);
      if (found == links_.end() || found->second->held.size() >= kTcpHeldMax) {
        ++counters_.dropped;
      } else {
        ++counters_.sent;
        found->second->writer.append(batch[i].data, found->second->held);
      }
    }
    if (found != links_.end()) write(*found->second);
  }
  return batch.size();
}

void TcpLinks::write(Link& link) {
  if (!link.open || link.held.empty()) return;
  const std::size_t taken = link.connection->write(link.held);
  link.held.erase(link.held.begin(), link.held.begin() + static_cast<std::ptrdiff_t>(taken));
  if (link.held.empty()) link.held = {};
}

}  // namespace quantumgate::node
