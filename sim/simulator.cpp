// SPDX-License-Identifier: MIT
#include "sim/simulator.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "base/check.hpp"
#include "quantumgate/secret.h"
#include "sim/environment.hpp"

namespace quantumgate::sim {
namespace {

// Neither clock starts at zero, so that a forgotten initial value does not pass for a time by chance.
constexpr TimePoint kStart{std::chrono::hours(1000)};
constexpr UnixTime kWallClockStart{1'800'000'000};  // 2027-01-15

constexpr std::size_t kChunk = 64;
constexpr std::size_t kOverheadV4 = 28;
constexpr std::size_t kOverheadV6 = 48;
constexpr std::uint64_t kNetworkStream = 0;  // hosts draw from streams 1, 2, 3, ...

std::uint64_t pair_of(const Host& from, const Host& to) { return std::uint64_t{from.id()} << 32 | to.id(); }

// Rounded up to whole nanoseconds.
Duration time_to_send(std::size_t bytes, std::uint64_t bits_per_second) {
  return Duration(static_cast<Duration::rep>((bytes * 8'000'000'000ull + bits_per_second - 1) / bits_per_second));
}

void check_link(const Link& link) {
  CHECK(link.delay >= Duration::zero() && link.jitter >= Duration::zero());
  CHECK(link.queue_bytes <= std::size_t{1} << 30);  // time_to_send stays within 64 bits
}

}  // namespace

struct Simulator::Datagram {
  Datagram() = default;
  ~Datagram() { wipe(data); }  // nodes open packets in place
  Datagram(const Datagram&) = delete;
  Datagram& operator=(const Datagram&) = delete;

  Endpoint from;
  Endpoint to;
  std::uint64_t number = 0;
  Host* loopback = nullptr;  // the sender, if `to` is its loopback address
  bool past_taps = false;
  std::uint16_t size = 0;
  std::array<std::byte, node::kDatagramSizeMax> data;  // only the first `size` bytes are ever written or read

  MutableBytesView content() { return MutableBytesView(data).first(size); }
};

Simulator::Simulator(std::uint64_t seed) : seed_(seed), now_(kStart), random_(seed, kNetworkStream) {}

Simulator::~Simulator() {
  // Waiting work may own sockets and timers, and letting go of them may post more of it.
  while (!works_.empty()) {
    const auto works = std::move(works_);
    works_.clear();
    free_works_.clear();
  }
  taps_.clear();
  CHECK(handles_ == 0);  // a socket or timer outlives its host
}

UnixTime Simulator::wall_clock() const noexcept {
  return kWallClockStart + std::chrono::duration_cast<UnixTime>(now_ - kStart);
}

Host& Simulator::add_host() {
  const std::uint64_t n = hosts_.size() + 1;
  CHECK(n < 1u << 24);
  const auto byte = [n](int shift) { return static_cast<std::uint8_t>(n >> shift); };
  Endpoint v6;
  v6.ip[0] = std::byte{0xfd};
  for (int i = 0; i < 3; ++i) v6.ip[13 + i] = static_cast<std::byte>(byte(16 - 8 * i));
  return add_host({Endpoint::v4(10, byte(16), byte(8), byte(0), 0), v6});
}

Host& Simulator::add_host(std::vector<Endpoint> addresses) {
  const auto id = static_cast<std::uint32_t>(hosts_.size());
  hosts_.push_back(std::unique_ptr<Host>(new Host(*this, id, std::move(addresses))));
  return *hosts_.back();
}

void Simulator::set_default_link(const Link& link) {
  check_link(link);
  default_link_ = link;
}

void Simulator::set_link(const Host& from, const Host& to, const Link& link) {
  check_link(link);
  links_[pair_of(from, to)] = link;
}

void Simulator::set_links(const Host& a, const Host& b, const Link& link) {
  set_link(a, b, link);
  set_link(b, a, link);
}

const Link& Simulator::link(const Host& from, const Host& to) const {
  if (links_.empty()) return default_link_;
  const auto found = links_.find(pair_of(from, to));
  return found == links_.end() ? default_link_ : found->second;
}

void Simulator::add_name(std::string name, std::vector<Endpoint> addresses) {
  names_[std::move(name)] = std::move(addresses);
}

// The life of a datagram.

Simulator::Datagram& Simulator::datagram(std::uint32_t slot) const { return datagrams_[slot / kChunk][slot % kChunk]; }

bool Simulator::room() const noexcept { return !free_datagrams_.empty() || datagrams_.size() * kChunk < kInFlightMax; }

std::uint32_t Simulator::take_slot() {
  if (free_datagrams_.empty()) {
    const auto first = static_cast<std::uint32_t>(datagrams_.size() * kChunk);
    datagrams_.emplace_back(new Datagram[kChunk]);  // make_unique would write zeros over all of it
    for (std::uint32_t i = kChunk; i-- > 0;) free_datagrams_.push_back(first + i);
  }
  const std::uint32_t slot = free_datagrams_.back();
  free_datagrams_.pop_back();
  return slot;
}

std::uint32_t Simulator::new_datagram(Event event, const Endpoint& from, const Endpoint& to, BytesView data) {
  const std::uint32_t slot = take_slot();
  Datagram& d = datagram(slot);
  d.from = from;
  d.to = to;
  d.number = next_datagram_++;
  d.loopback = nullptr;
  d.past_taps = false;
  d.size = static_cast<std::uint16_t>(data.size());
  if (!data.empty()) std::memcpy(d.data.data(), data.data(), data.size());
  const std::uint64_t ports = std::uint64_t{from.port} << 16 | to.port;
  log_.add(now_, event, d.number, content_hash(data, content_hash(from.ip, content_hash(to.ip, ports))));
  return slot;
}

void Simulator::drop(Event event, std::uint64_t number, std::uint64_t& counter) {
  ++counter;
  log_.add(now_, event, number);
}

Simulator::Route Simulator::route(Host& host, const Endpoint& local, const Endpoint& to) {
  const bool v4 = to.is_v4();
  const bool loopback = is_loopback(to);
  Route route{local, nullptr, loopback, v4 ? kOverheadV4 : kOverheadV6, nullptr, nullptr};
  if (local.is_v4() != v4) return route;  // a socket serves one family
  if (is_any(local)) {
    const Endpoint* const source = loopback ? &to : host.address_like(to);
    if (source == nullptr) return route;
    route.from.ip = source->ip;
  } else if (!host.owns(local) && !is_loopback(local)) {
    return route;  // the host has moved away from this address
  }
  route.to = loopback ? &host : find_host(to.ip);
  if (route.to == nullptr) return route;
  route.link = &link(host, *route.to);
  if (route.link->bits_per_second > 0) route.busy_until = &busy_until_[pair_of(host, *route.to)];
  return route;
}

void Simulator::transmit(const Route& route, const node::OutgoingDatagram& outgoing, bool segmented) {
  ++traffic_.sent;
  traffic_.sent_bytes += outgoing.data.size();
  if (outgoing.data.size() > node::kDatagramSizeMax) {
    return drop(Event::too_large, next_datagram_++, traffic_.too_large);
  }
  if (!room()) return drop(Event::queue_full, next_datagram_++, traffic_.queue_full);

  const std::uint32_t slot = new_datagram(Event::sent, route.from, outgoing.to, outgoing.data);
  Datagram& d = datagram(slot);
  const auto discard = [&](Event event, std::uint64_t& counter) {
    drop(event, d.number, counter);
    free_datagrams_.push_back(slot);
  };
  if (route.to == nullptr) return discard(Event::unreachable, traffic_.unreachable);
  if (route.loopback) d.loopback = route.to;

  const Link& path = *route.link;
  const std::size_t packet_size = d.size + route.overhead;
  if (packet_size > path.mtu) return discard(Event::too_large, traffic_.too_large);

  TimePoint leaves = now_;
  if (path.bits_per_second > 0) {
    TimePoint& busy_until = *route.busy_until;
    busy_until = std::max(busy_until, now_);
    leaves = busy_until + time_to_send(packet_size, path.bits_per_second);
    // An idle link takes anything, else the queue could be too small for one datagram.
    if (busy_until > now_ && leaves - now_ > time_to_send(path.queue_bytes, path.bits_per_second)) {
      return discard(Event::queue_full, traffic_.queue_full);
    }
    busy_until = leaves;
  }
  if (segmented && path.loses_segments) return discard(Event::lost, traffic_.lost);
  if (random_.chance(path.loss_per_million)) return discard(Event::lost, traffic_.lost);

  const auto arrival = [&] { return leaves + path.delay + random_.up_to(path.jitter); };
  enqueue({moment_at(arrival()), slot, false});
  if (random_.chance(path.duplicate_per_million) && room()) {
    const std::uint32_t copy_slot = take_slot();
    Datagram& copy = datagram(copy_slot);
    copy.from = d.from;
    copy.to = d.to;
    copy.number = next_datagram_++;
    copy.loopback = d.loopback;
    copy.past_taps = false;
    copy.size = d.size;
    std::memcpy(copy.data.data(), d.data.data(), d.size);
    ++traffic_.duplicated;
    log_.add(now_, Event::duplicated, d.number, copy.number);
    enqueue({moment_at(arrival()), copy_slot, false});
  }
}

TimePoint Simulator::pass_rate(const Route& route, std::size_t bytes) {
  if (route.busy_until == nullptr) return now_;
  *route.busy_until = std::max(*route.busy_until, now_) + time_to_send(bytes, route.link->bits_per_second);
  return *route.busy_until;
}

void Simulator::inject(const InjectedDatagram& injected) {
  ++traffic_.injected;
  if (injected.data.size() > node::kDatagramSizeMax) {
    return drop(Event::too_large, next_datagram_++, traffic_.too_large);
  }
  if (!room()) return drop(Event::queue_full, next_datagram_++, traffic_.queue_full);
  const std::uint32_t slot = new_datagram(Event::injected, injected.from, injected.to, injected.data);
  datagram(slot).past_taps = true;
  enqueue({moment_at(now_ + std::max(injected.delay, Duration::zero())), slot, false});
}

bool Simulator::is_loopback(const Endpoint& endpoint) {
  if (endpoint.is_v4()) return endpoint.ip[12] == std::byte{127};
  const auto last = endpoint.ip.end() - 1;
  return *last == std::byte{1} && std::all_of(endpoint.ip.begin(), last, [](std::byte b) { return b == std::byte{0}; });
}

bool Simulator::is_any(const Endpoint& endpoint) {
  static const Ip any_v4 = Endpoint::v4(0, 0, 0, 0, 0).ip;
  return endpoint.ip == any_v4 || endpoint.ip == Ip{};
}

Host* Simulator::find_host(const Ip& ip) const {
  const auto found = addresses_.find(ip);
  return found == addresses_.end() ? nullptr : found->second;
}

// True if the datagram is to be delivered now; otherwise it is dropped, or waits behind what a tap put ahead of it.
bool Simulator::pass_taps(std::uint32_t slot) {
  Datagram& d = datagram(slot);
  d.past_taps = true;
  bool dropped = false;
  bool waits = false;
  std::vector<InjectedDatagram> after;
  for (std::size_t i = 0; i < taps_.size() && !dropped; ++i) {
    Verdict verdict = taps_[i]({d.from, d.to, d.content()});
    for (auto& injected : verdict.before) {
      injected.delay = {};
      inject(injected);
      waits = true;
    }
    if (verdict.replacement) {
      const Bytes& data = *verdict.replacement;
      CHECK(data.size() <= node::kDatagramSizeMax);
      d.size = static_cast<std::uint16_t>(data.size());
      std::copy(data.begin(), data.end(), d.data.begin());
      ++traffic_.replaced;
      log_.add(now_, Event::replaced, d.number, content_hash(data));
    }
    std::move(verdict.after.begin(), verdict.after.end(), std::back_inserter(after));
    dropped = !verdict.deliver;
  }
  if (dropped) {
    drop(Event::dropped_by_tap, d.number, traffic_.dropped_by_tap);
    free_datagrams_.push_back(slot);
  } else if (waits) {
    enqueue({moment_at(now_), slot, false});
  }
  for (const auto& injected : after) inject(injected);
  return !dropped && !waits;
}

// Collects what arrives at this instant, one right after the other, at one socket, and delivers it.
void Simulator::arrive() {
  arrived_.clear();
  while (arrived_.size() < node::kReceiveBatchMax && !queue_.empty()) {
    const Entry& next = queue_.front();
    if (next.is_work || next.moment.first != now_) break;
    if (!timers_.empty() && timers_.begin()->first < next.moment) break;
    const std::uint32_t slot = next.slot;
    const Datagram& d = datagram(slot);
    if (!arrived_.empty()) {
      const Datagram& first = datagram(arrived_.front());
      if (d.to != first.to || d.loopback != first.loopback) break;
    }
    dequeue();
    if (!taps_.empty() && !d.past_taps && !pass_taps(slot)) continue;
    arrived_.push_back(slot);
  }
  if (arrived_.empty()) return;
  deliver_arrived();
  free_datagrams_.insert(free_datagrams_.end(), arrived_.begin(), arrived_.end());
}

void Simulator::deliver_arrived() {
  const Datagram& first = datagram(arrived_.front());
  Host* const host = first.loopback != nullptr ? first.loopback : find_host(first.to.ip);
  const auto socket = host == nullptr ? nullptr : host->listener(first.to);
  incoming_.clear();
  for (const std::uint32_t slot : arrived_) {
    Datagram& d = datagram(slot);
    if (host == nullptr) {
      drop(Event::unreachable, d.number, traffic_.unreachable);
    } else if (socket == nullptr) {
      drop(Event::not_listening, d.number, traffic_.not_listening);
    } else {
      ++traffic_.delivered;
      traffic_.delivered_bytes += d.size;
      log_.add(now_, Event::delivered, d.number, host->id());
      incoming_.push_back({d.from, d.content()});
    }
  }
  if (socket != nullptr) Host::receive(socket, incoming_);
}

// The order of events.

void Simulator::schedule(TimePoint time, std::function<void()> work) {
  std::uint32_t slot = 0;
  if (free_works_.empty()) {
    slot = static_cast<std::uint32_t>(works_.size());
    works_.push_back(std::move(work));
  } else {
    slot = free_works_.back();
    free_works_.pop_back();
    works_[slot] = std::move(work);
  }
  enqueue({moment_at(time), slot, true});
}

namespace {
constexpr auto kLater = [](const auto& a, const auto& b) {
  return b.moment < a.moment;
};  // makes a heap's front the first
}

void Simulator::enqueue(const Entry& entry) {
  queue_.push_back(entry);
  std::push_heap(queue_.begin(), queue_.end(), kLater);
}

Simulator::Entry Simulator::dequeue() {
  std::pop_heap(queue_.begin(), queue_.end(), kLater);
  const Entry entry = queue_.back();
  queue_.pop_back();
  if (!queue_.empty() && !queue_.front().is_work) __builtin_prefetch(&datagram(queue_.front().slot));
  return entry;
}

std::optional<Simulator::Moment> Simulator::next_moment() const {
  if (queue_.empty() && timers_.empty()) return std::nullopt;
  if (queue_.empty()) return timers_.begin()->first;
  if (timers_.empty()) return queue_.front().moment;
  return std::min(timers_.begin()->first, queue_.front().moment);
}

void Simulator::turn(const Moment& moment) {
  CHECK(!turning_);  // called from a callback
  turning_ = true;
  events_this_instant_ = moment.first == now_ ? events_this_instant_ + 1 : 0;
  CHECK(events_this_instant_ < kEventsPerInstantMax);
  now_ = moment.first;
  if (!timers_.empty() && timers_.begin()->first == moment) {
    Host::fire(*timers_.begin()->second);
  } else if (queue_.front().is_work) {
    const std::uint32_t slot = dequeue().slot;
    const auto work = std::exchange(works_[slot], nullptr);
    free_works_.push_back(slot);
    work();
  } else {
    arrive();
  }
  turning_ = false;
}

bool Simulator::step() {
  const auto next = next_moment();
  if (next) turn(*next);
  return next.has_value();
}

void Simulator::run_until(TimePoint time) {
  for (auto next = next_moment(); next && next->first <= time; next = next_moment()) turn(*next);
  CHECK(!turning_);
  now_ = std::max(now_, time);
}

bool Simulator::run_until(const std::function<bool()>& done, Duration limit) {
  const TimePoint end = now_ + limit;
  for (;;) {
    if (done()) return true;
    const auto next = next_moment();
    if (!next || next->first > end) break;
    turn(*next);
  }
  now_ = std::max(now_, end);
  return false;
}

}  // namespace quantumgate::sim
