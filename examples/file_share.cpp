// SPDX-License-Identifier: MIT
// File share: one side offers a file, the other fetches it.
//   example_file_share offer FILE               prints an address
//   example_file_share fetch ADDRESS NEW_FILE
// A stream arrives whole, in order and authentic, or ends with an error; extenders/files adds resuming and digests.
#include <quantumgate/quantumgate.h>

#include <fstream>
#include <iostream>

using namespace quantumgate;

constexpr const char* kShare = "org.example.share/1";
constexpr std::uint64_t kReadError = 256;  // stream error codes of extenders begin here

static int fail_with(const char* doing, const Error& e) {
  return std::cerr << doing << ": " << describe(e.code) << '\n', 1;
}

// Sends a file as fast as its reader takes it: what does not fit waits for on_writable.
class Sending : public std::enable_shared_from_this<Sending> {
 public:
  Sending(std::shared_ptr<Stream> stream, const std::string& file)
      : stream_(std::move(stream)), file_(file, std::ios::binary) {}

  void start() {
    stream_->on_writable([self = shared_from_this()] { self->send(); });
    send();
  }

 private:
  void send() {
    for (;;) {
      if (left_.empty()) {
        file_.read(piece_, sizeof piece_);
        left_ = as_bytes({piece_, static_cast<std::size_t>(file_.gcount())});
        if (left_.empty()) return file_.eof() ? stream_->finish() : stream_->reset(kReadError);
      }
      left_ = left_.subspan(stream_->write(left_));
      if (!left_.empty()) return;
    }
  }

  std::shared_ptr<Stream> stream_;
  std::ifstream file_;
  char piece_[64 * 1024];
  BytesView left_;
};

static int offer(const std::string& file) {
  const auto send = [file](std::shared_ptr<Stream> stream) { std::make_shared<Sending>(stream, file)->start(); };
  const auto node = Node::start(Identity::generate(), {.listen = {Endpoint::loopback()}},
                                {make_extender(kShare, {.on_stream = send})});
  if (!node) return fail_with("starting", node.error());
  std::cout << (*node)->address().to_string() << "\nPress Enter to stop." << std::endl;
  return std::cin.get(), 0;
}

static int fetch(const Address& address, const std::string& file) {
  const auto node = Node::start(Identity::generate());
  if (!node) return fail_with("starting", node.error());
  if (auto peer = blocking::connect(**node, address); !peer) return fail_with("connecting", peer.error());
  auto stream = blocking::Stream::open(**node, address.uuid, kShare);
  if (!stream) return fail_with("asking", stream.error());
  std::ofstream out(file, std::ios::binary);
  for (Bytes piece(64 * 1024);;) {
    const auto size = stream->read(piece);
    if (!size) return fail_with("receiving", size.error());
    if (*size == 0) return out.flush() ? 0 : 1;
    out << as_text(BytesView(piece).first(*size));
  }
}

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "offer" && argc == 3) return offer(argv[2]);
  const auto address = argc == 4 && what == "fetch" ? Address::parse(argv[2]) : fail(ErrorCode::invalid_argument);
  if (address) return fetch(*address, argv[3]);
  return std::cerr << "Usage: example_file_share offer FILE | fetch ADDRESS NEW_FILE\n", 2;
}
