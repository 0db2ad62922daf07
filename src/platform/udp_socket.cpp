// SPDX-License-Identifier: MIT
#include "platform/udp_socket.hpp"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "node/segmentation.hpp"
#include "platform/socket_address.hpp"
#include "quantumgate/secret.h"

namespace quantumgate::platform {
namespace {

constexpr int kSocketBufferBytes = 4 * 1024 * 1024;
constexpr std::size_t kMessages = node::kReceiveBatchMax;  // per system call, both ways
constexpr std::size_t kMergedSizeMax = 65'535;             // what UDP_GRO may hand over as one
// Not a multiple of 4 KiB: buffers that all begin at the same place of a page would share few sets of the L1 cache.
constexpr std::size_t kStride = 64 * 1045;
static_assert(kStride >= kMergedSizeMax);

// Room for one control message of the type T, aligned as CMSG_FIRSTHDR wants it.
template <class T>
union Control {
  cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(T))];
};

}  // namespace

struct ReceiveBuffer::Headers {
  std::array<mmsghdr, kMessages> messages;
  std::array<iovec, kMessages> parts;
  std::array<Address, kMessages> addresses;
  std::array<Control<int>, kMessages> controls;
};

ReceiveBuffer::ReceiveBuffer() : bytes_(new std::byte[kMessages * kStride]), headers_(new Headers) {
  for (std::size_t i = 0; i < kMessages; ++i) headers_->parts[i] = {bytes_.get() + i * kStride, kMergedSizeMax};
}
ReceiveBuffer::~ReceiveBuffer() { wipe({bytes_.get(), kMessages * kStride}); }  // packets are opened in place

Result<UdpSocket> UdpSocket::open(const Endpoint& local) {
  static const Offload offload = test_offload();
  return open(local, offload);
}

Result<UdpSocket> UdpSocket::open(const Endpoint& local, Offload offload) {
  constexpr const char* kDoing = "opening a UDP socket";
  const bool v4 = local.is_v4();
  const int descriptor = ::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (descriptor < 0) return fail(code_of(errno), kDoing, errno);
  UdpSocket socket(descriptor, local);

  if (!v4 && !set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1)) return fail(ErrorCode::system, kDoing, errno);
  // With PMTUDISC_PROBE the kernel sets "don't fragment" and believes no ICMP about the path: anyone can forge those.
  if (v4) {
    set_option(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  } else {
    set_option(descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
  }
  // The FORCE forms pass the system's limit but need a privilege.
  if (!set_option(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, kSocketBufferBytes)) {
    set_option(descriptor, SOL_SOCKET, SO_RCVBUF, kSocketBufferBytes);
  }
  if (!set_option(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, kSocketBufferBytes)) {
    set_option(descriptor, SOL_SOCKET, SO_SNDBUF, kSocketBufferBytes);
  }
  // Older kernels refuse both, and all then goes without. 0: no segmentation but where a message asks for it.
  socket.segments_ = offload.segments && set_option(descriptor, SOL_UDP, UDP_SEGMENT, 0);
  if (offload.merges) set_option(descriptor, SOL_UDP, UDP_GRO, 1);

  Address address = to_system(local);
  if (::bind(descriptor, &address.any, address.size) != 0) return fail(code_of(errno), kDoing, errno);
  if (::getsockname(descriptor, &address.any, &address.size) != 0) return fail(ErrorCode::system, kDoing, errno);
  socket.local_ = from_system(address);
  return socket;
}

UdpSocket::Offload UdpSocket::test_offload() {
  for (const char* loopback : {"127.0.0.1:0", "[::1]:0"}) {  // a machine may lack one family
    const Endpoint local = *Endpoint::parse(loopback);
    auto sender = open(local, {true, false});
    auto plain = open(local, {});
    auto merging = open(local, {true, true});
    if (!sender || !plain || !merging) continue;
    Offload works;
    works.segments = sender->segments_ && passes(*sender, *plain);
    works.merges = works.segments && passes(*sender, *merging);
    return works;
  }
  return {};
}

bool UdpSocket::passes(UdpSocket& sender, UdpSocket& receiver) {
  constexpr int kWaitMs = 500;  // loopback needs none, but the machine may be busy
  // A last datagram of full size, a shorter one, a shortest one: faults were seen with each.
  constexpr std::array<std::size_t, 3> kTails{1232, 700, 1};
  constexpr std::size_t kCount = 5;
  ReceiveBuffer buffer;
  for (const std::size_t tail : kTails) {
    std::array<std::byte, kCount * 1232> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251 + tail);
    std::vector<node::OutgoingDatagram> run;
    for (std::size_t i = 0; i < kCount; ++i) {
      run.push_back({receiver.local_, BytesView(bytes).subspan(i * 1232, i + 1 < kCount ? 1232 : tail)});
    }
    if (sender.send(run) != run.size() || !sender.segments_) return false;
    for (auto expected = run.begin(); expected != run.end();) {
      pollfd waits{receiver.descriptor_, POLLIN, 0};
      if (::poll(&waits, 1, kWaitMs) != 1) return false;
      for (const auto& datagram : receiver.receive(buffer).datagrams) {
        if (datagram.from != sender.local_) continue;  // a stranger's
        if (expected == run.end() || !std::ranges::equal(datagram.data, expected->data)) return false;
        ++expected;
      }
    }
  }
  return true;
}

UdpSocket::UdpSocket(UdpSocket&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), local_(other.local_), segments_(other.segments_) {}

void UdpSocket::close() noexcept {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

std::size_t UdpSocket::send(std::span<const node::OutgoingDatagram> batch) {
  std::array<mmsghdr, kMessages> messages;
  std::array<std::size_t, kMessages> counts;  // of datagrams in each message
  std::array<iovec, kMessages> parts;         // one for each piece of memory
  std::array<Address, kMessages> addresses;
  std::array<Control<std::uint16_t>, kMessages> controls;

  std::size_t sent = 0;
  std::size_t single_before = 0;  // up to here each datagram gets a message of its own
  while (sent < batch.size()) {
    std::size_t message_count = 0, part_count = 0;
    for (std::size_t i = sent; i < batch.size() && part_count < kMessages; ++message_count) {
      const auto& first = batch[i];
      const bool together = segments_ && i >= single_before;
      std::size_t left = together ? node::segmented_run(batch.subspan(i)) : 1;
      counts[message_count] = 0;
      const std::size_t first_part = part_count;
      for (; left > 0; --left, ++i, ++counts[message_count]) {
        const BytesView data = batch[i].data;
        iovec* const last = part_count > first_part ? &parts[part_count - 1] : nullptr;
        if (last != nullptr && static_cast<std::byte*>(last->iov_base) + last->iov_len == data.data()) {
          last->iov_len += data.size();
        } else if (part_count < kMessages) {
          parts[part_count++] = {const_cast<std::byte*>(data.data()), data.size()};
        } else {
          break;
        }
      }

      addresses[message_count] = to_system(first.to);
      msghdr& header = messages[message_count].msg_hdr;
      header = {};
      header.msg_name = &addresses[message_count].any;
      header.msg_namelen = addresses[message_count].size;
      header.msg_iov = &parts[first_part];
      header.msg_iovlen = part_count - first_part;
      if (counts[message_count] > 1) {
        auto& control = controls[message_count];
        control = {};
        header.msg_control = &control;
        header.msg_controllen = sizeof control;
        cmsghdr* const option = CMSG_FIRSTHDR(&header);
        option->cmsg_level = SOL_UDP;
        option->cmsg_type = UDP_SEGMENT;
        option->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
        const auto segment = static_cast<std::uint16_t>(first.data.size());
        std::memcpy(CMSG_DATA(option), &segment, sizeof segment);
      }
    }

    const int taken =
        ::sendmmsg(descriptor_, messages.data(), static_cast<unsigned>(message_count), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken > 0) {
      for (int k = 0; k < taken; ++k) sent += counts[static_cast<std::size_t>(k)];
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno == EINTR) {
      continue;
    } else if (counts[0] > 1) {
      // EIO: the network device can not segment. Otherwise something about this run; one by one shows whom it concerns.
      if (errno == EIO) segments_ = false;
      single_before = sent + counts[0];
    } else {
      ++sent;  // no route, refused by a filter, too long, other family: as good as lost on the way
    }
  }
  return sent;
}

UdpSocket::Received UdpSocket::receive(ReceiveBuffer& buffer) {
  auto& headers = *buffer.headers_;
  for (std::size_t i = 0; i < kMessages; ++i) {
    msghdr& header = headers.messages[i].msg_hdr;
    header = {};
    header.msg_name = &headers.addresses[i].any;
    header.msg_namelen = sizeof(sockaddr_in6);
    header.msg_iov = &headers.parts[i];
    header.msg_iovlen = 1;
    header.msg_control = &headers.controls[i];
    header.msg_controllen = sizeof headers.controls[i];
  }
  buffer.datagrams_.clear();
  const int count = ::recvmmsg(descriptor_, headers.messages.data(), kMessages, MSG_DONTWAIT, nullptr);
  // EAGAIN: nothing there. Anything else is an error noted for an earlier send, told once; the next call shows the
  // rest.
  if (count < 0) return {{}, errno != EAGAIN && errno != EWOULDBLOCK, 0};

  Received received{{}, static_cast<std::size_t>(count) == kMessages, 0};
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    msghdr& header = headers.messages[i].msg_hdr;
    const std::size_t size = headers.messages[i].msg_len;
    std::size_t segment = size;
    for (cmsghdr* option = CMSG_FIRSTHDR(&header); option != nullptr; option = CMSG_NXTHDR(&header, option)) {
      if (option->cmsg_level != SOL_UDP || option->cmsg_type != UDP_GRO) continue;
      int value = 0;
      std::memcpy(&value, CMSG_DATA(option), sizeof value);
      if (value > 0) segment = static_cast<std::size_t>(value);
    }
    const Endpoint from = from_system(headers.addresses[i]);
    auto* at = static_cast<std::byte*>(headers.parts[i].iov_base);
    std::size_t left = size;
    do {  // also once for an empty datagram
      const std::size_t length = std::min(left, segment);
      if (length > node::kDatagramSizeMax) {
        ++received.oversize;
      } else {
        buffer.datagrams_.push_back({from, {at, length}});
      }
      at += length;
      left -= length;
    } while (left > 0);
  }
  received.datagrams = buffer.datagrams_;
  return received;
}

}  // namespace quantumgate::platform
