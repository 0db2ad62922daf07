// SPDX-License-Identifier: MIT
// Echo in C (C99 or later): two nodes in one process; one sends back each message that it gets.
#define _POSIX_C_SOURCE 200809L
#include <quantumgate/quantumgate_c.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char* const kEcho = "org.example.echo/1";

// The server's context is its node, which it learns before anything else.
static void on_start(void* context, qg_node* node) { *(qg_node**)context = node; }

static void on_question(void* context, const qg_uuid* peer, const void* bytes, size_t size) {
  qg_node* node = *(qg_node**)context;
  const qg_error error = qg_send_message(node, peer, kEcho, bytes, size, QG_PRIORITY_NORMAL, NULL, NULL);
  if (error) fprintf(stderr, "answering: %s\n", qg_describe(error));
}

// What the client waits for. The callback comes on the node's thread, main() waits on its own.
struct answer {
  sem_t arrived;
  char text[64];
};

static void on_answer(void* context, const qg_uuid* peer, const void* bytes, size_t size) {
  struct answer* answer = context;
  (void)peer;
  if (size < sizeof answer->text) memcpy(answer->text, bytes, size);
  sem_post(&answer->arrived);
}

static qg_error start(qg_extender* extender, qg_node_options* options, qg_node** node) {
  const qg_extender* extenders[] = {extender};
  qg_identity* identity = NULL;
  qg_error error = qg_identity_generate(&identity);
  if (!error) error = qg_node_start(identity, options, extenders, 1, node);
  qg_identity_free(identity);
  return error;
}

int main(void) {
  const char* listen[] = {"127.0.0.1:0"};
  qg_node_options options = QG_INIT(qg_node_options);
  options.listen = listen;
  options.listen_count = 1;

  qg_node *server = NULL, *client = NULL, *server_node = NULL;
  qg_extender serve = QG_INIT(qg_extender), ask = QG_INIT(qg_extender);
  serve.name = ask.name = kEcho;
  serve.context = &server_node;
  serve.on_start = on_start;
  serve.on_message = on_question;
  struct answer answer = {.text = ""};
  sem_init(&answer.arrived, 0, 0);
  ask.context = &answer;
  ask.on_message = on_answer;

  char address[256];
  qg_uuid peer;
  qg_error error = start(&serve, &options, &server);
  if (!error) error = start(&ask, NULL, &client);
  qg_node_address(server, address, sizeof address);
  if (!error) error = qg_node_connect_wait(client, address, NULL, &peer);
  if (!error) error = qg_send_message_wait(client, &peer, kEcho, "hello", 5, 0);
  struct timespec limit = {.tv_sec = time(NULL) + 10};
  if (!error && sem_timedwait(&answer.arrived, &limit) != 0) error = QG_TIMED_OUT;
  printf("echo: %s\n", error ? qg_describe(error) : answer.text);

  qg_node_stop(client);
  qg_node_stop(server);
  sem_destroy(&answer.arrived);
  return error || strcmp(answer.text, "hello") != 0;
}
