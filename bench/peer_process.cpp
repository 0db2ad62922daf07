// SPDX-License-Identifier: MIT
#include "bench/peer_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "base/check.hpp"
#include "bench/measurements.hpp"

namespace quantumgate::bench {
namespace {

constexpr std::size_t kBlock = 256 * 1024;

// Reads all there is and ends its direction when the other has ended.
std::shared_ptr<Extender> sink() {
  return make_extender(kSink, {.on_stream = [](std::shared_ptr<Stream> stream) {
                         auto block = std::make_shared<Bytes>(kBlock);
                         stream->on_readable([stream, block] {
                           while (stream->read(*block) > 0) continue;
                           if (stream->at_end()) stream->finish();
                         });
                       }});
}

class Echo final : public Extender {
 public:
  Echo() : Extender(kEcho) {}
  void on_start(Node& node) override { node_ = &node; }
  void on_message(Message message) override {
    CHECK(node_->send_message(message.peer(), kEcho, message.bytes()).has_value());
  }

 private:
  Node* node_ = nullptr;
};

}  // namespace

NodeOptions node_options() {
  NodeOptions options;
  options.listen = {Endpoint::v4(127, 0, 0, 1, 0)};
  return options;
}

std::vector<std::shared_ptr<Extender>> serving_extenders() { return {sink(), std::make_shared<Echo>()}; }

PeerProcess::PeerProcess() {
  int in[2], out[2];
  CHECK(::pipe2(in, O_CLOEXEC) == 0 && ::pipe2(out, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  char name[] = "qg_bench", what[] = "serve_peer";
  char* const arguments[] = {name, what, nullptr};
  CHECK(::posix_spawn(&child_, "/proc/self/exe", &actions, nullptr, arguments, environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]);
  ::close(out[1]);
  end_ = in[1];
  std::string line;
  for (char c = 0; ::read(out[0], &c, 1) == 1 && c != '\n';) line += c;
  ::close(out[0]);
  const auto address = Address::parse(line);
  CHECK(address.has_value());
  address_ = *address;
}

PeerProcess::~PeerProcess() {
  ::close(end_);
  ::waitpid(child_, nullptr, 0);
}

int serve_peer() {
  auto node = Node::start(Identity::generate(), node_options(), serving_extenders());
  CHECK(node.has_value());
  std::printf("%s\n", (*node)->address().to_string().c_str());
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  return 0;
}

}  // namespace quantumgate::bench
