// SPDX-License-Identifier: MIT
// Which session serves each peer. Of several with one peer one stays; the others give way to it once the peer has shown
// that it has that one, too.
// Spec: docs/spec/02-handshake.md, section 8.   Layer: node.   Threads: one object, one thread.
// Ownership: borrows its host, and each session from admit() to end().
// Memory: an entry for each peer; for peers with several sessions also one for each of these. Bound: the sessions.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "quantumgate/peer.h"
#include "quantumgate/uuid.h"

namespace quantumgate::node {

// A template, so that the rule can be tried without keys and packets. Of a session it needs what Connection has under
// the same names: uuid(), peer_static_key(), handshake_hash(), outgoing(), dialled(), run_seen(), open_streams(),
// heard(), ask_anew(), ask(), answered() and close().
template <class Session>
class RivalSessions {
 public:
  static constexpr Duration kDuplicateIdle = std::chrono::seconds(3);

  class Host {
   public:
    virtual ~Host() = default;
    // The peer of `session` is there, and was not before. User code.
    virtual void on_peer_up(TimePoint now, Session& session) = 0;
    // `session` was closed, because its peer has started anew. The host calls end() before it returns. User code.
    virtual void on_outlived(TimePoint now, Session& session) = 0;
    // `stays` serves the peer; `loses` gives way to it.
    virtual void on_settled(TimePoint now, Session& stays, Session& loses) = 0;
    // serve(session) is to be called soon.
    virtual void touch(Session& session) = 0;
  };

  explicit RivalSessions(Host& host) : host_(host) {}

  // A session that was just made; it may be closed at once.
  void admit(TimePoint now, Session& session) {
    const auto known = serving_.find(session.uuid());
    if (known == serving_.end()) {
      serving_.emplace(session.uuid(), &session);
      return host_.on_peer_up(now, session);
    }
    Session& other = *known->second;
    if (session.peer_static_key() != other.peer_static_key()) {
      // Of an earlier run message 3 may come late.
      if (session.run_seen() < other.run_seen()) return session.close(now, CloseReason::replaced);
      other.close(now, CloseReason::replaced);
      host_.on_outlived(now, other);
      return admit(now, session);  // there may be more of that run
    }
    // Both ends come to the same: one hash is the smaller one, and the dials of one end have an order.
    const bool later = session.dialled() >= other.dialled();
    const bool both_dialled = session.outgoing() != other.outgoing();
    const bool stays = both_dialled ? session.handshake_hash() < other.handshake_hash() : later;
    const CloseReason reason = both_dialled ? CloseReason::duplicate : CloseReason::replaced;
    stays ? settle(now, session, other, reason) : settle(now, other, session, reason);
  }

  // Whenever something may have happened to `session`, while it is open: closes it if it is not needed, when that is
  // safe.
  void serve(TimePoint now, Session& session) {
    if (contests_.empty()) return;  // nearly always
    const auto found = contests_.find(session.uuid());
    if (found == contests_.end()) return;
    Contest& contest = found->second;
    Session& stays = *serving_.at(session.uuid());
    if (&session == &stays) return question(now, contest, stays);
    const auto loss = loss_of(contest, session);
    if (loss == contest.losses.end()) return;  // of a run of the peer that is over
    if (session.open_streams() > 0) loss->unused_since = now;
    if (!stays.answered()) return;
    const bool used = loss->reason == CloseReason::duplicate && now - loss->unused_since < kDuplicateIdle;
    if (!used) session.close(now, loss->reason);
  }

  // When to call serve(session), beside when something happens.
  std::optional<TimePoint> deadline(Session& session) {
    if (contests_.empty()) return std::nullopt;
    const auto found = contests_.find(session.uuid());
    if (found == contests_.end() || !serving_.at(session.uuid())->answered()) return std::nullopt;
    const auto loss = loss_of(found->second, session);
    if (loss == found->second.losses.end()) return std::nullopt;
    return loss->unused_since + kDuplicateIdle;
  }

  // `session` is no longer open. True if its peer is gone with it; else another session serves the peer.
  [[nodiscard]] bool end(TimePoint now, Session& session) {
    const auto served = serving_.find(session.uuid());
    if (served == serving_.end()) return false;
    const auto contest = contests_.find(session.uuid());
    if (served->second != &session) {
      if (contest == contests_.end()) return false;
      std::erase_if(contest->second.losses, [&](const Loss& loss) { return loss.session == &session; });
    } else if (contest == contests_.end()) {
      serving_.erase(served);
      return true;
    } else {
      served->second = contest->second.losses.back().session;
      contest->second.losses.pop_back();
      await_answer(now, contest->second, *served->second);
    }
    if (contest->second.losses.empty()) contests_.erase(contest);
    return false;
  }

  // The one that serves `peer`; null if there is none.
  Session* serving(const PeerUuid& peer) const {
    const auto found = serving_.find(peer);
    return found == serving_.end() ? nullptr : found->second;
  }
  // The one to begin something new with. That is not the one that serves the peer as long as nothing has come by that:
  // maybe only its message 3 came, and late. Of two in the same direction it is: the other one is known to be dead.
  Session* usable(const PeerUuid& peer) const {
    Session* const stays = serving(peer);
    const auto contest = contests_.find(peer);
    if (contest == contests_.end() || stays->heard()) return stays;
    const Loss& last = contest->second.losses.back();
    return last.reason == CloseReason::duplicate && last.session->heard() ? last.session : stays;
  }
  const std::map<PeerUuid, Session*>& all_serving() const noexcept { return serving_; }
  // One that gives way to it; null if there is none.
  Session* losing(const PeerUuid& peer) const {
    const auto found = contests_.find(peer);
    return found == contests_.end() ? nullptr : found->second.losses.back().session;
  }

 private:
  struct Loss {
    Session* session;
    TimePoint unused_since;  // without streams
    CloseReason reason;      // `duplicate`: its streams are served to their end first
  };
  // Of a peer with several sessions.
  struct Contest {
    std::vector<Loss> losses;  // never empty; the last one takes over
    bool asked = false;        // whether the peer has the session that stays; no answer was seen yet
  };

  static auto loss_of(Contest& contest, const Session& session) {
    return std::ranges::find(contest.losses, &session, &Loss::session);
  }

  void settle(TimePoint now, Session& stays, Session& loses, CloseReason reason) {
    serving_.at(stays.uuid()) = &stays;
    host_.on_settled(now, stays, loses);
    Contest& contest = contests_[stays.uuid()];
    contest.losses.push_back({&loses, now, reason});
    await_answer(now, contest, stays);
  }

  void await_answer(TimePoint now, Contest& contest, Session& stays) {
    contest.asked = true;
    stays.ask_anew(now);
    host_.touch(stays);
  }

  void question(TimePoint now, Contest& contest, Session& stays) {
    if (!contest.asked) return;
    stays.ask(now);
    if (!stays.answered()) return;
    contest.asked = false;
    for (const Loss& loss : contest.losses) host_.touch(*loss.session);
  }

  Host& host_;
  std::map<PeerUuid, Session*> serving_;
  std::map<PeerUuid, Contest> contests_;
};

}  // namespace quantumgate::node
