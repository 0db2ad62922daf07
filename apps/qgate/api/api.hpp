// SPDX-License-Identifier: MIT
// The local API of a running node: joins the node and its services with the control protocol. One handler per file.
// Spec: docs/spec/control.md.
// Threads: handlers are called on the control server's thread and do their work by Node::post; they answer from there.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "apps/qgate/outcome.hpp"
#include "control/http.hpp"
#include "extenders/chat/chat.hpp"
#include "extenders/files/files.hpp"
#include "quantumgate/node.h"
#include "quantumgate/shared_secret.h"

namespace quantumgate::qgate::api {

// What the handlers work on. Outlives the control server and the node's callbacks.
struct Service {
  Node* node = nullptr;  // set before the server starts
  std::shared_ptr<chat::Chat> chat = std::make_shared<chat::Chat>();
  std::shared_ptr<files::Files> files = std::make_shared<files::Files>();
  std::string network;
  std::optional<Guarded<SharedSecret>> shared_secret;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

// What is left to say of a node that is locked.
struct LockedStatus {
  std::string uuid;
  std::string address;
  std::string network;
  bool shared_secret;
  std::chrono::steady_clock::time_point started;
};

using ExchangePtr = std::shared_ptr<control::Exchange>;

void status(Service& service, const control::Request& request, ExchangePtr exchange);
void locked_status(const LockedStatus& locked, control::Exchange& exchange);
void invitation(Service& service, const control::Request& request, ExchangePtr exchange);
void privacy(Service& service, const control::Request& request, ExchangePtr exchange);
void peers(Service& service, const control::Request& request, ExchangePtr exchange);
void peers_connect(Service& service, const control::Request& request, ExchangePtr exchange);
void peers_disconnect(Service& service, const control::Request& request, ExchangePtr exchange);
void chat_send(Service& service, const control::Request& request, ExchangePtr exchange);
void chat_follow(Service& service, const control::Request& request, ExchangePtr exchange);
void chat_history(Service& service, const control::Request& request, ExchangePtr exchange);
void chat_read(Service& service, const control::Request& request, ExchangePtr exchange);
void chat_clear(Service& service, const control::Request& request, ExchangePtr exchange);
void files_send(Service& service, const control::Request& request, ExchangePtr exchange);
void files_receive(Service& service, const control::Request& request, ExchangePtr exchange);

// Finds the handler for method and path.
control::Handler router(Service& service);
// In its place while the node is locked: tells its status and refuses the rest.
control::Handler locked_router(LockedStatus status);

// Answers with a failure, or ends a streamed answer with it.
void refuse(control::Exchange& exchange, const Failure& failure);
void refuse_stream(control::Exchange& exchange, const Failure& failure);

}  // namespace quantumgate::qgate::api
