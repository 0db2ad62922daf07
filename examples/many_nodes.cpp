// SPDX-License-Identifier: MIT
// Many nodes in one process: a ring of them passes a token on. Each node has its own thread, identity and port, and
// they share nothing.
#include <quantumgate/quantumgate.h>

#include <future>
#include <iostream>
#include <vector>

using namespace quantumgate;

constexpr const char* kRing = "org.example.ring/1";
constexpr int kNodes = 20;
constexpr int kRounds = 5;

// One place in the ring: adds one to the token and passes it to the next.
class Place final : public Extender {
 public:
  explicit Place(std::promise<int>& done) : Extender(kRing), done_(done) {}

  // Called before the token is on its way.
  void set_next(const PeerUuid& next) { next_ = next; }

  void on_start(Node& node) override { node_ = &node; }
  void on_message(Message message) override { pass(std::stoi(std::string(message.text())) + 1); }

  void pass(int token) {
    if (token == kNodes * kRounds) return done_.set_value(token);
    const auto sent = node_->send_message(next_, kRing, as_bytes(std::to_string(token)));
    if (!sent) done_.set_value(-1);
  }

 private:
  std::promise<int>& done_;
  PeerUuid next_;
  Node* node_ = nullptr;
};

int main() {
  std::promise<int> done;
  std::vector<std::shared_ptr<Place>> places;
  std::vector<std::unique_ptr<Node>> nodes;
  for (int i = 0; i < kNodes; ++i) {
    places.push_back(std::make_shared<Place>(done));
    auto node = Node::start(Identity::generate(), {.listen = {Endpoint::loopback()}}, {places.back()});
    if (!node) return std::cerr << describe(node.error().code) << '\n', 1;
    nodes.push_back(std::move(*node));
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const Address next = nodes[(i + 1) % nodes.size()]->address();
    places[i]->set_next(next.uuid);
    if (!blocking::connect(*nodes[i], next)) return 1;
  }

  nodes[0]->post([&] { places[0]->pass(0); });
  const int token = done.get_future().get();
  std::cout << "the token went " << kRounds << " times round " << kNodes << " nodes: " << token << '\n';
  return token == kNodes * kRounds ? 0 : 1;
}
