// SPDX-License-Identifier: MIT
// Request and response: a question is a stream, and the answer comes back on it. Streams are cheap, and many can be
// open at once, so there are no numbers to match and a slow answer holds up no other.
#include <quantumgate/quantumgate.h>

#include <algorithm>
#include <functional>
#include <iostream>

using namespace quantumgate;

constexpr std::size_t kRequestMax = 64 * 1024;
constexpr std::uint64_t kTooLong = 256;  // stream error codes of extenders begin here

// A service that answers each request by `handle`, which runs on the node's thread and must not block.
static std::shared_ptr<Extender> serve(std::string name, std::function<std::string(std::string_view)> handle) {
  const auto on_stream = [handle](std::shared_ptr<Stream> stream) {
    stream->on_readable([stream, handle, request = Bytes()]() mutable {
      const std::size_t old = request.size();
      request.resize(old + stream->readable());
      stream->read(MutableBytesView(request).subspan(old));
      if (request.size() > kRequestMax) return stream->reset(kTooLong);
      if (!stream->at_end()) return;
      // An answer longer than the stream's buffer, 1 MiB, would need on_writable; see file_share.cpp.
      stream->write(as_bytes(handle(as_text(request))));
      stream->finish();
    });
  };
  return make_extender(std::move(name), {.on_stream = on_stream});
}

// Asks and waits for the answer. Not on the node's thread.
static Result<Bytes> ask(Node& node, const PeerUuid& peer, const std::string& service, std::string_view request) {
  auto stream = blocking::Stream::open(node, peer, service);
  if (!stream) return fail(stream.error());
  if (const auto sent = stream->write(as_bytes(request)); !sent) return fail(sent.error());
  if (const auto sent = stream->finish(); !sent) return fail(sent.error());
  return stream->read_all(kRequestMax);
}

int main() {
  const auto upper = serve("org.example.upper/1", [](std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char c) { return std::toupper(c); });
    return result;
  });
  const auto count = serve("org.example.count/1", [](std::string_view text) { return std::to_string(text.size()); });

  const auto server = Node::start(Identity::generate(), {.listen = {Endpoint::loopback()}}, {upper, count});
  const auto client = Node::start(Identity::generate());
  if (!server || !client || !blocking::connect(**client, (*server)->address())) return 1;

  const PeerUuid& peer = (*server)->uuid();
  const auto shouted = ask(**client, peer, "org.example.upper/1", "a question");
  const auto counted = ask(**client, peer, "org.example.count/1", "a question");
  const auto missing = ask(**client, peer, "org.example.absent/1", "a question");
  if (!shouted || !counted) return 1;
  std::cout << as_text(*shouted) << ", " << as_text(*counted) << " bytes\n";
  std::cout << "no such service: " << describe(missing.error().code) << '\n';
  return as_text(*shouted) == "A QUESTION" && as_text(*counted) == "10" && !missing ? 0 : 1;
}
