// SPDX-License-Identifier: MIT
#include "extenders/files/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <unordered_set>
#include <utility>

#include "extenders/files/channel.hpp"
#include "extenders/files/plan.hpp"
#include "extenders/files/pool.hpp"
#include "extenders/files/receiver.hpp"
#include "extenders/files/sender.hpp"

namespace quantumgate::files {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPauseMin{250};  // before dialling again; doubles up to:
constexpr std::chrono::milliseconds kPauseMax{5000};
constexpr std::chrono::seconds kDialTime{10};

// The connection, or the other node, may come back.
bool may_pass(Reason reason) {
  return reason == Reason::lost || reason == Reason::not_connected || reason == Reason::stopping ||
         reason == Reason::busy || reason == Reason::not_accepting;
}

void renew(Transfer& transfer, Transfer now) {
  now.id = transfer.id;
  now.peer = transfer.peer;
  transfer = std::move(now);
}

HostPort host_of(const Endpoint& endpoint) {
  std::string text = endpoint.to_string();
  text.resize(text.rfind(':'));
  if (text.starts_with('[')) text = text.substr(1, text.size() - 2);
  return {text, endpoint.port};
}

}  // namespace

struct Files::Target {
  std::shared_ptr<const Descriptor> folder;
  AcceptOptions options;
  Observer observer;
};

struct Files::Sending {
  Transfer transfer;
  Observer observer;
  SendOptions options;
  std::shared_ptr<const Plan> plan;
  std::shared_ptr<Channel> channel;
  std::vector<HostPort> hosts;  // where the peer may be dialled
  bool begun = false;           // it was accepted once
  bool over = false;
  Clock::time_point progress{};          // the last one
  std::uint64_t best_bytes = 0;          // done_bytes then
  std::unordered_set<std::string> told;  // paths of items that are there
  std::chrono::milliseconds pause = kPauseMin;
};

struct Files::Receiving {
  Transfer transfer;
  std::shared_ptr<Target> target;
  std::shared_ptr<Channel> channel;
  bool begun = false;
};

Files::Files() : Extender(kName) {}
Files::~Files() = default;

void Files::on_start(Node& node) {
  node_ = &node;
  pool_ = std::make_unique<Pool>(node);
}

void Files::on_stop() {
  target_.reset();
  for (const auto& out : std::list(sending_)) end_sending(out, Failure{Reason::stopping, 0, {}});
  for (const auto& in : std::list(receiving_)) end_receiving(in, Failure{Reason::stopping, 0, {}});
  pool_->detach();
  node_ = nullptr;
}

void Files::cancel(std::uint64_t id) {
  for (const auto& out : std::list(sending_)) {
    if (out->transfer.id == id) end_sending(out, Failure{Reason::cancelled, 0, {}});
  }
  for (const auto& in : std::list(receiving_)) {
    if (in->transfer.id == id) end_receiving(in, Failure{Reason::cancelled, 0, {}});
  }
}

// --- sending ---

std::uint64_t Files::send(const PeerUuid& peer, std::vector<std::filesystem::path> paths, SendOptions options,
                          Observer observer) {
  auto out = std::make_shared<Sending>();
  out->transfer.id = ++transfers_;
  out->transfer.peer = peer;
  out->observer = std::move(observer);
  out->options = std::move(options);
  out->hosts = out->options.hosts;
  if (node_ == nullptr) return out->transfer.id;  // stopped: nobody listens any more
  const bool busy = sending_.size() >= kTransfersMax;
  sending_.push_back(out);
  if (busy) {
    node_->post([this, out] { end_sending(out, Failure{Reason::busy, 0, {}}); });
    return out->transfer.id;
  }
  pool_->run([this, out, paths = std::move(paths), name = out->options.name] {
    auto plan = Plan::make(paths, name);
    std::shared_ptr<const Plan> made = plan ? std::make_shared<const Plan>(std::move(*plan)) : nullptr;
    return [this, out, made, failure = plan ? std::optional<Failure>() : plan.error()] {
      if (out->over) return;
      if (!made) return end_sending(out, failure);
      out->plan = made;
      renew(out->transfer, made->totals());
      for (const Item& item : made->skipped()) {
        if (out->observer.on_item) out->observer.on_item(out->transfer, item);
      }
      offer(out);
    };
  });
  return out->transfer.id;
}

void Files::offer(std::shared_ptr<Sending> out) {
  if (out->over) return;
  auto stream = node_->open_stream(out->transfer.peer, name());
  if (!stream) {
    const bool absent = stream.error().code == ErrorCode::not_found;
    return broken(out, Failure{absent ? Reason::not_connected : Reason::busy, 0, {}});
  }
  for (const Peer& peer : node_->peers()) {
    if (peer.uuid != out->transfer.peer) continue;
    const HostPort host = host_of(peer.endpoint);
    if (std::ranges::find(out->hosts, host) == out->hosts.end() && out->hosts.size() < 8) out->hosts.push_back(host);
  }
  Channel::Callbacks callbacks;
  callbacks.on_turn = [this, out](const Transfer& now, bool begun, const std::vector<Item>& items) {
    renew(out->transfer, now);
    if (begun && !std::exchange(out->begun, true)) {
      out->progress = Clock::now();
      if (out->observer.on_begin) out->observer.on_begin(out->transfer);
    }
    for (const Item& item : items) {
      // What was stored before the connection broke is there now: said already.
      const bool is_new = item.how == Item::How::failed || out->told.insert(item.path).second;
      if (is_new && out->observer.on_item) out->observer.on_item(out->transfer, item);
    }
    if (out->over || !begun) return;
    if (now.done_bytes > out->best_bytes) {  // getting as far as last time is no progress
      out->best_bytes = now.done_bytes;
      out->progress = Clock::now();
      out->pause = kPauseMin;
    }
    if (out->observer.on_progress) out->observer.on_progress(out->transfer);
  };
  callbacks.on_end = [this, out](const std::optional<Failure>& failure) {
    out->channel.reset();
    if (failure) return broken(out, *failure);
    end_sending(out, std::nullopt);
  };
  out->channel = std::make_shared<Channel>(*pool_, std::move(*stream),
                                           std::make_unique<Sender>(out->plan, out->options.resume || out->begun),
                                           std::move(callbacks));
  out->channel->start();
}

void Files::broken(std::shared_ptr<Sending> out, const Failure& failure) {
  if (out->over) return;
  const bool in_time = Clock::now() - out->progress < out->options.retry_for;
  if (!out->begun || !may_pass(failure.reason) || !in_time) return end_sending(out, failure);
  if (out->observer.on_pause) out->observer.on_pause(out->transfer, failure);
  if (out->over) return;
  pool_->after(out->pause, [this, out] { dial(out); });
  out->pause = std::min(2 * out->pause, kPauseMax);
}

void Files::dial(std::shared_ptr<Sending> out) {
  if (out->over) return;
  Address address;
  address.uuid = out->transfer.peer;
  address.hosts = out->hosts;
  ConnectOptions options;
  options.time_limit = kDialTime;
  node_->connect(address, options, [this, out](Result<Peer> peer) {
    if (out->over || node_ == nullptr) return;
    if (peer) return offer(out);
    broken(out, Failure{Reason::lost, 0, {}});
  });
}

void Files::end_sending(std::shared_ptr<Sending> out, const std::optional<Failure>& failure) {
  if (std::exchange(out->over, true)) return;
  sending_.remove(out);
  if (const auto channel = std::exchange(out->channel, nullptr)) channel->stop(failure.value_or(Failure{}));
  if (out->observer.on_end) out->observer.on_end(out->transfer, failure);
}

// --- receiving ---

Result<void> Files::accept(const std::filesystem::path& folder, AcceptOptions options, Observer observer) {
  auto descriptor = std::make_shared<const Descriptor>(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!*descriptor) {
    const ErrorCode code = errno == ENOENT    ? ErrorCode::not_found
                           : errno == ENOTDIR ? ErrorCode::invalid_argument
                           : errno == EACCES  ? ErrorCode::permission_denied
                                              : ErrorCode::system;
    return fail(code, "opening the folder for received files", errno);
  }
  if (::faccessat(descriptor->get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
    return fail(ErrorCode::permission_denied, "opening the folder for received files", errno);
  }
  target_ = std::make_shared<Target>();
  target_->folder = descriptor;
  target_->options = options;
  target_->observer = std::move(observer);
  if (pool_) {
    pool_->run([descriptor, limits = options.partial] {
      PartialStore::clean(descriptor->get(), limits);
      return std::function<void()>();
    });
  }
  return {};
}

void Files::refuse() { target_.reset(); }

bool Files::accepting() const noexcept { return target_ != nullptr; }

void Files::on_stream(std::shared_ptr<Stream> stream) {
  const auto of_peer = [&](const auto& in) { return in->transfer.peer == stream->peer(); };
  const auto count = std::count_if(receiving_.begin(), receiving_.end(), of_peer);
  if (!target_) return stream->reset(code_of(Reason::not_accepting));
  if (receiving_.size() >= kTransfersMax || static_cast<std::size_t>(count) >= kTransfersPerPeerMax) {
    return stream->reset(code_of(Reason::busy));
  }
  auto in = std::make_shared<Receiving>();
  in->transfer.id = ++transfers_;
  in->transfer.peer = stream->peer();
  in->target = target_;
  receiving_.push_back(in);
  Channel::Callbacks callbacks;
  callbacks.on_turn = [in](const Transfer& now, bool begun, const std::vector<Item>& items) {
    const bool changed = now.done_bytes != in->transfer.done_bytes || now.files_done != in->transfer.files_done;
    renew(in->transfer, now);
    const Observer& observer = in->target->observer;
    if (begun && !std::exchange(in->begun, true) && observer.on_begin) observer.on_begin(in->transfer);
    for (const Item& item : items) {
      if (observer.on_item) observer.on_item(in->transfer, item);
    }
    if (changed && observer.on_progress) observer.on_progress(in->transfer);
  };
  callbacks.on_end = [this, in](const std::optional<Failure>& failure) { end_receiving(in, failure); };
  in->channel =
      std::make_shared<Channel>(*pool_, std::move(stream),
                                std::make_unique<Receiver>(target_->folder, in->transfer.peer,
                                                           target_->options.size_max, target_->options.partial),
                                std::move(callbacks));
  in->channel->start();
}

void Files::end_receiving(std::shared_ptr<Receiving> in, const std::optional<Failure>& failure) {
  const auto channel = std::exchange(in->channel, nullptr);
  if (!channel) return;
  receiving_.remove(in);
  channel->stop(failure.value_or(Failure{}));
  if (in->target->observer.on_end) in->target->observer.on_end(in->transfer, failure);
}

}  // namespace quantumgate::files
