/* The HTTP client: requests on their way through libcurl, from a pool of easy handles that keep all that never changes.
 * It must not know what is asked or why.
 *
 * States of a transfer: idle (on `idle`, its easy handle set up, out of the multi handle) -> active (on `active`, in
 * the multi handle) -> idle again. transfer_begin and transfer_end alone move it.
 *
 * The guard judges the very address that a socket is about to be connected to. A connection that is used again was
 * judged when it was made, for the same host and port, and exceptions are the installation's, the same for every
 * organisation and worker: so the pool may be shared. */
#include "net/http_client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/secret.h"
#include "net/http_transfer.h"

enum {
  IDLE_HANDLES = 256,        /* kept for reuse; about 22 KiB each */
  TICK_MS = 50,              /* how often deadlines are looked at, while there are transfers */
  CACHED_CONNECTIONS = 1024, /* idle ones of all hosts together */
};

/* ---- what curl asks while a transfer runs ---- */

static curl_socket_t on_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
  (void)purpose;
  struct http_transfer *transfer = context;
  struct http_client *client = transfer->client;
  /* With a proxy this is the proxy's own address, which the operator has named. */
  if (!client->proxy && !address_guard_allows(client->guard, transfer->url.host, transfer->url.port, &address->addr)) {
    transfer->failure = ERR_DENIED;
    transfer->refused_kind = address_classify(&address->addr);
    const void *bytes = address->family == AF_INET
                            ? (const void *)&((struct sockaddr_in *)(void *)&address->addr)->sin_addr
                            : (const void *)&((struct sockaddr_in6 *)(void *)&address->addr)->sin6_addr;
    if (!inet_ntop(address->family, bytes, transfer->refused_address, sizeof(transfer->refused_address)))
      transfer->refused_address[0] = '\0';
    return CURL_SOCKET_BAD;
  }
  return curl_loop_open_socket(client->curl, address);
}

/* Connected, the request is about to be written. curl repeats what it wrote to a connection that turned out to be dead,
 * whatever the method: but the other side may have taken it before it died, so what is not safe to repeat ends here. */
static int on_about_to_send(void *context, char *peer_ip, char *own_ip, int peer_port, int own_port) {
  (void)peer_ip, (void)own_ip, (void)peer_port, (void)own_port;
  struct http_transfer *transfer = context;
  if (transfer->is_sent && !transfer->may_repeat) return CURL_PREREQFUNC_ABORT;
  transfer->is_sent = true;
  if (transfer->ret_was_sent) *transfer->ret_was_sent = true;
  /* An address that was refused does not matter any more: another one of the host's was not. */
  transfer->failure = ERR_NONE;
  return CURL_PREREQFUNC_OK;
}

/* ---- easy handles ---- */

static void easy_set_up(struct http_transfer *transfer) {
  CURL *easy = transfer->easy;
  struct http_client *client = transfer->client;
  curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  /* A resolver's thread that hangs is left behind; without this curl would wait for it, on the loop. */
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  /* Set, even to nothing: curl would take both from the environment. */
  curl_easy_setopt(easy, CURLOPT_PROXY, client->proxy ? client->proxy : "");
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (client->ca_file) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  }
  /* That answers are decompressed; the field itself, and User-Agent, are lines of ours (http_client_request.c). */
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  if (client->proxy) curl_easy_setopt(easy, CURLOPT_USERAGENT, "connek/" CONNEK_VERSION); /* for CONNECT */
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
  /* Deadlines are ours (on_tick). curl's own for connecting only makes it go on to a host's next address in time. */
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)LIMIT_UPSTREAM_CONNECT_MS);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, curl_loop_close_socket);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, client->curl);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_about_to_send);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, http_transfer_on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_transfer_on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
}

static void transfer_free(struct http_transfer *transfer) {
  curl_easy_cleanup(transfer->easy);
  free(transfer);
}

static struct http_transfer *transfer_take(struct http_client *client) {
  struct http_transfer *transfer = client->idle;
  if (transfer) {
    client->idle = transfer->next;
    client->n_idle--;
    return transfer;
  }
  transfer = calloc(1, sizeof(*transfer));
  if (!transfer) return NULL;
  transfer->client = client;
  transfer->easy = curl_easy_init();
  if (!transfer->easy) {
    free(transfer);
    return NULL;
  }
  easy_set_up(transfer);
  return transfer;
}

static void transfer_give_back(struct http_transfer *transfer) {
  struct http_client *client = transfer->client;
  if (!transfer->is_plain_get) {
    curl_easy_reset(transfer->easy);
    easy_set_up(transfer);
  }
  transfer->next = client->idle;
  client->idle = transfer;
  client->n_idle++;
}

/* Frees what a burst has left over. */
static void idle_trim(struct http_client *client, size_t n) {
  while (client->n_idle > n) {
    struct http_transfer *transfer = client->idle;
    client->idle = transfer->next;
    client->n_idle--;
    transfer_free(transfer);
  }
}

/* ---- its end ---- */

/* Leaves nothing of the request behind: neither in our memory nor, as far as curl lets us, in curl's. */
static void transfer_end(struct http_transfer *transfer) {
  struct http_client *client = transfer->client;
  curl_loop_remove(client->curl, transfer->easy);
  curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, NULL);
  curl_easy_setopt(transfer->easy, CURLOPT_URL, NULL);
  curl_easy_setopt(transfer->easy, CURLOPT_REQUEST_TARGET, NULL);
  if (transfer->secret_line.n > 0) secret_wipe((char *)(uintptr_t)transfer->secret_line.p, transfer->secret_line.n);
  if (transfer->previous) transfer->previous->next = transfer->next;
  if (!transfer->previous) client->active = transfer->next;
  if (transfer->next) transfer->next->previous = transfer->previous;
  if (transfer->inflow.receiver) http_inflow_release(transfer);
  transfer_give_back(transfer);
}

void http_transfer_finish(struct http_transfer *transfer, CURLcode curl_code) {
  http_client_done done = transfer->done;
  void *context = transfer->context;
  if (curl_code == CURLE_OK) {
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    const struct http_client_response response = {.status = (int)status,
                                                  .body = buf_str(&transfer->body),
                                                  .content_type = http_transfer_field(transfer, "content-type"),
                                                  .fields = transfer->fields,
                                                  .n_fields = transfer->n_fields};
    transfer_end(transfer);
    done(context, &response, NULL);
    return;
  }
  struct err err;
  (void)http_transfer_describe(transfer, curl_code, &err);
  transfer_end(transfer);
  done(context, NULL, &err);
}

static void on_ended(void *context, CURL *easy, CURLcode code) {
  (void)context;
  char *transfer = NULL;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
  struct http_transfer *ended = (struct http_transfer *)(void *)transfer;
  if (ended->inflow.receiver)
    http_inflow_on_ended(ended, code);
  else
    http_transfer_finish(ended, code);
}

static struct http_transfer *find_late(const struct http_client *client, int64_t now_us) {
  struct http_transfer *transfer = client->active;
  for (; transfer; transfer = transfer->next)
    if (now_us >= transfer->deadline_us || (!transfer->is_sent && now_us >= transfer->connect_deadline_us)) break;
  return transfer;
}

/* Absolute deadlines. One look at all transfers every TICK_MS is cheaper than a timer each, as nearly all of them are
 * over long before. */
static void on_tick(uv_timer_t *tick) {
  struct http_client *client = tick->data;
  int64_t now_us = loop_now_us(client->loop);
  struct http_transfer *late;
  while ((late = find_late(client, now_us)))
    http_transfer_finish(late, CURLE_OPERATION_TIMEDOUT); /* `done` may change the list */
  idle_trim(client, IDLE_HANDLES);
  if (!client->active) {
    uv_timer_stop(client->tick);
    client->is_ticking = false;
  }
}

/* ---- the client ---- */

static void transfer_begin(struct http_transfer *transfer) {
  struct http_client *client = transfer->client;
  transfer->previous = NULL;
  transfer->next = client->active;
  if (client->active) client->active->previous = transfer;
  client->active = transfer;
  if (client->is_ticking) return;
  uv_timer_start(client->tick, on_tick, TICK_MS, TICK_MS);
  client->is_ticking = true;
}

enum err_code http_client_send(struct http_client *client, struct arena *arena,
                               const struct http_client_request *request, http_client_done done, void *context,
                               struct http_transfer **ret_transfer, struct err *err) {
  struct http_transfer *transfer = transfer_take(client);
  if (!transfer) return err_no_memory(err);
  int64_t timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : LIMIT_UPSTREAM_TOTAL_MS;
  int64_t now_us = loop_now_us(client->loop);
  *transfer = (struct http_transfer){
      .client = client,
      .easy = transfer->easy,
      .arena = arena,
      .done = done,
      .context = context,
      .timeout_ms = timeout_ms,
      .deadline_us = now_us + timeout_ms * 1000,
      .connect_deadline_us = now_us + LIMIT_UPSTREAM_CONNECT_MS * 1000,
      .ret_was_sent = request->ret_was_sent,
  };
  if (transfer->ret_was_sent) *transfer->ret_was_sent = false;
  buf_init(&transfer->body, arena, request->max_body > 0 ? request->max_body : LIMIT_UPSTREAM_BODY);
  if (request->stream) http_inflow_init(transfer, request);
  enum err_code code = http_transfer_write(transfer, request, err);
  if (code == ERR_NONE && curl_loop_add(client->curl, transfer->easy) != CURLM_OK) code = err_no_memory(err);
  transfer_begin(transfer);
  if (code != ERR_NONE) {
    transfer_end(transfer);
    return code;
  }
  *ret_transfer = transfer;
  return ERR_NONE;
}

void http_client_cancel(struct http_transfer *transfer) {
  transfer_end(transfer);
}

/* Once a process, and never undone: curl's own advice for programs with threads. */
static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static void curl_start(void) {
  (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void accept_encoding_write(char *ret_line, size_t size) {
  int features = curl_version_info(CURLVERSION_NOW)->features;
  snprintf(ret_line, size, "Accept-Encoding: %s%s%s", features & CURL_VERSION_LIBZ ? "gzip, deflate" : "identity",
           features & CURL_VERSION_BROTLI ? ", br" : "", features & CURL_VERSION_ZSTD ? ", zstd" : "");
}

static bool copy_option(const char *text, char **ret_copy) {
  if (!text) return true;
  *ret_copy = strdup(text);
  return *ret_copy != NULL;
}

enum err_code http_client_new(struct loop *loop, const struct http_client_options *options,
                              struct http_client **ret_client, struct err *err) {
  pthread_once(&curl_once, curl_start);
  struct http_client *client = calloc(1, sizeof(*client));
  if (!client) return err_no_memory(err);
  client->loop = loop;
  client->guard = options->guard;
  accept_encoding_write(client->accept_encoding, sizeof(client->accept_encoding));
  enum err_code code = ERR_NONE;
  client->tick = calloc(1, sizeof(*client->tick));
  if (!client->tick || !copy_option(options->ca_file, &client->ca_file) || !copy_option(options->proxy, &client->proxy))
    code = err_no_memory(err);
  if (code == ERR_NONE) code = curl_loop_new(loop, on_ended, client, &client->curl, err);
  if (code != ERR_NONE) {
    free(client->tick);
    free(client->ca_file);
    free(client->proxy);
    free(client);
    return code;
  }
  curl_loop_set_settled(client->curl, http_inflow_tell);
  curl_loop_set_limits(client->curl, LIMIT_UPSTREAM_HOST_CONNECTIONS, CACHED_CONNECTIONS);
  uv_timer_init(&loop->uv, client->tick);
  client->tick->data = client;
  *ret_client = client;
  return ERR_NONE;
}

static void on_tick_closed(uv_handle_t *handle) {
  free(handle);
}

void http_client_free(struct http_client *client) {
  if (!client) return;
  while (client->active)
    transfer_end(client->active);
  idle_trim(client, 0);
  curl_loop_free(client->curl);
  uv_close((uv_handle_t *)client->tick, on_tick_closed);
  free(client->ca_file);
  free(client->proxy);
  free(client);
}
