// SPDX-License-Identifier: MIT
// Echo: two nodes in one process; one has a service that sends back what it gets. README.md shows this program.
#include <quantumgate/quantumgate.h>

#include <iostream>

using namespace quantumgate;

int main() {
  // The service, called on the node's thread for each stream that a peer opens.
  const auto echo = [](std::shared_ptr<Stream> stream) {
    stream->on_readable([stream] {
      Bytes bytes(stream->readable());
      stream->write(BytesView(bytes).first(stream->read(bytes)));
      if (stream->at_end()) stream->finish();
    });
  };
  auto server = Node::start(Identity::generate(), {.listen = {Endpoint::loopback()}},
                            {make_extender("org.example.echo/1", {.on_stream = echo})});
  auto client = Node::start(Identity::generate());
  if (!server || !client) return 1;

  // The client, from top to bottom. An address says where a node is and how to know it for the right one.
  const Address address = (*server)->address();
  std::cout << "asking " << address.to_string() << '\n';
  if (!blocking::connect(**client, address)) return 1;
  auto stream = blocking::Stream::open(**client, address.uuid, "org.example.echo/1");
  if (!stream || !stream->write(as_bytes("hello")) || !stream->finish()) return 1;
  const auto answer = stream->read_all(1024);
  std::cout << (answer ? as_text(*answer) : describe(answer.error().code)) << '\n';
  return answer && as_text(*answer) == "hello" ? 0 : 1;
}
