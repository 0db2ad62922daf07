// SPDX-License-Identifier: MIT
// ML-KEM-768 and -1024 as FIPS 203 (August 2024) writes them down; names and algorithm numbers are its own.
//
// Constant time: no branch, no index and no division depends on a secret. What is public, and may be branched on: the
// matrix seed rho and everything sampled from it, encapsulation keys, sizes, and whether a key is well formed.
//
// A polynomial at rest has all coefficients in [0, q). Only the inside of a function lets them grow, and says how far.
#include "crypto/ml_kem_native.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>

#include "base/check.hpp"
#include "crypto/declassify.hpp"
#include "crypto/openssl.hpp"

namespace quantumgate::crypto::native {
namespace {

constexpr std::size_t kN = 256;               // coefficients of a polynomial
constexpr std::int16_t kQ = 3329;             // their modulus
constexpr std::size_t kPolynomialSize = 384;  // bytes of a polynomial encoded with 12 bits per coefficient
constexpr std::size_t kPrfSize = 128;         // 64 * eta; eta1 = eta2 = 2 in both parameter sets

// ---------------------------------------------------------------------------------------------------------------------
// Hash functions (FIPS 203, 4.1): OpenSSL's, whose Keccak is fast and free of secret-dependent branches and loads.

// One of them. The context is kept and reused: creating one costs as much as hashing a block. OpenSSL wipes its state
// when it is freed.
class Keccak {
 public:
  explicit Keccak(const EVP_MD* function) : function_(function), context_(EVP_MD_CTX_new()) {
    CHECK(context_ != nullptr);
  }

  // Fills `out` with the digest of the parts. For SHAKE any size goes.
  void operator()(std::initializer_list<BytesView> parts, MutableBytesView out) {
    CHECK(EVP_DigestInit_ex(context_.get(), function_, nullptr) == 1);
    for (const BytesView part : parts) CHECK(EVP_DigestUpdate(context_.get(), part.data(), part.size()) == 1);
    if ((EVP_MD_get_flags(function_) & EVP_MD_FLAG_XOF) != 0) {
      CHECK(EVP_DigestFinalXOF(context_.get(), octets(out), out.size()) == 1);
    } else {
      CHECK(out.size() == static_cast<std::size_t>(EVP_MD_get_size(function_)));
      CHECK(EVP_DigestFinal_ex(context_.get(), octets(out), nullptr) == 1);
    }
  }

 private:
  const EVP_MD* function_;
  EvpMdCtx context_;
};

// Looked up once and kept for the life of the process: a lookup takes a lock and costs more than hashing a block.
const EVP_MD* fetch(const char* name) {
  const EVP_MD* function = EVP_MD_fetch(nullptr, name, nullptr);
  CHECK(function != nullptr);
  return function;
}

// The functions that one call needs, under the names of the standard.
struct Hashes {
  struct Functions {
    const EVP_MD* shake128 = fetch("SHAKE128");
    const EVP_MD* shake256 = fetch("SHAKE256");
    const EVP_MD* sha3_256 = fetch("SHA3-256");
    const EVP_MD* sha3_512 = fetch("SHA3-512");
  };
  static const Functions& functions() {
    static const Functions functions;
    return functions;
  }

  Keccak xof{functions().shake128};
  Keccak prf{functions().shake256};  // also J
  Keccak h{functions().sha3_256};
  Keccak g{functions().sha3_512};
};

// ---------------------------------------------------------------------------------------------------------------------
// Arithmetic modulo q

// Hides from the compiler what it knows about a value, so that it can not turn arithmetic on a secret bit back into a
// branch (clang has done so to other implementations).
template <class T>
T opaque(T value) {
  asm("" : "+r"(value));
  return value;
}

// The upper half of a product, rounded down. Written like this it is one vector instruction on most processors; so are
// the three functions below.
constexpr std::int16_t multiply_high(std::int16_t a, std::int16_t b) { return static_cast<std::int16_t>(a * b >> 16); }

// The one integer in [0, q) that is congruent to `a` (Barrett): subtracts q times the nearest integer to
// a * 20159 / 2^26. That estimate of a / q is off by less than 0.0001 before rounding, so the remainder before the last
// line lies in [-1665, 1665].
constexpr std::int16_t reduce(std::int16_t a) {
  const auto quotient = static_cast<std::int16_t>((multiply_high(a, 20159) + (1 << 9)) >> 10);
  const auto remainder = static_cast<std::int16_t>(a - quotient * kQ);
  return static_cast<std::int16_t>(remainder + ((remainder >> 15) & kQ));
}

constexpr std::int16_t kQInverse = -3327;  // q * -3327 = 1 modulo 2^16

// a * b / 2^16 modulo q (Montgomery), in [-q, q], for |b| <= q and any a. The lower halves of a * b and of m * q are
// equal, so the difference of the upper halves is the exact quotient.
constexpr std::int16_t montgomery_multiply(std::int16_t a, std::int16_t b) {
  const auto m = static_cast<std::int16_t>(static_cast<std::uint16_t>(a * b) * kQInverse);
  return static_cast<std::int16_t>(multiply_high(a, b) - multiply_high(m, kQ));
}

// The same for a 32-bit number instead of a product: a / 2^16 modulo q, in [-q, q], for |a| <= q * 2^15.
constexpr std::int16_t montgomery_reduce(std::int32_t a) {
  const auto m = static_cast<std::int16_t>(static_cast<std::uint16_t>(a) * kQInverse);
  return static_cast<std::int16_t>((a - m * kQ) >> 16);
}

// Known at compile time: a * 2^(16 * power) modulo q, the form that montgomery_multiply() takes factors in.
consteval std::int16_t montgomery_form(std::int64_t a, int power = 1) {
  for (int i = 0; i < power; ++i) a = (a << 16) % kQ;
  return static_cast<std::int16_t>(a);
}

// 17^exponent(i) modulo q in Montgomery form, for i < 128; 17 is a primitive 256th root of one.
template <class Exponent>
consteval std::array<std::int16_t, 128> powers_of_zeta(Exponent exponent) {
  std::array<std::int16_t, 128> table{};
  for (unsigned i = 0; i < table.size(); ++i) {
    std::int64_t power = 1;
    for (unsigned n = exponent(i); n > 0; --n) power = power * 17 % kQ;
    table[i] = montgomery_form(power);
  }
  return table;
}
constexpr unsigned reverse_7_bits(unsigned i) {
  unsigned reversed = 0;
  for (int bit = 0; bit < 7; ++bit) reversed |= ((i >> bit) & 1) << (6 - bit);
  return reversed;
}
constexpr auto kZetas = powers_of_zeta([](unsigned i) { return reverse_7_bits(i); });           // for the NTT
constexpr auto kGammas = powers_of_zeta([](unsigned i) { return 2 * reverse_7_bits(i) + 1; });  // for its products

// ---------------------------------------------------------------------------------------------------------------------
// Polynomials. Which of the two rings one belongs to is part of its type.

template <class Ring>
struct Polynomial {
  Polynomial() = default;
  Polynomial(const Polynomial&) = default;
  Polynomial& operator=(const Polynomial&) = default;
  ~Polynomial() { wipe(std::as_writable_bytes(std::span(coefficients))); }

  // Borrows the coefficients of another ring's polynomial as they are; only the transforms may do that.
  template <class Other>
  static Polynomial reinterpret(const Polynomial<Other>& other) {
    Polynomial result;
    result.coefficients = other.coefficients;
    return result;
  }

  std::int16_t& operator[](std::size_t i) { return coefficients[i]; }
  std::int16_t operator[](std::size_t i) const { return coefficients[i]; }

  Polynomial& operator+=(const Polynomial& other) {
    for (std::size_t i = 0; i < kN; ++i) {
      coefficients[i] = reduce(static_cast<std::int16_t>(coefficients[i] + other[i]));
    }
    return *this;
  }
  Polynomial& operator-=(const Polynomial& other) {
    for (std::size_t i = 0; i < kN; ++i) {
      coefficients[i] = reduce(static_cast<std::int16_t>(coefficients[i] - other[i]));
    }
    return *this;
  }

  std::array<std::int16_t, kN> coefficients{};
};
using Ordinary = Polynomial<struct OrdinaryRing>;        // of R_q
using Transformed = Polynomial<struct TransformedRing>;  // of T_q, what the NTT makes of R_q
using Compressed = Polynomial<struct SmallIntegers>;     // d-bit integers between packing and (de)compressing

template <std::size_t k>
using TransformedVector = std::array<Transformed, k>;
template <std::size_t k>
using OrdinaryVector = std::array<Ordinary, k>;

// One layer of algorithm 9 or 10: hands `butterfly` each pair of coefficients that are `length` apart, and their zeta.
// `length` is a template parameter so that the compiler can use vector instructions.
template <std::size_t length, int step, class Butterfly>
void ntt_layer(std::array<std::int16_t, kN>& f, std::size_t& zeta, Butterfly butterfly) {
  for (std::size_t start = 0; start < kN; start += 2 * length) {
    const std::int16_t factor = kZetas[zeta];
    zeta += step;
    for (std::size_t j = 0; j < length; ++j) butterfly(f[start + j], f[start + length + j], factor);
  }
}

// Algorithm 9, NTT.
Transformed ntt(const Ordinary& f) {
  auto result = Transformed::reinterpret(f);
  auto& c = result.coefficients;
  // Each of the 7 layers adds at most q to the magnitude, so it stays below 8 q < 2^15.
  const auto butterfly = [](std::int16_t& a, std::int16_t& b, std::int16_t factor) {
    const std::int16_t t = montgomery_multiply(b, factor);
    b = static_cast<std::int16_t>(a - t);
    a = static_cast<std::int16_t>(a + t);
  };
  std::size_t zeta = 1;
  ntt_layer<128, 1>(c, zeta, butterfly);
  ntt_layer<64, 1>(c, zeta, butterfly);
  ntt_layer<32, 1>(c, zeta, butterfly);
  ntt_layer<16, 1>(c, zeta, butterfly);
  ntt_layer<8, 1>(c, zeta, butterfly);
  ntt_layer<4, 1>(c, zeta, butterfly);
  ntt_layer<2, 1>(c, zeta, butterfly);
  for (auto& coefficient : c) coefficient = reduce(coefficient);
  return result;
}

// Algorithm 10, the inverse of the NTT.
Ordinary inverse_ntt(const Transformed& f) {
  auto result = Ordinary::reinterpret(f);
  auto& c = result.coefficients;
  // What enters a layer lies in [-q, q], so sums and differences fit easily.
  const auto butterfly = [](std::int16_t& a, std::int16_t& b, std::int16_t factor) {
    const std::int16_t t = a;
    a = reduce(static_cast<std::int16_t>(t + b));
    b = montgomery_multiply(static_cast<std::int16_t>(b - t), factor);
  };
  std::size_t zeta = 127;
  ntt_layer<2, -1>(c, zeta, butterfly);
  ntt_layer<4, -1>(c, zeta, butterfly);
  ntt_layer<8, -1>(c, zeta, butterfly);
  ntt_layer<16, -1>(c, zeta, butterfly);
  ntt_layer<32, -1>(c, zeta, butterfly);
  ntt_layer<64, -1>(c, zeta, butterfly);
  ntt_layer<128, -1>(c, zeta, butterfly);
  constexpr std::int16_t kInverseOf128 = montgomery_form(3303);
  for (auto& coefficient : c) coefficient = reduce(montgomery_multiply(coefficient, kInverseOf128));
  return result;
}

// A sum of products in T_q (algorithms 11 and 12, MultiplyNTTs and BaseCaseMultiply), reduced once at the end.
class SumOfProducts {
 public:
  SumOfProducts() = default;
  SumOfProducts(const SumOfProducts&) = delete;
  SumOfProducts& operator=(const SumOfProducts&) = delete;
  ~SumOfProducts() { wipe(std::as_writable_bytes(std::span(sums_))); }

  // At most 4 times: each adds at most 2 q^2 to a magnitude, and total() can reduce up to 2^15 q, more than 9 q^2.
  void add(const Transformed& f, const Transformed& g) {
    for (std::size_t i = 0; i < kN / 2; ++i) {
      const std::int16_t f0 = f[2 * i], f1 = f[2 * i + 1];
      const std::int16_t g0 = g[2 * i], g1 = g[2 * i + 1];
      sums_[2 * i] += f0 * g0 + montgomery_multiply(f1, g1) * kGammas[i];
      sums_[2 * i + 1] += f0 * g1 + f1 * g0;
    }
  }
  Transformed total() const {
    constexpr std::int16_t kUndoMontgomery = montgomery_form(1, 2);
    Transformed result;
    for (std::size_t i = 0; i < kN; ++i) {
      result[i] = reduce(montgomery_multiply(montgomery_reduce(sums_[i]), kUndoMontgomery));
    }
    return result;
  }

 private:
  std::array<std::int32_t, kN> sums_{};
};

template <std::size_t k>
Transformed inner_product(const TransformedVector<k>& f, const TransformedVector<k>& g) {
  SumOfProducts sum;
  for (std::size_t i = 0; i < k; ++i) sum.add(f[i], g[i]);
  return sum.total();
}

// ---------------------------------------------------------------------------------------------------------------------
// Bytes and bits (FIPS 203, 4.2.1)

// Algorithm 5, ByteEncode: 8 integers of d bits make d bytes, least significant bit first.
template <unsigned d, class Ring>
void encode(const Polynomial<Ring>& f, std::span<std::byte, 32 * d> out) {
  std::uint32_t bits = 0;
  unsigned count = 0;
  std::size_t position = 0;
  for (const std::int16_t integer : f.coefficients) {
    bits |= static_cast<std::uint32_t>(integer) << count;
    for (count += d; count >= 8; count -= 8, bits >>= 8) out[position++] = static_cast<std::byte>(bits);
  }
}

// Algorithm 6, ByteDecode, but for d = 12 without its reduction modulo q.
template <unsigned d, class Ring>
Polynomial<Ring> decode(std::span<const std::byte, 32 * d> in) {
  Polynomial<Ring> f;
  std::uint32_t bits = 0;
  unsigned count = 0;
  std::size_t position = 0;
  for (auto& integer : f.coefficients) {
    for (; count < d; count += 8) bits |= std::to_integer<std::uint32_t>(in[position++]) << count;
    integer = static_cast<std::int16_t>(bits & ((1U << d) - 1));
    bits >>= d;
    count -= d;
  }
  return f;
}

// Compress_d of one coefficient (4.7): x * 2^d / q, rounded, modulo 2^d. The division by q is a multiplication by
// 2^36 / q, rounded up: a real one would tell the secret by the time it takes (KyberSlash).
template <unsigned d>
constexpr std::int16_t compress(std::int16_t x) {
  constexpr std::uint64_t kReciprocal = (std::uint64_t{1} << 36) / kQ + 1;
  const std::uint64_t numerator = (static_cast<std::uint64_t>(x) << d) + kQ / 2;
  return static_cast<std::int16_t>((numerator * kReciprocal >> 36) & ((1U << d) - 1));
}
// Decompress_d (4.8).
template <unsigned d>
constexpr std::int16_t decompress(std::int16_t y) {
  return static_cast<std::int16_t>((y * kQ + (1 << (d - 1))) >> d);
}

template <unsigned d>
consteval bool compress_divides_exactly() {
  for (std::int16_t x = 0; x < kQ; ++x) {
    if (compress<d>(x) != ((x << d) + kQ / 2) / kQ % (1 << d)) return false;
  }
  return true;
}
static_assert(compress_divides_exactly<1>() && compress_divides_exactly<4>() && compress_divides_exactly<5>() &&
              compress_divides_exactly<10>() && compress_divides_exactly<11>());

template <unsigned d>
void compress_and_encode(const Ordinary& f, std::span<std::byte, 32 * d> out) {
  Compressed small;
  for (std::size_t i = 0; i < kN; ++i) small[i] = compress<d>(f[i]);
  encode<d>(small, out);
}
template <unsigned d>
Ordinary decode_and_decompress(std::span<const std::byte, 32 * d> in) {
  const auto small = decode<d, struct SmallIntegers>(in);
  Ordinary f;
  for (std::size_t i = 0; i < kN; ++i) f[i] = decompress<d>(opaque(small[i]));
  return f;
}

template <std::size_t k>
void encode_vector(const TransformedVector<k>& vector, std::span<std::byte, kPolynomialSize * k> out) {
  for (std::size_t i = 0; i < k; ++i) {
    encode<12>(vector[i], out.subspan(i * kPolynomialSize).template first<kPolynomialSize>());
  }
}
template <std::size_t k>
TransformedVector<k> decode_vector(std::span<const std::byte, kPolynomialSize * k> in) {
  TransformedVector<k> vector;
  for (std::size_t i = 0; i < k; ++i) {
    vector[i] = decode<12, struct TransformedRing>(in.subspan(i * kPolynomialSize).template first<kPolynomialSize>());
    for (auto& coefficient : vector[i].coefficients) coefficient = reduce(coefficient);
  }
  return vector;
}

// ---------------------------------------------------------------------------------------------------------------------
// Sampling (FIPS 203, 4.2.2)

using Seed = std::span<const std::byte, 32>;

std::array<std::byte, 1> as_byte(std::size_t number) { return {static_cast<std::byte>(number)}; }

// Algorithm 7, SampleNTT: the matrix element that rho ‖ first ‖ second stands for. All public.
//
// Rejection sampling wants a hash that can be squeezed bit by bit, which OpenSSL has only since 3.3. Three blocks of
// SHAKE128 suffice for 99 elements of 100; else the hash is computed once more, to the 280 iterations after which the
// standard lets an implementation give up (appendix B): that happens with probability 2^-261, so never.
Transformed sample_ntt(Hashes& hashes, Seed rho, std::size_t first, std::size_t second) {
  constexpr std::size_t kBlock = 168;
  std::array<std::byte, 280 * 3> stream;
  static_assert(stream.size() % kBlock == 0);
  std::array<std::int16_t, kN + 1> found;  // one more than asked for when the last three bytes give two
  std::size_t count = 0;
  for (const std::size_t size : {3 * kBlock, stream.size()}) {
    hashes.xof({rho, as_byte(first), as_byte(second)}, MutableBytesView(stream).first(size));
    count = 0;
    for (std::size_t i = 0; i < size && count < kN; i += 3) {
      const auto b0 = std::to_integer<std::int16_t>(stream[i]);
      const auto b1 = std::to_integer<std::int16_t>(stream[i + 1]);
      const auto b2 = std::to_integer<std::int16_t>(stream[i + 2]);
      // Counting instead of branching: a branch here would be guessed wrong all the time.
      found[count] = static_cast<std::int16_t>(b0 | (b1 & 15) << 8);
      count += found[count] < kQ;
      found[count] = static_cast<std::int16_t>(b1 >> 4 | b2 << 4);
      count += found[count] < kQ;
    }
    if (count >= kN) break;
  }
  CHECK(count >= kN);
  Transformed a;
  std::copy_n(found.begin(), kN, a.coefficients.begin());
  return a;
}

// Algorithm 8, SamplePolyCBD with eta = 2, on PRF(seed, n): each coefficient is the difference of two 2-bit sums.
Ordinary sample_poly_cbd(Hashes& hashes, Seed seed, std::size_t n) {
  Secret<kPrfSize> stream;
  hashes.prf({seed, as_byte(n)}, stream.mutable_view());
  Ordinary f;
  for (std::size_t i = 0; i < kN / 2; ++i) {
    const auto bits = std::to_integer<unsigned>(stream.view()[i]);
    const unsigned sums = (bits & 0x55) + (bits >> 1 & 0x55);
    f[2 * i] = reduce(static_cast<std::int16_t>((sums & 3) - (sums >> 2 & 3)));
    f[2 * i + 1] = reduce(static_cast<std::int16_t>((sums >> 4 & 3) - (sums >> 6)));
  }
  return f;
}

// ---------------------------------------------------------------------------------------------------------------------
// All ones if `a` equals `b`, else zero.
std::uint8_t equality_mask(BytesView a, BytesView b) {
  CHECK(a.size() == b.size());
  std::uint32_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= std::to_integer<std::uint32_t>(a[i] ^ b[i]);
  return static_cast<std::uint8_t>(opaque(difference - 1) >> 8);
}

// A parameter set of FIPS 203, table 2.
template <std::size_t k, unsigned du, unsigned dv>
class MlKem {
  static constexpr std::size_t kVectorSize = kPolynomialSize * k;
  static constexpr std::size_t kEncapsulationKeySize = kVectorSize + 32;
  static constexpr std::size_t kDecapsulationKeySize = kVectorSize + kEncapsulationKeySize + 64;
  static constexpr std::size_t kCiphertextSize = 32 * (du * k + dv);

  using EncapsulationKey = std::span<const std::byte, kEncapsulationKeySize>;
  using Ciphertext = std::span<const std::byte, kCiphertextSize>;

  // A decapsulation key is dk_pke ‖ ek ‖ H(ek) ‖ z.
  template <class Byte>
  struct DecapsulationKey {
    explicit DecapsulationKey(std::span<Byte, kDecapsulationKeySize> all)
        : dk_pke(all.template first<kVectorSize>()),
          ek(all.template subspan<kVectorSize, kEncapsulationKeySize>()),
          hash(all.template subspan<kVectorSize + kEncapsulationKeySize, 32>()),
          z(all.template last<32>()) {}
    std::span<Byte, kVectorSize> dk_pke;
    std::span<Byte, kEncapsulationKeySize> ek;
    std::span<Byte, 32> hash;
    std::span<Byte, 32> z;
  };

  // Algorithm 13, K-PKE.KeyGen. Writes dk_pke and ek of `key`.
  static void pke_generate(Hashes& hashes, Seed d, DecapsulationKey<std::byte> key) {
    Secret<64> rho_and_sigma;
    hashes.g({d, as_byte(k)}, rho_and_sigma.mutable_view());
    const Seed rho = rho_and_sigma.view().template first<32>();
    const Seed sigma = rho_and_sigma.view().template last<32>();
    declassify(rho);

    TransformedVector<k> s;
    for (std::size_t i = 0; i < k; ++i) s[i] = ntt(sample_poly_cbd(hashes, sigma, i));
    TransformedVector<k> t;
    for (std::size_t i = 0; i < k; ++i) {
      SumOfProducts sum;
      for (std::size_t j = 0; j < k; ++j) sum.add(sample_ntt(hashes, rho, j, i), s[j]);
      t[i] = sum.total();
      t[i] += ntt(sample_poly_cbd(hashes, sigma, k + i));
    }
    encode_vector<k>(s, key.dk_pke);
    encode_vector<k>(t, key.ek.template first<kVectorSize>());
    std::ranges::copy(rho, key.ek.template last<32>().begin());
    declassify(key.ek);
  }

  // Algorithm 14, K-PKE.Encrypt.
  static void pke_encrypt(Hashes& hashes, EncapsulationKey ek, Seed m, Seed r,
                          std::span<std::byte, kCiphertextSize> c) {
    const auto t = decode_vector<k>(ek.template first<kVectorSize>());
    const Seed rho = ek.template last<32>();

    TransformedVector<k> y;
    for (std::size_t i = 0; i < k; ++i) y[i] = ntt(sample_poly_cbd(hashes, r, i));
    for (std::size_t i = 0; i < k; ++i) {
      SumOfProducts sum;
      for (std::size_t j = 0; j < k; ++j) sum.add(sample_ntt(hashes, rho, i, j), y[j]);  // of the transposed matrix
      Ordinary u = inverse_ntt(sum.total());
      u += sample_poly_cbd(hashes, r, k + i);
      compress_and_encode<du>(u, c.subspan(i * 32 * du).template first<32 * du>());
    }
    Ordinary v = inverse_ntt(inner_product<k>(t, y));
    v += sample_poly_cbd(hashes, r, 2 * k);
    v += decode_and_decompress<1>(m);
    compress_and_encode<dv>(v, c.template last<32 * dv>());
  }

  // Algorithm 15, K-PKE.Decrypt.
  static Secret<32> pke_decrypt(std::span<const std::byte, kVectorSize> dk_pke, Ciphertext c) {
    const auto s = decode_vector<k>(dk_pke);
    TransformedVector<k> u;
    for (std::size_t i = 0; i < k; ++i) {
      u[i] = ntt(decode_and_decompress<du>(c.subspan(i * 32 * du).template first<32 * du>()));
    }
    Ordinary w = decode_and_decompress<dv>(c.template last<32 * dv>());
    w -= inverse_ntt(inner_product<k>(s, u));
    Secret<32> m;
    compress_and_encode<1>(w, m.mutable_view());
    return m;
  }

  // The shared secret K and the encryption randomness r of a message: G(m ‖ H(ek)).
  struct KeyAndRandomness {
    KeyAndRandomness(Hashes& hashes, Seed m, Seed hash) { hashes.g({m, hash}, bytes.mutable_view()); }
    Seed key() const { return bytes.view().template first<32>(); }
    Seed randomness() const { return bytes.view().template last<32>(); }
    Secret<64> bytes;
  };

 public:
  // Algorithm 16, ML-KEM.KeyGen_internal.
  static SecretBytes decapsulation_key(const Secret<kMlKemSeedSize>& seed) {
    Hashes hashes;
    SecretBytes bytes(kDecapsulationKeySize);
    const DecapsulationKey<std::byte> key(bytes.mutable_view().template first<kDecapsulationKeySize>());
    pke_generate(hashes, seed.view().template first<32>(), key);
    hashes.h({key.ek}, key.hash);
    std::ranges::copy(seed.view().template last<32>(), key.z.begin());
    return bytes;
  }
  static Bytes encapsulation_key(const Secret<kMlKemSeedSize>& seed) {
    const SecretBytes bytes = decapsulation_key(seed);
    const DecapsulationKey<const std::byte> key(bytes.view().template first<kDecapsulationKeySize>());
    return {key.ek.begin(), key.ek.end()};
  }

  // Section 7.2 and algorithm 17, ML-KEM.Encaps_internal.
  static std::optional<Secret<32>> encapsulate(BytesView encapsulation_key, const Secret<32>& m,
                                               MutableBytesView ciphertext) {
    CHECK(ciphertext.size() == kCiphertextSize);
    if (encapsulation_key.size() != kEncapsulationKeySize) return std::nullopt;
    const auto ek = encapsulation_key.template first<kEncapsulationKeySize>();
    for (std::size_t i = 0; i < k; ++i) {
      const auto f =
          decode<12, struct TransformedRing>(ek.subspan(i * kPolynomialSize).template first<kPolynomialSize>());
      for (const std::int16_t coefficient : f.coefficients) {
        if (coefficient >= kQ) return std::nullopt;
      }
    }

    Hashes hashes;
    std::array<std::byte, 32> hash;
    hashes.h({ek}, hash);
    const KeyAndRandomness derived(hashes, m.view(), hash);
    pke_encrypt(hashes, ek, m.view(), derived.randomness(), ciphertext.template first<kCiphertextSize>());
    return Secret<32>(derived.key());
  }

  // Section 7.3 and algorithm 18, ML-KEM.Decaps_internal.
  static std::optional<Secret<32>> decapsulate(BytesView decapsulation_key, BytesView ciphertext) {
    if (decapsulation_key.size() != kDecapsulationKeySize || ciphertext.size() != kCiphertextSize) return std::nullopt;
    const DecapsulationKey<const std::byte> key(decapsulation_key.template first<kDecapsulationKeySize>());
    const auto c = ciphertext.template first<kCiphertextSize>();

    Hashes hashes;
    std::array<std::byte, 32> hash;
    hashes.h({key.ek}, hash);
    if (!std::ranges::equal(hash, key.hash)) return std::nullopt;  // both are public

    const Secret<32> m = pke_decrypt(key.dk_pke, c);
    const KeyAndRandomness derived(hashes, m.view(), hash);
    Secret<32> rejection;  // K-bar, J(z ‖ c)
    hashes.prf({key.z, c}, rejection.mutable_view());
    Secret<kCiphertextSize> expected;
    pke_encrypt(hashes, key.ek, m.view(), derived.randomness(), expected.mutable_view());

    // Whether the ciphertext was honest is itself a secret.
    const std::byte honest{equality_mask(c, expected.view())};
    Secret<32> result;
    for (std::size_t i = 0; i < result.size(); ++i) {
      result.mutable_view()[i] = (derived.key()[i] & honest) | (rejection.view()[i] & ~honest);
    }
    return result;
  }
};

using MlKem768 = MlKem<3, 10, 4>;
using MlKem1024 = MlKem<4, 11, 5>;

}  // namespace

Bytes ml_kem_encapsulation_key(MlKemParameters p, const Secret<kMlKemSeedSize>& seed) {
  return p == MlKemParameters::ml_kem_768 ? MlKem768::encapsulation_key(seed) : MlKem1024::encapsulation_key(seed);
}

SecretBytes ml_kem_decapsulation_key(MlKemParameters p, const Secret<kMlKemSeedSize>& seed) {
  return p == MlKemParameters::ml_kem_768 ? MlKem768::decapsulation_key(seed) : MlKem1024::decapsulation_key(seed);
}

std::optional<Secret<32>> ml_kem_encapsulate(MlKemParameters p, BytesView encapsulation_key, const Secret<32>& m,
                                             MutableBytesView ciphertext) {
  return p == MlKemParameters::ml_kem_768 ? MlKem768::encapsulate(encapsulation_key, m, ciphertext)
                                          : MlKem1024::encapsulate(encapsulation_key, m, ciphertext);
}

std::optional<Secret<32>> ml_kem_decapsulate(MlKemParameters p, BytesView decapsulation_key, BytesView ciphertext) {
  return p == MlKemParameters::ml_kem_768 ? MlKem768::decapsulate(decapsulation_key, ciphertext)
                                          : MlKem1024::decapsulate(decapsulation_key, ciphertext);
}

}  // namespace quantumgate::crypto::native
