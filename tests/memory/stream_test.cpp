#include "neuract/memory/stream.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

namespace neuract::memory {
namespace {

using namespace std::chrono_literals;

TEST(Stream, RunsWorkInTheOrderItWasSubmitted) {
  Stream stream = Stream::create().value();
  std::vector<int> order;
  for (int i = 0; i < 100; ++i)
    stream.submit([&order, i]() -> Result<void> {
      order.push_back(i);
      return {};
    });
  ASSERT_TRUE(stream.synchronize());
  ASSERT_EQ(order.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(Stream, LetsTheCallerGoOn) {
  std::promise<void> gate;
  Stream stream = Stream::create().value();
  stream.submit([opened = std::make_shared<std::future<void>>(gate.get_future())]() -> Result<void> {
    opened->wait();
    return {};
  });
  const Event event = stream.record();
  EXPECT_FALSE(event.reached());
  gate.set_value();
  EXPECT_TRUE(event.wait());
  EXPECT_TRUE(event.reached());
}

TEST(Stream, FinishesItsWorkBeforeItGoes) {
  std::atomic<int> done = 0;
  {
    Stream stream = Stream::create().value();
    for (int i = 0; i < 50; ++i)
      stream.submit([&done]() -> Result<void> {
        ++done;
        return {};
      });
  }
  EXPECT_EQ(done, 50);
}

TEST(Stream, FirstErrorReachesEveryWaiterAndSkipsLaterWork) {
  Stream stream = Stream::create().value();
  bool ran = false;
  const Event before = stream.record();
  stream.submit([]() -> Result<void> { return fail(ErrorCode::io, "first"); });
  stream.submit([&ran]() -> Result<void> {
    ran = true;
    return fail(ErrorCode::io, "second");
  });
  const Event after = stream.record();
  EXPECT_TRUE(before.wait()) << "what came before the failure succeeded";
  EXPECT_EQ(after.wait().error().message, "first");
  EXPECT_EQ(elapsed_ms(before, after).error().message, "first");
  EXPECT_EQ(stream.synchronize().error().message, "first");
  EXPECT_FALSE(ran);
  EXPECT_TRUE(stream.synchronize()) << "reported once";
  stream.submit([&ran]() -> Result<void> {
    ran = true;
    return {};
  });
  EXPECT_TRUE(stream.synchronize());
  EXPECT_TRUE(ran);
}

TEST(Stream, ExceptionInWorkBecomesAnError) {
  Stream stream = Stream::create().value();
  stream.submit([]() -> Result<void> { throw std::runtime_error("thrown"); });
  const auto result = stream.synchronize();
  EXPECT_EQ(result.error().code, ErrorCode::internal);
  EXPECT_NE(result.error().message.find("thrown"), std::string::npos);
  stream.submit([]() -> Result<void> { throw 3; });
  EXPECT_EQ(stream.synchronize().error().code, ErrorCode::internal);
}

TEST(Stream, WaitsForAnEventOfAnotherStream) {
  Stream producer = Stream::create().value();
  Stream consumer = Stream::create().value();
  int value = 0, seen = 0;
  producer.submit([&value]() -> Result<void> {
    std::this_thread::sleep_for(5ms);
    value = 42;
    return {};
  });
  ASSERT_TRUE(consumer.wait(producer.record()));
  consumer.submit([&]() -> Result<void> {
    seen = value;
    return {};
  });
  ASSERT_TRUE(consumer.synchronize());
  EXPECT_EQ(seen, 42);
}

TEST(Stream, ErrorTravelsThroughEventsToOtherStreams) {
  Stream producer = Stream::create().value();
  Stream consumer = Stream::create().value();
  producer.submit([]() -> Result<void> { return fail(ErrorCode::device, "broken"); });
  ASSERT_TRUE(consumer.wait(producer.record()));
  EXPECT_EQ(consumer.synchronize().error().message, "broken");
}

TEST(Stream, WaitingForItselfIsRefusedInsteadOfHanging) {
  Stream stream = Stream::create().value();
  stream.submit([&stream] { return stream.synchronize(); });
  EXPECT_EQ(stream.synchronize().error().code, ErrorCode::invalid_argument);
}

TEST(Stream, TakesWorkFromManyThreads) {
  Stream stream = Stream::create().value();
  int count = 0;  // the stream's thread only
  std::vector<std::thread> threads;
  threads.reserve(3);
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i)
        stream.submit([&count]() -> Result<void> {
          ++count;
          return {};
        });
      EXPECT_TRUE(stream.synchronize());
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count, 300);
}

TEST(Event, MeasuresTheTimeBetweenTwoPoints) {
  Stream stream = Stream::create().value();
  const Event start = stream.record();
  stream.submit([]() -> Result<void> {
    std::this_thread::sleep_for(10ms);
    return {};
  });
  const Event stop = stream.record();
  ASSERT_TRUE(stop.wait());
  EXPECT_GE(elapsed_ms(start, stop).value(), 10.0);
  EXPECT_LE(elapsed_ms(stop, start).value(), -10.0);
}

TEST(Event, NeverRecordedIsAnErrorAndNotAHang) {
  const Event event;
  EXPECT_FALSE(event.recorded());
  EXPECT_FALSE(event.reached());
  EXPECT_EQ(event.wait().error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(elapsed_ms(event, event).error().code, ErrorCode::invalid_argument);
  Stream stream = Stream::create().value();
  EXPECT_EQ(stream.wait(event).error().code, ErrorCode::invalid_argument);
}

TEST(Event, NotReachedYetHasNoTime) {
  std::promise<void> gate;
  Stream stream = Stream::create().value();
  stream.submit([opened = std::make_shared<std::future<void>>(gate.get_future())]() -> Result<void> {
    opened->wait();
    return {};
  });
  const Event event = stream.record();
  EXPECT_EQ(elapsed_ms(event, event).error().code, ErrorCode::busy);
  gate.set_value();
}

TEST(Event, RecordedAgainMovesOnAndItsCopyStays) {
  Stream stream = Stream::create().value();
  Event event = stream.record();
  const Event first = event;
  ASSERT_TRUE(first.wait());
  std::this_thread::sleep_for(2ms);
  stream.record(event);
  ASSERT_TRUE(event.wait());
  EXPECT_GE(elapsed_ms(first, event).value(), 2.0);
}

TEST(Event, OutlivesItsStream) {
  Event event;
  { event = Stream::create().value().record(); }
  EXPECT_TRUE(event.wait());
}

}  // namespace
}  // namespace neuract::memory
