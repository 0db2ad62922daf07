// SPDX-License-Identifier: MIT
// Goal: the C interface does what its header says, and bad use of it is an error, not a crash.
// Method: two nodes on loopback with callbacks in C form; each wait is bounded.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "quantumgate/error.h"
#include "quantumgate/quantumgate_c.h"

namespace quantumgate {
namespace {

constexpr const char* kName = "org.example.test/1";
constexpr auto kLimit = std::chrono::seconds(30);

template <class T>
T wait(std::future<T> future) {
  if (future.wait_for(kLimit) != std::future_status::ready) {
    ADD_FAILURE() << "nothing came";
    return T();
  }
  return future.get();
}

// A node and what its extender was told.
struct Side {
  qg_node* handle = nullptr;
  qg_node* in_callback = nullptr;
  std::promise<std::string> message;
  std::promise<std::string> datagram;
  std::promise<std::string> peer_up;
  int takes_streams = 1;
  std::promise<std::string> stream_ended;  // what the streams that peers opened brought
  std::string received;

  ~Side() { EXPECT_EQ(qg_node_stop(handle), QG_OK); }

  static Side& of(void* context) { return *static_cast<Side*>(context); }
  static std::string text(const void* bytes, std::size_t size) { return {static_cast<const char*>(bytes), size}; }

  static void read(void* context, qg_stream* stream) {
    char piece[1000];
    std::size_t size = 0, written = 0;
    int at_end = 0;
    do {
      ASSERT_EQ(qg_stream_read(stream, piece, sizeof piece, &size, &at_end), QG_OK);
      of(context).received.append(piece, size);
      ASSERT_EQ(qg_stream_write(stream, piece, size, &written), QG_OK);
      ASSERT_EQ(written, size);
    } while (size > 0);
    if (!at_end) return;
    of(context).stream_ended.set_value(of(context).received);
    ASSERT_EQ(qg_stream_finish(stream), QG_OK);
    ASSERT_EQ(qg_stream_release(stream), QG_OK);  // the answer is delivered all the same
  }

  qg_extender extender() {
    qg_extender made = QG_INIT(qg_extender);
    made.name = kName;
    made.context = this;
    made.on_start = [](void* context, qg_node* node) { of(context).in_callback = node; };
    made.on_peer_up = [](void* context, const qg_peer* peer) {
      EXPECT_EQ(peer->size, sizeof *peer);
      EXPECT_NE(peer->post_quantum, 0);
      of(context).peer_up.set_value(peer->endpoint);
    };
    made.on_message = [](void* context, const qg_uuid*, const void* bytes, std::size_t size) {
      of(context).message.set_value(text(bytes, size));
    };
    made.on_datagram = [](void* context, const qg_uuid*, const void* bytes, std::size_t size) {
      of(context).datagram.set_value(text(bytes, size));
    };
    made.on_stream = [](void* context, qg_stream* stream) {
      qg_stream_callbacks callbacks = QG_INIT(qg_stream_callbacks);
      callbacks.context = context;
      callbacks.on_readable = read;
      EXPECT_EQ(qg_stream_listen(stream, &callbacks), QG_OK);
      return of(context).takes_streams;
    };
    return made;
  }

  qg_error start(const qg_node_options* options = nullptr) {
    const qg_extender made = extender();
    const qg_extender* extenders[] = {&made};
    qg_identity* identity = nullptr;
    if (const qg_error error = qg_identity_generate(&identity)) return error;
    const qg_error error = qg_node_start(identity, options, extenders, 1, &handle);
    qg_identity_free(identity);
    return error;
  }

  // Runs `work` on the node's thread and waits for it.
  void run(std::function<void()> work) {
    std::promise<bool> done;
    std::function<void()> all = [&] {
      work();
      done.set_value(true);
    };
    const auto call = [](void* context) { (*static_cast<std::function<void()>*>(context))(); };
    ASSERT_EQ(qg_node_post(handle, call, &all), QG_OK);
    wait(done.get_future());
  }
};

struct TwoNodes : testing::Test {
  void start(qg_node_options of_server, const qg_node_options* of_client = nullptr) {
    const char* listen[] = {"127.0.0.1:0"};
    of_server.listen = listen;
    of_server.listen_count = 1;
    ASSERT_EQ(server.start(&of_server), QG_OK);
    ASSERT_EQ(client.start(of_client), QG_OK);
    ASSERT_LE(qg_node_address(server.handle, address, sizeof address), sizeof address);
  }
  void dial(const qg_connect_options* options = nullptr) {
    ASSERT_EQ(qg_node_connect_wait(client.handle, address, options, &peer), QG_OK);
  }

  Side server, client;
  char address[200];  // the server's
  qg_uuid peer;       // the server, for the client
};

struct CApiTest : TwoNodes {
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(start(QG_INIT(qg_node_options)));
    ASSERT_NO_FATAL_FAILURE(dial());
  }
};

TEST(CApi, SaysWhatErrorsMean) {
  EXPECT_STREQ(qg_describe(QG_NO_SPACE), describe(ErrorCode::no_space));
  EXPECT_STREQ(qg_describe(QG_OK), "no error");
  EXPECT_STREQ(qg_describe(12345), "unknown error");
  EXPECT_STRNE(qg_version(), "");
}

TEST(CApi, Uuids) {
  qg_uuid uuid;
  char text[QG_UUID_TEXT_SIZE];
  EXPECT_EQ(qg_uuid_parse("nothing", &uuid), QG_MALFORMED);
  ASSERT_EQ(qg_uuid_parse("01234567-89AB-8DEF-8123-456789abcdef", &uuid), QG_OK);
  qg_uuid_format(&uuid, text);
  EXPECT_STREQ(text, "01234567-89ab-8def-8123-456789abcdef");
}

TEST(CApi, IdentitiesLiveInFiles) {
  std::string folder = (std::filesystem::temp_directory_path() / "qg-c-api-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string file = folder + "/key";
  qg_identity *made = nullptr, *loaded = nullptr;
  ASSERT_EQ(qg_identity_generate(&made), QG_OK);
  EXPECT_EQ(qg_identity_load(file.c_str(), nullptr, &loaded), QG_NOT_FOUND);
  ASSERT_EQ(qg_identity_save(made, file.c_str(), nullptr), QG_OK);
  EXPECT_EQ(qg_identity_save(made, file.c_str(), nullptr), QG_EXISTS);
  EXPECT_EQ(qg_identity_load(file.c_str(), "secret", &loaded), QG_WRONG_PASS_PHRASE);
  ASSERT_EQ(qg_identity_load(file.c_str(), nullptr, &loaded), QG_OK);
  qg_uuid first, second;
  ASSERT_EQ(qg_identity_uuid(made, &first), QG_OK);
  ASSERT_EQ(qg_identity_uuid(loaded, &second), QG_OK);
  EXPECT_EQ(std::memcmp(&first, &second, sizeof first), 0);
  qg_identity_free(made);
  qg_identity_free(loaded);
  std::filesystem::remove_all(folder);
}

TEST(CApi, StructuresOfOtherVersions) {
  struct Later {
    qg_node_options known = QG_INIT(qg_node_options);
    std::uint64_t added = 0;
  } later;
  later.known.size = sizeof later;
  Side side;
  later.added = 1;
  EXPECT_EQ(side.start(&later.known), QG_UNSUPPORTED);
  later.added = 0;
  EXPECT_EQ(side.start(&later.known), QG_OK);

  Side other;
  qg_node_options options = QG_INIT(qg_node_options);
  options.size = 0;
  EXPECT_EQ(other.start(&options), QG_INVALID_ARGUMENT);
  options.size = offsetof(qg_node_options, network);  // an earlier one; what lies behind is not looked at
  options.network = "";
  EXPECT_EQ(other.start(&options), QG_OK);
}

TEST(CApi, RefusesBadOptions) {
  Side side;
  const char* listen[] = {"localhost"};
  qg_node_options options = QG_INIT(qg_node_options);
  options.listen = listen;
  options.listen_count = 1;
  EXPECT_EQ(side.start(&options), QG_MALFORMED);
  options.listen_count = 0;
  options.network = "";
  EXPECT_EQ(side.start(&options), QG_INVALID_ARGUMENT);
  qg_node_options small = QG_INIT(qg_node_options);
  small.packet_size_max = 1231;
  EXPECT_EQ(side.start(&small), QG_INVALID_ARGUMENT);
  EXPECT_EQ(qg_node_start(nullptr, nullptr, nullptr, 0, &side.handle), QG_INVALID_ARGUMENT);
  EXPECT_EQ(qg_node_stop(nullptr), QG_OK);
}

TEST_F(CApiTest, AnAddressThatDoesNotFitIsCutShort) {
  char text[6];
  const std::size_t needed = qg_node_address(server.handle, text, sizeof text);
  EXPECT_STREQ(text, "qg://");
  EXPECT_GT(needed, sizeof text);
  EXPECT_EQ(qg_node_address(server.handle, nullptr, 0), needed);
}

TEST_F(CApiTest, PeersMessagesAndDatagrams) {
  EXPECT_EQ(wait(client.peer_up.get_future()).substr(0, 10), "127.0.0.1:");
  EXPECT_EQ(qg_send_message_wait(client.handle, &peer, kName, "a message", 9, 0), QG_OK);
  EXPECT_EQ(wait(server.message.get_future()), "a message");
  EXPECT_EQ(qg_send_message_wait(client.handle, &peer, "org.example.absent", "", 0, 0), QG_NOT_FOUND);
  client.run([&] {
    std::size_t size_max = 0;
    ASSERT_EQ(qg_datagram_size_max(client.handle, &peer, &size_max), QG_OK);
    EXPECT_GT(size_max, 1000u);
    const std::string too_long(size_max + 1, 'x');
    EXPECT_EQ(qg_send_datagram(client.handle, &peer, kName, too_long.data(), too_long.size()), QG_LIMIT);
    EXPECT_EQ(qg_send_datagram(client.handle, &peer, kName, "a datagram", 10), QG_OK);
  });
  EXPECT_EQ(wait(server.datagram.get_future()), "a datagram");
}

TEST_F(CApiTest, TellsWhatBecameOfAMessage) {
  std::promise<qg_error> sent;
  const auto done = [](void* context, qg_error error) {
    static_cast<std::promise<qg_error>*>(context)->set_value(error);
  };
  client.run([&] {
    EXPECT_EQ(qg_send_message(client.handle, &peer, kName, "x", 1, 3, done, &sent), QG_INVALID_ARGUMENT);
    EXPECT_EQ(qg_send_message(client.handle, &peer, kName, "x", 1, QG_PRIORITY_DELAYED, done, &sent), QG_OK);
  });
  EXPECT_EQ(wait(sent.get_future()), QG_OK);
}

TEST_F(CApiTest, DialsWithACallback) {
  std::promise<qg_error> dialled;
  const auto done = [](void* context, qg_error error, const qg_peer* found) {
    EXPECT_EQ(found != nullptr, error == QG_OK);
    static_cast<std::promise<qg_error>*>(context)->set_value(error);
  };
  EXPECT_EQ(qg_node_connect(client.handle, "qg://", nullptr, done, &dialled), QG_MALFORMED);
  EXPECT_EQ(qg_node_connect(client.handle, address, nullptr, done, &dialled), QG_OK);
  EXPECT_EQ(wait(dialled.get_future()), QG_OK);
  dialled = {};
  qg_connect_options options = QG_INIT(qg_connect_options);
  options.time_limit_ms = 99;
  EXPECT_EQ(qg_node_connect(client.handle, address, &options, done, &dialled), QG_OK);
  EXPECT_EQ(wait(dialled.get_future()), QG_INVALID_ARGUMENT);
  client.run([&] {
    EXPECT_EQ(qg_node_disconnect(client.handle, &peer), QG_OK);
    EXPECT_EQ(qg_node_disconnect(client.handle, &peer), QG_NOT_FOUND);
  });
}

// What the client's end of a stream is told.
struct Answer {
  std::string text;
  std::promise<qg_error> closed;

  qg_stream_callbacks callbacks() {
    qg_stream_callbacks made = QG_INIT(qg_stream_callbacks);
    made.context = this;
    made.on_readable = [](void* context, qg_stream* stream) {
      char piece[1000];
      std::size_t size = 0;
      while (qg_stream_read(stream, piece, sizeof piece, &size, nullptr) == QG_OK && size > 0) {
        static_cast<Answer*>(context)->text.append(piece, size);
      }
    };
    made.on_closed = [](void* context, qg_stream* stream, qg_error error, std::uint64_t) {
      EXPECT_EQ(qg_stream_release(stream), QG_OK);
      static_cast<Answer*>(context)->closed.set_value(error);
    };
    return made;
  }

  void ask(Side& side, const qg_uuid& peer, const std::string& question) {
    side.run([&] {
      const qg_stream_callbacks told = callbacks();
      qg_stream* stream = nullptr;
      qg_uuid other;
      std::size_t written = 0;
      ASSERT_EQ(qg_stream_open(side.handle, &peer, kName, &stream), QG_OK);
      ASSERT_EQ(qg_stream_listen(stream, &told), QG_OK);
      ASSERT_EQ(qg_stream_peer(stream, &other), QG_OK);
      EXPECT_EQ(std::memcmp(&other, &peer, sizeof peer), 0);
      ASSERT_EQ(qg_stream_write(stream, question.data(), question.size(), &written), QG_OK);
      EXPECT_EQ(written, question.size());
      ASSERT_EQ(qg_stream_finish(stream), QG_OK);
    });
  }
};

TEST_F(CApiTest, StreamsGoThereAndBack) {
  const std::string question(100'000, 'q');
  Answer answer;
  answer.ask(client, peer, question);
  EXPECT_EQ(wait(server.stream_ended.get_future()), question);
  EXPECT_EQ(wait(answer.closed.get_future()), QG_OK);
  EXPECT_EQ(answer.text, question);
}

TEST_F(CApiTest, AStreamIsRefused) {
  server.takes_streams = 0;
  Answer answer;
  answer.ask(client, peer, "anybody?");
  EXPECT_EQ(wait(answer.closed.get_future()), QG_RESET);
}

TEST_F(CApiTest, ReleasingAnUnfinishedStreamBreaksItOff) {
  qg_stream* kept = nullptr;
  client.run([&] {
    qg_stream* stream = nullptr;
    ASSERT_EQ(qg_stream_open(client.handle, &peer, kName, &stream), QG_OK);
    EXPECT_EQ(qg_stream_release(stream), QG_OK);
    ASSERT_EQ(qg_stream_open(client.handle, &peer, kName, &kept), QG_OK);
    ASSERT_EQ(qg_stream_reset(kept, 256), QG_OK);
    EXPECT_EQ(qg_stream_finish(kept), QG_CLOSED);
  });
  EXPECT_EQ(qg_stream_release(kept), QG_INVALID_ARGUMENT);  // this is not the node's thread
  EXPECT_EQ(qg_node_stop(std::exchange(client.handle, nullptr)), QG_OK);
  std::size_t written = 0;
  EXPECT_EQ(qg_stream_write(kept, "x", 1, &written), QG_CLOSED);
  EXPECT_EQ(qg_stream_release(kept), QG_OK);  // its node is gone
}

TEST_F(CApiTest, TheWrongThreadIsAnError) {
  std::size_t size = 0;
  qg_stream* stream = nullptr;
  EXPECT_EQ(qg_send_message(client.handle, &peer, kName, "", 0, QG_PRIORITY_NORMAL, nullptr, nullptr),
            QG_INVALID_ARGUMENT);
  EXPECT_EQ(qg_send_datagram(client.handle, &peer, kName, "", 0), QG_INVALID_ARGUMENT);
  EXPECT_EQ(qg_datagram_size_max(client.handle, &peer, &size), QG_INVALID_ARGUMENT);
  EXPECT_EQ(qg_node_disconnect(client.handle, &peer), QG_INVALID_ARGUMENT);
  EXPECT_EQ(qg_stream_open(client.handle, &peer, kName, &stream), QG_INVALID_ARGUMENT);
  qg_privacy privacy = QG_INIT(qg_privacy);
  EXPECT_EQ(qg_node_privacy(client.handle, &privacy), QG_INVALID_ARGUMENT);
  EXPECT_EQ(qg_node_set_privacy(client.handle, &privacy), QG_INVALID_ARGUMENT);
  EXPECT_EQ(qg_node_set_peer_privacy(client.handle, &peer, &privacy), QG_INVALID_ARGUMENT);
  EXPECT_EQ(qg_node_peers(
                client.handle, [](void*, const qg_peer*) {}, nullptr),
            QG_INVALID_ARGUMENT);
  client.run([&] {
    EXPECT_EQ(client.in_callback, client.handle);
    EXPECT_EQ(qg_node_connect_wait(client.handle, address, nullptr, nullptr), QG_WOULD_DEADLOCK);
    EXPECT_EQ(qg_send_message_wait(client.handle, &peer, kName, "", 0, 0), QG_WOULD_DEADLOCK);
    EXPECT_EQ(qg_node_stop(client.handle), QG_WOULD_DEADLOCK);
  });
}

// --- privacy ---

qg_privacy level(std::int32_t number) {
  qg_privacy privacy = QG_INIT(qg_privacy);
  EXPECT_EQ(qg_privacy_level(number, &privacy), QG_OK);
  return privacy;
}

struct CApiPrivacyTest : TwoNodes {
  // What `side` knows about the only peer that it has.
  struct Seen {
    int peers = 0;
    qg_peer peer{};
    qg_privacy privacy{};
    std::int32_t level = 0;
  };
  static Seen seen(Side& side) {
    Seen seen;
    const auto see = [](void* context, const qg_peer* peer) {
      auto& all = *static_cast<Seen*>(context);
      ++all.peers;
      all.peer = *peer;
      all.privacy = *peer->privacy;
      all.level = qg_privacy_level_of(peer->privacy);
    };
    side.run([&] { EXPECT_EQ(qg_node_peers(side.handle, see, &seen), QG_OK); });
    EXPECT_EQ(seen.peers, 1);
    return seen;
  }
  // Asks again and again.
  template <class Happened>
  static void until(Side& side, const char* what, Happened happened) {
    for (const auto end = std::chrono::steady_clock::now() + kLimit; !happened(seen(side)); std::this_thread::yield()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << what;
    }
  }
};

// Else a member that a later version appends could take the place of the padding, and the size would stay the same.
TEST(CApi, NoStructureEndsInPadding) {
  EXPECT_EQ(sizeof(qg_peer), offsetof(qg_peer, packet_size) + sizeof qg_peer::packet_size);
  EXPECT_EQ(sizeof(qg_extender), offsetof(qg_extender, on_stream) + sizeof qg_extender::on_stream);
  EXPECT_EQ(sizeof(qg_node_options), offsetof(qg_node_options, never_tcp) + sizeof qg_node_options::never_tcp);
  EXPECT_EQ(sizeof(qg_connect_options), offsetof(qg_connect_options, privacy) + sizeof qg_connect_options::privacy);
  EXPECT_EQ(sizeof(qg_privacy), offsetof(qg_privacy, key_update_max_s) + sizeof qg_privacy::key_update_max_s);
  EXPECT_EQ(sizeof(qg_stream_callbacks),
            offsetof(qg_stream_callbacks, on_closed) + sizeof qg_stream_callbacks::on_closed);
}

TEST(CApi, PrivacyLevels) {
  for (std::int32_t number = 1; number <= 5; ++number) {
    qg_privacy privacy = level(number);
    EXPECT_EQ(qg_privacy_level_of(&privacy), number);
    EXPECT_EQ(qg_privacy_problem(&privacy), nullptr);
    ++privacy.handshake_jitter_ms;
    EXPECT_EQ(qg_privacy_level_of(&privacy), 0);
  }
  const qg_privacy nothing = QG_INIT(qg_privacy), four = level(4);
  EXPECT_EQ(qg_privacy_level_of(&nothing), 1);
  EXPECT_EQ(four.padding, QG_PADDING_FULL);
  EXPECT_EQ(four.cover, QG_COVER_ADAPTIVE);
  EXPECT_EQ(four.cover_interval_us, 50'000u);
  qg_privacy privacy = QG_INIT(qg_privacy);
  EXPECT_EQ(qg_privacy_level(0, &privacy), QG_INVALID_ARGUMENT);
  EXPECT_EQ(qg_privacy_level(6, &privacy), QG_INVALID_ARGUMENT);
  EXPECT_EQ(qg_privacy_level(5, nullptr), QG_INVALID_ARGUMENT);
  EXPECT_EQ(qg_privacy_level_of(nullptr), 0);
  EXPECT_NE(std::strstr(qg_privacy_problem(nullptr), "QG_INIT"), nullptr);
}

TEST(CApi, PrivacyOfOtherVersions) {
  qg_privacy privacy{};
  EXPECT_EQ(qg_privacy_level(4, &privacy), QG_INVALID_ARGUMENT) << "without its size";
  privacy.size = offsetof(qg_privacy, key_update_min_s);
  EXPECT_EQ(qg_privacy_level(4, &privacy), QG_UNSUPPORTED) << "the times of keys would be lost";
  EXPECT_EQ(privacy.padding, QG_PADDING_NONE) << "nothing was written";

  struct Later {
    qg_privacy known;
    std::uint64_t added;
  } later{QG_INIT(qg_privacy), 1};
  later.known.size = sizeof later;
  EXPECT_EQ(qg_privacy_level_of(&later.known), 0);
  EXPECT_NE(std::strstr(qg_privacy_problem(&later.known), "this version"), nullptr);
  EXPECT_EQ(qg_privacy_level(4, &later.known), QG_OK);
  EXPECT_EQ(later.added, 0u);
  EXPECT_EQ(later.known.size, sizeof later);
  EXPECT_EQ(qg_privacy_level_of(&later.known), 4);
}

TEST_F(CApiTest, RefusesBadPrivacy) {
  struct Wrong {
    const char* says;
    qg_privacy privacy = level(3);
  };
  std::vector<Wrong> wrong{{"a padding is"},  {"a padding is"},  {"cover without padding"}, {"cover is"},
                           {"1 to 60000 ms"}, {"0 to 1000 ms"},  {"0 to 2000 ms"},          {"10 to 1200 s"},
                           {"10 to 1200 s"},  {"the least time"}};
  wrong[0].privacy.padding = 4;
  wrong[1].privacy.padding = -1;
  wrong[2].privacy.padding = QG_PADDING_NONE;
  wrong[3].privacy.cover = 256;
  wrong[4].privacy.cover_interval_us = UINT64_MAX;
  wrong[5].privacy.delay_max_ms = UINT32_MAX;
  wrong[6].privacy.handshake_jitter_ms = UINT32_MAX;
  wrong[7].privacy.key_update_min_s = 9;
  wrong[8].privacy.key_update_max_s = UINT32_MAX;
  wrong[9].privacy.key_update_max_s = 299;
  for (const auto& [says, privacy] : wrong) {
    SCOPED_TRACE(says);
    EXPECT_EQ(qg_privacy_level_of(&privacy), 0);
    ASSERT_NE(qg_privacy_problem(&privacy), nullptr);
    EXPECT_NE(std::strstr(qg_privacy_problem(&privacy), says), nullptr) << qg_privacy_problem(&privacy);
    Side side;
    qg_node_options options = QG_INIT(qg_node_options);
    options.privacy = &privacy;
    EXPECT_EQ(side.start(&options), QG_INVALID_ARGUMENT);
    qg_connect_options dial = QG_INIT(qg_connect_options);
    dial.privacy = &privacy;
    EXPECT_EQ(qg_node_connect_wait(client.handle, address, &dial, nullptr), QG_INVALID_ARGUMENT);
    client.run([&] {
      EXPECT_EQ(qg_node_set_privacy(client.handle, &privacy), QG_INVALID_ARGUMENT);
      EXPECT_EQ(qg_node_set_peer_privacy(client.handle, &peer, &privacy), QG_INVALID_ARGUMENT);
    });
  }
}

TEST_F(CApiPrivacyTest, ANodeOfLevelFourIsFollowedAndChangesWhileTheSessionLives) {
  const qg_privacy four = level(4);
  qg_node_options of_client = QG_INIT(qg_node_options);
  of_client.privacy = &four;
  ASSERT_NO_FATAL_FAILURE(start(QG_INIT(qg_node_options), &of_client));
  ASSERT_NO_FATAL_FAILURE(dial());
  ASSERT_NO_FATAL_FAILURE(until(client, "the peer follows", [](const Seen& at) { return at.peer.peer_follows != 0; }));
  for (Side* side : {&client, &server}) {
    ASSERT_NO_FATAL_FAILURE(until(*side, "cover", [](const Seen& at) { return at.peer.cover_bytes_sent > 0; }));
  }
  const Seen at_client = seen(client), at_server = seen(server);
  EXPECT_EQ(at_client.level, 4);
  EXPECT_EQ(at_server.privacy.cover, QG_COVER_ADAPTIVE) << "it was asked for";
  EXPECT_LE(at_client.peer.cover_bytes_sent + at_client.peer.padding_bytes_sent, at_client.peer.bytes_sent);
  EXPECT_EQ(at_client.peer.transport, QG_TRANSPORT_UDP);
  EXPECT_EQ(at_client.peer.packet_size, 1232u);
  EXPECT_EQ(at_client.peer.key_updates, 0u);
  EXPECT_GT(seen(client).peer.key_age_ns, at_client.peer.key_age_ns);
  client.run([&] {
    qg_privacy now = QG_INIT(qg_privacy);
    EXPECT_EQ(qg_node_privacy(client.handle, &now), QG_OK);
    EXPECT_EQ(qg_privacy_level_of(&now), 4);
    const qg_privacy one = QG_INIT(qg_privacy);
    EXPECT_EQ(qg_node_set_privacy(client.handle, &one), QG_OK);
    EXPECT_EQ(qg_node_privacy(client.handle, &now), QG_OK);
    EXPECT_EQ(qg_privacy_level_of(&now), 1);
  });
  for (Side* side : {&client, &server}) {
    ASSERT_NO_FATAL_FAILURE(until(*side, "no cover any more", [](const Seen& at) { return at.level == 1; }));
  }
}

TEST_F(CApiPrivacyTest, ASessionCanHaveItsOwn) {
  ASSERT_NO_FATAL_FAILURE(start(QG_INIT(qg_node_options)));
  const qg_privacy two = level(2), three = level(3);
  qg_connect_options options = QG_INIT(qg_connect_options);
  options.privacy = &three;
  ASSERT_NO_FATAL_FAILURE(dial(&options));
  EXPECT_EQ(seen(client).level, 3);
  client.run([&] {
    qg_privacy of_node = QG_INIT(qg_privacy);
    EXPECT_EQ(qg_node_privacy(client.handle, &of_node), QG_OK);
    EXPECT_EQ(qg_privacy_level_of(&of_node), 1);
    EXPECT_EQ(qg_node_set_peer_privacy(client.handle, &peer, &two), QG_OK);
    const qg_uuid nobody{};
    EXPECT_EQ(qg_node_set_peer_privacy(client.handle, &nobody, &two), QG_NOT_FOUND);
  });
  EXPECT_EQ(seen(client).level, 2);
}

TEST_F(CApiPrivacyTest, CoverForPeersHasABound) {
  qg_node_options of_server = QG_INIT(qg_node_options), of_client = QG_INIT(qg_node_options);
  of_server.cover_for_peers_max = 100'000;  // a quarter is enough for level 4, not for 5
  const qg_privacy four = level(4), five = level(5);
  of_client.privacy = &four;
  ASSERT_NO_FATAL_FAILURE(start(of_server, &of_client));
  ASSERT_NO_FATAL_FAILURE(dial());
  ASSERT_NO_FATAL_FAILURE(until(client, "the peer follows", [](const Seen& at) { return at.peer.peer_follows != 0; }));
  client.run([&] { EXPECT_EQ(qg_node_set_privacy(client.handle, &five), QG_OK); });
  ASSERT_NO_FATAL_FAILURE(until(server, "a refusal", [](const Seen& at) { return at.privacy.cover == QG_COVER_OFF; }));
  EXPECT_EQ(seen(client).peer.peer_follows, 0);
}

TEST_F(CApiPrivacyTest, WhoGivesNoCoverIsNotMadeTo) {
  qg_node_options of_server = QG_INIT(qg_node_options), of_client = QG_INIT(qg_node_options);
  of_server.never_cover_for_peers = 1;
  const qg_privacy five = level(5);
  of_client.privacy = &five;
  ASSERT_NO_FATAL_FAILURE(start(of_server, &of_client));
  ASSERT_NO_FATAL_FAILURE(dial());
  ASSERT_NO_FATAL_FAILURE(until(client, "cover", [](const Seen& at) { return at.peer.cover_bytes_sent > 25'000; }));
  EXPECT_EQ(seen(client).peer.peer_follows, 0);
  EXPECT_EQ(seen(server).privacy.cover, QG_COVER_OFF);
}

// Whether somebody listens for TCP where `handle` does for UDP.
bool takes_tcp(qg_node* handle) {
  char address[200];
  qg_node_address(handle, address, sizeof address);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  place.sin_port = htons(static_cast<std::uint16_t>(std::stoi(std::strrchr(address, ':') + 1)));
  const int opened = socket(AF_INET, SOCK_STREAM, 0);
  const bool taken = connect(opened, reinterpret_cast<const sockaddr*>(&place), sizeof place) == 0;
  EXPECT_TRUE(taken || errno == ECONNREFUSED) << std::strerror(errno);
  close(opened);
  return taken;
}

TEST(CApi, TcpCanBeLeftOut) {
  const char* listen[] = {"127.0.0.1:0"};
  for (const int never_tcp : {0, 1}) {
    qg_node_options options = QG_INIT(qg_node_options);
    options.listen = listen;
    options.listen_count = 1;
    options.never_tcp = never_tcp;
    Side side;
    ASSERT_EQ(side.start(&options), QG_OK);
    EXPECT_EQ(takes_tcp(side.handle), never_tcp == 0);
  }
}

}  // namespace
}  // namespace quantumgate
