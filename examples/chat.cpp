// SPDX-License-Identifier: MIT
// Chat: each line you type goes to everybody who is connected.
//   example_chat              prints its address and waits for others
//   example_chat qg://...     joins the one with that address
#include <quantumgate/quantumgate.h>

#include <iostream>
#include <mutex>
#include <set>

using namespace quantumgate;

constexpr const char* kChat = "org.example.chat/1";

// Who is here. Callbacks write it on the node's thread, main() reads it.
class Room {
 public:
  void enter(const PeerUuid& peer) {
    const std::lock_guard guard(mutex_);
    peers_.insert(peer);
  }
  void leave(const PeerUuid& peer) {
    const std::lock_guard guard(mutex_);
    peers_.erase(peer);
  }
  std::set<PeerUuid> peers() const {
    const std::lock_guard guard(mutex_);
    return peers_;
  }

 private:
  mutable std::mutex mutex_;
  std::set<PeerUuid> peers_;
};

// Strangers' text must not steer the terminal.
static std::string printable(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  }
  return result;
}

int main(int argc, char** argv) {
  Room room;
  ExtenderCallbacks chat;
  chat.on_peer_up = [&](const Peer& peer) {
    room.enter(peer.uuid);
    std::cout << "* " << peer.uuid.to_string() << " is here" << std::endl;
  };
  chat.on_peer_down = [&](const Peer& peer, CloseReason) { room.leave(peer.uuid); };
  chat.on_message = [](Message message) {
    std::cout << message.peer().to_string().substr(0, 8) << ": " << printable(message.text()) << std::endl;
  };
  const auto node = Node::start(Identity::generate(), {.listen = {Endpoint::loopback()}}, {make_extender(kChat, chat)});
  if (!node) return std::cerr << describe(node.error().code) << '\n', 1;
  std::cout << (*node)->address().to_string() << std::endl;

  if (argc > 1) {
    const auto address = Address::parse(argv[1]);
    const auto peer = address ? blocking::connect(**node, *address) : Result<Peer>(fail(address.error()));
    if (!peer) return std::cerr << describe(peer.error().code) << '\n', 1;
  }
  for (std::string line; std::getline(std::cin, line);) {
    for (const PeerUuid& peer : room.peers()) {
      const auto sent = blocking::send_message(**node, peer, kChat, as_bytes(line));
      if (!sent) std::cerr << "not sent: " << describe(sent.error().code) << '\n';
    }
  }
}
