// SPDX-License-Identifier: MIT
// What the users at the two ends of a session do with its streams, for fuzz targets.
#pragma once

#include <array>
#include <optional>

#include "base/time.hpp"
#include "fuzz/input.hpp"
#include "stream/streams.hpp"

namespace quantumgate::fuzz {

// The sides are numbered: 0 began the session, 1 answered.
class Traffic {
 public:
  virtual ~Traffic() = default;
  // An end that comes later, or is gone (null): then nothing is asked of it any more.
  virtual void attach(int side, stream::Streams* streams) = 0;
  // Streams may be lost with their engine: the path may eat what the ends say about that.
  virtual void expect_loss() = 0;
  // Somebody who holds the keys said things of his own: from now on only bounds are looked at.
  void distrust() { honest_ = false; }
  bool honest() const { return honest_; }

  // One thing that the user of `side` does; the input says what.
  virtual void act(Input& input, int side) = 0;
  // Gives `side` what has happened to its streams.
  virtual void turn(int side, TimePoint now) = 0;
  virtual std::optional<TimePoint> deadline(int side) const = 0;
  // Says something that must arrive.
  virtual void say(int side) = 0;
  // Everybody says and hears all he can. True when nothing is left open that honest users could wait for.
  virtual bool wind_up() = 0;
  virtual void check() const = 0;

  // How many datagrams `side` has sent; they are numbered from 0.
  std::uint32_t& datagrams_sent(int side) { return datagrams_sent_.at(static_cast<std::size_t>(side)); }

 private:
  std::array<std::uint32_t, 2> datagrams_sent_{};
  bool honest_ = true;
};

}  // namespace quantumgate::fuzz
