// SPDX-License-Identifier: MIT
// POST /v1/files/receive {"folder": absolute path, "count": n}: takes files until n transfers came or the client
// leaves.
#include <algorithm>
#include <map>
#include <utility>

#include "apps/qgate/api/api.hpp"
#include "apps/qgate/api/transfer_json.hpp"

namespace quantumgate::qgate::api {
namespace {

// One client that takes files. All on the node's thread.
class Receiver : public std::enable_shared_from_this<Receiver> {
 public:
  Receiver(Service& service, ExchangePtr exchange, std::string folder, std::uint64_t count,
           files::AcceptOptions options)
      : service_(service),
        exchange_(std::move(exchange)),
        folder_(std::move(folder)),
        count_(count),
        options_(options) {}

  Result<void> accept() {
    files::Observer observer;
    observer.on_begin = [self = shared_from_this()](const files::Transfer& transfer) { self->begin(transfer); };
    observer.on_progress = [self = shared_from_this()](const files::Transfer& transfer) {
      const auto running = self->running_.find(transfer.id);
      if (running != self->running_.end() && running->second.due(transfer)) {
        self->exchange_->push(to_text(transfer_json("progress", transfer)));
      }
    };
    observer.on_item = [self = shared_from_this()](const files::Transfer& transfer, const files::Item& item) {
      const auto running = self->running_.find(transfer.id);
      if (running == self->running_.end()) return;
      running->second.add(item);
      self->exchange_->push(to_text(item_json(item)));
    };
    observer.on_end = [self = shared_from_this()](const files::Transfer& transfer,
                                                  const std::optional<files::Failure>& failure) {
      self->end(transfer, failure);
    };
    const auto accepted = service_.files->accept(folder_, options_, std::move(observer));
    accepting_ = accepted.has_value();
    return accepted;
  }

  // The client has left: nobody wants what is still coming.
  void leave() {
    over_ = true;
    stop_accepting();
    const auto running = std::exchange(running_, {});
    for (const auto& [id, record] : running) service_.files->cancel(id);
  }

 private:
  bool enough() const { return count_ != 0 && received_ + running_.size() >= count_; }

  void stop_accepting() {
    if (std::exchange(accepting_, false)) service_.files->refuse();
  }

  void begin(const files::Transfer& transfer) {
    running_.emplace(transfer.id, TransferRecord());
    exchange_->push(to_text(transfer_json("begin", transfer)));
    if (enough()) stop_accepting();
  }

  void end(const files::Transfer& transfer, const std::optional<files::Failure>& failure) {
    if (over_) return;
    TransferRecord record;
    if (const auto running = running_.find(transfer.id); running != running_.end()) {
      record = running->second;
      running_.erase(running);
    }
    const auto why = failure ? failure : record.failure_of_single(transfer);
    if (why) {
      Json event = transfer_json("failed", transfer);
      event["reason"] = sentence_of(*why);
      exchange_->push(to_text(event));
      // A place has become free again, unless the whole node stops or somebody else takes files now.
      if (why->reason != files::Reason::stopping && !accepting_ && !service_.files->accepting()) (void)accept();
      return;
    }
    ++received_;
    exchange_->push(to_text(record.end_json("received", transfer)));
    if (count_ != 0 && received_ == count_) {
      over_ = true;
      stop_accepting();
      exchange_->end();
    }
  }

  Service& service_;
  ExchangePtr exchange_;
  std::string folder_;
  std::uint64_t count_;
  files::AcceptOptions options_;
  std::uint64_t received_ = 0;
  std::map<std::uint64_t, TransferRecord> running_;
  bool accepting_ = false;
  bool over_ = false;
};

}  // namespace

void files_receive(Service& service, const control::Request& request, ExchangePtr exchange) {
  const auto body = parse_object(request.body);
  const auto folder = body ? text_member(*body, "folder") : std::nullopt;
  if (!folder || !folder->starts_with('/')) {
    return refuse(*exchange, {ExitCode::usage, "the request names no absolute folder. See docs/spec/control.md."});
  }
  const std::uint64_t count = number_member(*body, "count").value_or(0);
  files::AcceptOptions options;
  if (const auto days = number_member(*body, "keep_parts_days")) {
    options.partial.age = std::chrono::hours(24 * std::min<std::uint64_t>(*days, 3650));
  }
  service.node->post([&service, exchange, folder = *folder, count, options] {
    if (service.files->accepting()) {
      return refuse(*exchange,
                    {ExitCode::exists,
                     "this node takes files already. Stop the other 'qgate file receive', or the node's --receive."});
    }
    const auto receiver = std::make_shared<Receiver>(service, exchange, folder, count, options);
    if (const auto accepted = receiver->accept(); !accepted) {
      return refuse(*exchange,
                    {ExitCode::usage, "'" + folder + "' can not take files: " + describe(accepted.error().code) +
                                          ". Name a folder you may write to."});
    }
    exchange->push(to_text({{"event", "accepting"}, {"folder", folder}}));
    exchange->on_cancel([&service, receiver] { service.node->post([receiver] { receiver->leave(); }); });
  });
}

}  // namespace quantumgate::qgate::api
