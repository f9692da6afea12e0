/*
 * The load of bench/compare.py: many websocket clients of one Socket.IO server, in one thread.
 *
 *     load PORT TOKENS      TOKENS: a file of lines "<sub> <token>", one for each client to come
 *
 * Commands on stdin, one line each; each is answered by one JSON line on stdout:
 *
 *     connect COUNT                  open COUNT more -> {"connected", "seconds"}
 *     expect all FROM COUNT          every client gets the COUNT events from FROM on
 *     expect one FROM COUNT          each of them goes to one client, whose sub its "to" names
 *     report SECONDS                 once all of it came, or after SECONDS -> what came
 *
 * An event carries "seq":"<8 digits>", "sent":"<19 digits, CLOCK_MONOTONIC ns>" and
 * "to":"<8 digits, the sub>". The end of stdin ends the program.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum {
  OUTSTANDING = 50,   /* handshakes at once */
  ADDRESSES = 8,      /* 127.0.0.1 ..., so that ports last */
  INPUT = 4096,       /* bytes; the longest message by far */
  SUB = 8,            /* digits */
  LINGER_MS = 100,    /* after the last event that is due: one that comes twice comes soon */
  CONNECT_SECONDS = 120,
  BATCH = 256,
};

typedef enum { CONNECTING, UPGRADING, OPENING, JOINING, READY } State;

typedef struct {
  int fd;
  State state;
  uint32_t last; /* the highest seq it got of this expectation, + 1 */
  uint32_t used; /* bytes in input */
  char sub[SUB + 1];
  char *token;
  unsigned char input[INPUT];
} Client;

static Client *clients;
static uint32_t known, opened, ready; /* clients with a token, begun, connected */
static int epoll_fd, port;

/* What is expected, and what came. */
static bool to_all;
static uint32_t first_seq, seq_count;
static uint64_t expected, delivered, doubled, strays, disordered;
static unsigned char *seen;  /* a bit for each (client, seq), or each seq */
static int64_t *latencies;   /* ns */

static void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("load: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

static void *reserve(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  if (!memory) fail("out of memory");
  return memory;
}

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void read_tokens(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) fail("%s: %s", path, strerror(errno));
  size_t room = 0;
  char *line = NULL;
  size_t length = 0;
  while (getline(&line, &length, file) > 0) {
    if (known == room) {
      room = room ? room * 2 : 1024;
      if (!(clients = realloc(clients, room * sizeof *clients))) fail("out of memory");
    }
    Client *client = &clients[known++];
    client->fd = -1;
    line[strcspn(line, "\n")] = 0;
    if (strlen(line) < SUB + 2 || line[SUB] != ' ') fail("a line of tokens is \"<sub> <token>\"");
    memcpy(client->sub, line, SUB);
    client->sub[SUB] = 0;
    client->token = strdup(line + SUB + 1);
  }
  free(line);
  fclose(file);
}

/* -- one connection */

static void send_all(Client *client, const void *data, size_t length) {
  /* All that is ever sent is small and follows an answer: it fits the socket's buffer. */
  if (send(client->fd, data, length, MSG_NOSIGNAL) != (ssize_t)length)
    fail("client %ld could not send: %s", (long)(client - clients), strerror(errno));
}

static void send_frame(Client *client, int opcode, const char *text, size_t length) {
  static const unsigned char mask[4] = {0x3a, 0xc5, 0x91, 0x7e};
  unsigned char frame[INPUT];
  size_t head = 2;
  if (length > sizeof frame - 8) fail("a message is too long");
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (length < 126 ? length : 126);
  if (length >= 126) {
    frame[head++] = length >> 8;
    frame[head++] = length & 0xff;
  }
  memcpy(frame + head, mask, 4);
  head += 4;
  for (size_t i = 0; i < length; i++) frame[head + i] = text[i] ^ mask[i % 4];
  send_all(client, frame, head + length);
}

static void open_client(Client *client) {
  int on = 1;
  struct sockaddr_in address = {.sin_family = AF_INET};
  client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (client->fd < 0) fail("socket: %s", strerror(errno));
  setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (client - clients) % ADDRESSES);
  if (bind(client->fd, (struct sockaddr *)&address, sizeof address))
    fail("bind: %s", strerror(errno));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (connect(client->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
    fail("connect: %s", strerror(errno));
  client->state = CONNECTING;
  struct epoll_event event = {.events = EPOLLOUT, .data.ptr = client};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &event);
}

static void upgrade(Client *client) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error) fail("client %ld: %s", (long)(client - clients), strerror(error));
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
  char request[512];
  int size = snprintf(request, sizeof request,
                      "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                      "Host: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                      "Sec-WebSocket-Version: 13\r\n\r\n",
                      port);
  send_all(client, request, size);
  client->state = UPGRADING;
}

/* The digits after "name":" (a server may write a space between), as text; NULL without them. */
static const char *digits(const char *text, size_t length, const char *name) {
  const char *found = memmem(text, length, name, strlen(name));
  if (!found) return NULL;
  found += strlen(name);
  while (*found == ' ' || *found == ':' || *found == '"') found++;
  return found;
}

static void on_event(Client *client, const char *text, size_t length) {
  const char *seq_text = digits(text, length, "\"seq\"");
  const char *sent_text = digits(text, length, "\"sent\"");
  const char *to = digits(text, length, "\"to\"");
  uint32_t number = client - clients;
  if (!seq_text || !sent_text || !to) fail("client %u: not our event: %.*s", number, (int)length, text);
  uint64_t seq = strtoull(seq_text, NULL, 10) - first_seq;
  if (seq >= seq_count || memcmp(to, client->sub, SUB)) {
    strays++;
    return;
  }
  uint64_t bit = to_all ? (uint64_t)number * seq_count + seq : seq;
  if (seen[bit / 8] & (1 << bit % 8)) {
    doubled++;
    return;
  }
  seen[bit / 8] |= 1 << bit % 8;
  if (seq < client->last) disordered++;
  client->last = seq + 1;
  latencies[delivered++] = now_ns() - strtoll(sent_text, NULL, 10);
}

static void on_message(Client *client, const char *text, size_t length) {
  if (length == 1 && text[0] == '2') {
    send_frame(client, 1, "3", 1);
  } else if (client->state == READY && length > 1 && !memcmp(text, "42", 2)) {
    on_event(client, text, length);
  } else if (client->state == OPENING && text[0] == '0') {
    char packet[INPUT];
    int size = snprintf(packet, sizeof packet, "40{\"token\":\"%s\"}", client->token);
    client->state = JOINING;
    send_frame(client, 1, packet, size);
  } else if (client->state == JOINING && length > 1 && !memcmp(text, "40", 2)) {
    client->state = READY;
    ready++;
  } else {
    fail("client %ld did not expect: %.*s", (long)(client - clients), (int)length, text);
  }
}

/* One frame off the front of the input, RFC 6455 section 5.2 -> its bytes, 0 if it is not whole. */
static size_t take_frame(Client *client, unsigned char *data, size_t available) {
  if (available < 2) return 0;
  size_t head = 2, length = data[1] & 0x7f;
  if (!(data[0] & 0x80) || data[1] & 0x80) fail("a fragmented or masked frame");
  if (length == 126) {
    if (available < 4) return 0;
    length = data[2] << 8 | data[3];
    head = 4;
  }
  if (head + length > INPUT) fail("a frame is too long");
  if (available < head + length) return 0;
  switch (data[0] & 0x0f) {
    case 1: on_message(client, (char *)data + head, length); break;
    case 8: fail("client %ld was closed by the server", (long)(client - clients)); break;
    case 9: send_frame(client, 10, (char *)data + head, length); break;
    default: fail("a frame of opcode %d", data[0] & 0x0f);
  }
  return head + length;
}

static size_t take_answer(Client *client, size_t available) {
  unsigned char *end = memmem(client->input, available, "\r\n\r\n", 4);
  if (!end) return 0;
  if (available < 12 || memcmp(client->input, "HTTP/1.1 101", 12))
    fail("client %ld was refused: %.*s", (long)(client - clients), (int)available, client->input);
  client->state = OPENING;
  return end + 4 - client->input;
}

static void on_input(Client *client) {
  ssize_t count = recv(client->fd, client->input + client->used, INPUT - client->used, 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) fail("client %ld lost its connection", (long)(client - clients));
  size_t taken = 0, one;
  client->used += count;
  do {
    size_t left = client->used - taken;
    one = client->state == UPGRADING ? take_answer(client, left)
                                     : take_frame(client, client->input + taken, left);
    taken += one;
  } while (one);
  client->used -= taken;
  if (client->used && taken) memmove(client->input, client->input + taken, client->used);
}

/* -- the loop, and the commands */

static void turn(int timeout_ms, bool *command) {
  struct epoll_event events[BATCH];
  int count = epoll_wait(epoll_fd, events, BATCH, timeout_ms);
  for (int i = 0; i < count; i++) {
    Client *client = events[i].data.ptr;
    if (!client) {
      if (command) *command = true;
    } else if (client->state == CONNECTING) {
      upgrade(client);
    } else {
      on_input(client);
    }
  }
}

static void connect_more(uint32_t count) {
  uint32_t wanted = opened + count;
  if (wanted > known) fail("%u clients, but %u tokens", wanted, known);
  int64_t begun = now_ns(), deadline = begun + CONNECT_SECONDS * 1000000000LL;
  while (ready < wanted) {
    while (opened < wanted && opened - ready < OUTSTANDING) open_client(&clients[opened++]);
    turn(100, NULL);
    if (now_ns() > deadline) fail("%u of %u connected in %d s", ready, wanted, CONNECT_SECONDS);
  }
  printf("{\"connected\": %u, \"seconds\": %.3f}\n", ready, (now_ns() - begun) / 1e9);
}

static void expect(bool all, uint32_t from, uint32_t count) {
  to_all = all;
  first_seq = from;
  seq_count = count;
  expected = (uint64_t)count * (all ? ready : 1);
  delivered = doubled = strays = disordered = 0;
  for (uint32_t i = 0; i < opened; i++) clients[i].last = 0;
  free(seen);
  free(latencies);
  seen = reserve(expected / 8 + 1, 1);
  latencies = reserve(expected, sizeof *latencies);
  printf("{\"expected\": %llu, \"cpuSeconds\": %.4f}\n", (unsigned long long)expected,
         cpu_seconds());
}

static int ascending(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static double percentile_ms(double share) {
  if (!delivered) return 0;
  uint64_t index = share * delivered;
  return latencies[index < delivered ? index : delivered - 1] / 1e6;
}

static void report(double seconds) {
  int64_t deadline = now_ns() + seconds * 1e9;
  while (delivered < expected && now_ns() < deadline) turn(50, NULL);
  deadline = now_ns() + LINGER_MS * 1000000LL;
  while (now_ns() < deadline) turn(10, NULL);
  double cpu = cpu_seconds();
  qsort(latencies, delivered, sizeof *latencies, ascending);
  printf("{\"expected\": %llu, \"missing\": %llu, \"doubled\": %llu, \"strays\": %llu, "
         "\"disordered\": %llu, \"p50\": %.3f, \"p95\": %.3f, \"p99\": %.3f, \"max\": %.3f, "
         "\"cpuSeconds\": %.4f}\n",
         (unsigned long long)expected, (unsigned long long)(expected - delivered),
         (unsigned long long)doubled, (unsigned long long)strays, (unsigned long long)disordered,
         percentile_ms(0.5), percentile_ms(0.95), percentile_ms(0.99), percentile_ms(1), cpu);
}

static void obey(const char *line) {
  char who[4];
  unsigned count, from;
  double seconds;
  if (sscanf(line, "connect %u", &count) == 1) connect_more(count);
  else if (sscanf(line, "expect %3s %u %u", who, &from, &count) == 3)
    expect(!strcmp(who, "all"), from, count);
  else if (sscanf(line, "report %lf", &seconds) == 1) report(seconds);
  else fail("no such command: %s", line);
  fflush(stdout);
}

int main(int count, char **arguments) {
  if (count != 3) fail("usage: load PORT TOKENS");
  port = atoi(arguments[1]);
  read_tokens(arguments[2]);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event);
  char line[256];
  for (;;) {
    bool command = false;
    turn(-1, &command);
    if (!command) continue;
    /* The parent writes one whole line and waits for its answer: nothing is buffered behind it. */
    if (!fgets(line, sizeof line, stdin)) return 0;
    obey(line);
  }
}
