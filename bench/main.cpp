// SPDX-License-Identifier: MIT
// qg_bench NAME: measures one thing once and prints the number, and that of what it is compared with if it measures
// that too. bench/run repeats, compares and explains. qg_bench flood prints a table of its own.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/measurements.hpp"
#include "crypto/aead.hpp"

namespace {

using namespace quantumgate;

const struct {
  const char* name;
  bench::Measured (*measure)();
} kMeasurements[] = {
    {"seal_1350_ns", bench::seal_1350_ns},
    {"open_1350_ns", bench::open_1350_ns},
    {"handshakes_per_s_initiator", bench::handshakes_per_s_initiator},
    {"handshakes_per_s_responder", bench::handshakes_per_s_responder},
    {"connect_first_byte_rtts", bench::connect_first_byte_rtts},
    {"stream_inproc_gbps", bench::stream_inproc_gbps},
    {"stream_2proc_gbps", bench::stream_2proc_gbps},
    {"stream_2proc_openssl_gbps", bench::stream_2proc_openssl_gbps},
    {"idle_session_bytes", bench::idle_session_bytes},
    {"open_stream_session_bytes", bench::open_stream_session_bytes},
    {"message_rate_64B", bench::message_rate_64B},
    {"udp_ping_pong_rate", bench::udp_ping_pong_rate},
};

}  // namespace

int main(int argc, char** argv) {
  // Inherited by the second process of a measurement.
  if (std::getenv("QG_BENCH_OPENSSL") != nullptr) crypto::use_aead_library(crypto::AeadLibrary::openssl);
  const std::string name = argc == 2 ? argv[1] : "";
  if (name == "serve_peer") return bench::serve_peer();
  if (name == "flood") return bench::flood();
  for (const auto& [known, measure] : kMeasurements) {
    if (name != known) continue;
    const bench::Measured measured = measure();
    std::printf("%.9g", measured.value);
    if (measured.beside) std::printf(" %.9g", *measured.beside);
    std::printf("\n");
    return 0;
  }
  std::fprintf(stderr, "usage: qg_bench NAME\nNAME is one of:\n");
  for (const auto& [known, measure] : kMeasurements) std::fprintf(stderr, "  %s\n", known);
  return 2;
}
