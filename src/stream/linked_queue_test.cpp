// SPDX-License-Identifier: MIT
// Goal: the queue keeps its order whatever is removed, and an element can stand in two queues of different links.
// Method: a few elements by hand, then random operations beside a std::list.
#include "stream/linked_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <list>
#include <vector>

#include "sim/random.hpp"

namespace quantumgate::stream {
namespace {

struct Item {
  int number = 0;
  QueueLinks<Item> one, other;
};
using One = LinkedQueue<Item, &Item::one>;
using Other = LinkedQueue<Item, &Item::other>;

template <class Queue>
std::vector<int> numbers(const Queue& queue) {
  std::vector<int> found;
  for (const Item* item = queue.front(); item; item = Queue::after(*item)) found.push_back(item->number);
  return found;
}

TEST(LinkedQueueTest, TwoQueuesOfDifferentLinks) {
  std::array<Item, 3> items{Item{0}, Item{1}, Item{2}};
  One one;
  Other other;
  EXPECT_TRUE(one.empty());
  EXPECT_EQ(one.pop_front(), nullptr);
  for (Item& item : items) one.push_back(item);
  one.push_back(items[0]);  // is there already
  other.push_back(items[2]);
  other.push_back(items[0]);
  EXPECT_EQ(numbers(one), (std::vector{0, 1, 2}));
  EXPECT_EQ(numbers(other), (std::vector{2, 0}));
  one.remove(items[1]);
  one.remove(items[1]);  // is gone already
  EXPECT_EQ(numbers(one), (std::vector{0, 2}));
  EXPECT_FALSE(One::holds(items[1]));
  EXPECT_EQ(one.pop_front(), &items[0]);
  EXPECT_EQ(one.pop_front(), &items[2]);
  EXPECT_TRUE(one.empty());
  EXPECT_EQ(numbers(other), (std::vector{2, 0}));
}

TEST(LinkedQueueTest, AsAListWouldDoIt) {
  sim::SeededRandom random(7);
  std::vector<Item> items(8);
  for (std::size_t i = 0; i < items.size(); ++i) items[i].number = static_cast<int>(i);
  One queue;
  std::list<int> model;
  for (int step = 0; step < 10'000; ++step) {
    Item& item = items[random.below(items.size())];
    const bool queued = std::ranges::find(model, item.number) != model.end();
    ASSERT_EQ(One::holds(item), queued);
    if (random.below(2) == 0) {
      queue.push_back(item);
      if (!queued) model.push_back(item.number);
    } else {
      queue.remove(item);
      model.remove(item.number);
    }
    ASSERT_EQ(numbers(queue), std::vector<int>(model.begin(), model.end()));
  }
}

}  // namespace
}  // namespace quantumgate::stream
