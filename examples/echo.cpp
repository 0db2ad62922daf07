// SPDX-License-Identifier: MIT
// Echo: two nodes in one process, and an extender that sends each message back.
#include <quantumgate/quantumgate.h>

#include <cstdio>
#include <future>

using namespace quantumgate;

int main() {
  constexpr auto kEcho = "org.example.echo/1";
  Node* server_node = nullptr;
  std::promise<std::string> answer;
  const auto server_side = make_extender(
      kEcho, {.on_start = [&](Node& node) { server_node = &node; },
              .on_message =
                  [&](Message message) { (void)server_node->send_message(message.peer(), kEcho, message.bytes()); }});
  const auto client_side =
      make_extender(kEcho, {.on_message = [&](Message message) { answer.set_value(std::string(message.text())); }});

  auto server = Node::start(Identity::generate(), {.listen = {Endpoint::loopback()}}, {server_side});
  auto client = Node::start(Identity::generate(), {}, {client_side});
  if (!server || !client) return 1;
  if (!blocking::connect(**client, (*server)->address())) return 1;
  if (!blocking::send_message(**client, (*server)->uuid(), kEcho, as_bytes("hello"))) return 1;

  const std::string line = answer.get_future().get();
  std::printf("echo: %s\n", line.c_str());
  return line == "hello" ? 0 : 1;
}
