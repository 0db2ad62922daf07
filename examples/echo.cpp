// SPDX-License-Identifier: MIT
// Echo: two nodes in one process, and an extender that sends back what it gets. For short lines: what write() does not
// take is lost here; extenders/files shows how to wait for on_writable.
#include <quantumgate/quantumgate.h>

#include <array>
#include <cstdio>
#include <future>

using namespace quantumgate;

static void echo(std::shared_ptr<Stream> stream) {
  stream->on_readable([stream] {
    std::array<std::byte, 1024> piece;
    while (const std::size_t size = stream->read(piece)) stream->write(BytesView(piece).first(size));
    if (stream->at_end()) stream->finish();
  });
}

static NodeOptions on_loopback() {
  NodeOptions options;
  options.listen = {Endpoint::v4(127, 0, 0, 1, 0)};
  return options;
}

int main() {
  auto server =
      Node::start(Identity::generate(), on_loopback(), {std::make_shared<StreamExtender>("org.example.echo/1", echo)});
  auto client = Node::start(Identity::generate(), on_loopback());
  if (!server || !client) return 1;

  std::promise<std::string> answer;
  (*client)->connect((*server)->address(), {}, [&](Result<Peer> peer) {
    auto opened = peer ? (*client)->open_stream(peer->uuid, "org.example.echo/1") : fail(peer.error());
    if (!opened) return answer.set_value("");
    auto stream = *opened;
    stream->on_readable([stream, &answer] {
      Bytes line(stream->readable());
      stream->read(line);
      if (!line.empty()) answer.set_value(std::string(as_text(line)));
    });
    stream->write(as_bytes("hello"));
    stream->finish();
  });
  const std::string line = answer.get_future().get();
  std::printf("echo: %s\n", line.c_str());
  return line == "hello" ? 0 : 1;
}
