/* Transfers through libcurl: whatever needs TLS, HTTP/2 or a proxy. Easy handles come from a pool and keep all that
 * never changes. It must not know what is asked or why.
 *
 * States of a transfer: idle (on `idle`, its easy handle set up, out of the multi handle) -> in the multi handle ->
 * idle again. begin and end alone move it.
 *
 * The guard judges the very address that a socket is about to be connected to. A connection that is used again was
 * judged when it was made, for the same host and port, and exceptions are the installation's, the same for every
 * organisation and worker: so the pool may be shared. */
#include "net/http_curl.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/secret.h"

enum {
  IDLE_HANDLES = 256,        /* kept for reuse; about 22 KiB each */
  CACHED_CONNECTIONS = 1024, /* idle ones of all hosts together */
};

/* ---- what curl asks while a transfer runs ---- */

static int on_look_up(void *resolver, void *reserved, void *context) {
  (void)resolver, (void)reserved;
  struct curl_transfer *transfer = context;
  http_transfer_begin_connecting(&transfer->base);
  return 0;
}

static curl_socket_t on_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
  (void)purpose;
  struct curl_transfer *transfer = context;
  http_transfer_begin_connecting(&transfer->base);
  /* With a proxy this is the proxy's own address, which the operator has named. */
  if (!transfer->curl->proxy && !http_transfer_may_connect(&transfer->base, &address->addr)) return CURL_SOCKET_BAD;
  return curl_loop_open_socket(transfer->curl->loop, address);
}

/* A connection that is used again was judged when it was made; on whose behalf that was matters where exceptions are
 * not everybody's. */
static bool may_share(struct curl_transfer *transfer, const char *peer_ip) {
  const struct address_guard *guard = transfer->base.client->guard;
  if (!guard || !guard->has_organisations || transfer->curl->proxy) return true;
  struct sockaddr_storage peer = {.ss_family = AF_INET};
  struct sockaddr_in *v4 = (struct sockaddr_in *)&peer;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&peer;
  if (inet_pton(AF_INET, peer_ip, &v4->sin_addr) != 1) {
    peer = (struct sockaddr_storage){.ss_family = AF_INET6};
    if (inet_pton(AF_INET6, peer_ip, &v6->sin6_addr) != 1) return false;
  }
  return http_transfer_may_connect(&transfer->base, (const struct sockaddr *)&peer);
}

/* Connected, the request is about to be written. curl repeats what it wrote to a connection that turned out to be dead,
 * whatever the method. */
static int on_about_to_send(void *context, char *peer_ip, char *own_ip, int peer_port, int own_port) {
  (void)own_ip, (void)peer_port, (void)own_port;
  struct curl_transfer *transfer = context;
  if (!may_share(transfer, peer_ip)) return CURL_PREREQFUNC_ABORT;
  return http_transfer_begin_sending(&transfer->base) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* One line a call. Interim responses (1xx) come first, trailers after the body: neither is kept. */
static size_t on_header(char *bytes, size_t size, size_t n, void *context) {
  (void)size; /* always 1 */
  struct curl_transfer *transfer = context;
  struct http_transfer *base = &transfer->base;
  struct str line = str_make(bytes, n);
  while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
    line.n--;
  if (base->body.n > 0 || base->n_streamed > 0) return n;
  if (str_starts(line, STR("HTTP/"))) {
    http_response_restart(base);
    return n;
  }
  if (base->has_head) return n;
  if (line.n == 0) {
    http_response_end_head(base);
    if (transfer->base.receiver) http_inflow_on_head(transfer);
    return n;
  }
  if (!memchr(line.p, ':', line.n)) return n;
  struct str name = str_cut(&line, ':');
  return http_response_add_field(base, name, str_trim(line)) ? n : CURL_WRITEFUNC_ERROR;
}

/* Beyond what was unpacked into from what has come? */
static bool is_bomb(struct curl_transfer *transfer, size_t n) {
  struct http_transfer *base = &transfer->base;
  curl_off_t packed = 0;
  if (base->body.n + n <= LIMIT_UPSTREAM_UNPACKED || !http_transfer_field(base, "content-encoding").n) return false;
  curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &packed);
  return base->body.n + n > http_response_max_unpacked(base, packed > 0 ? (uint64_t)packed : 0);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *context) {
  (void)size;
  struct curl_transfer *transfer = context;
  if (transfer->base.receiver) return http_inflow_on_body(transfer, bytes, n);
  if (is_bomb(transfer, n)) {
    transfer->base.failure = ERR_TOO_LARGE;
    return CURL_WRITEFUNC_ERROR;
  }
  return http_response_add_body(&transfer->base, bytes, n) ? n : CURL_WRITEFUNC_ERROR;
}

/* ---- easy handles ---- */

static void easy_set_up(struct curl_transfer *transfer) {
  CURL *easy = transfer->easy;
  struct http_curl *curl = transfer->curl;
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
  curl_easy_setopt(easy, CURLOPT_PROXY, curl->proxy ? curl->proxy : "");
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  if (curl->ca_file) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, curl->ca_file);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  }
  /* That answers are decompressed; the field itself, and User-Agent, are lines of ours (http_client_request.c). */
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  if (curl->proxy) curl_easy_setopt(easy, CURLOPT_USERAGENT, "connek/" CONNEK_VERSION); /* for CONNECT */
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
  /* Deadlines are ours (on_tick). curl's own for connecting only makes it go on to a host's next address in time. */
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)LIMIT_UPSTREAM_CONNECT_MS);
  curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, on_look_up);
  curl_easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, transfer);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, curl_loop_close_socket);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, curl->loop);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_about_to_send);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
}

static void transfer_free(struct curl_transfer *transfer) {
  curl_easy_cleanup(transfer->easy);
  free(transfer);
}

static struct curl_transfer *transfer_take(struct http_curl *curl) {
  struct curl_transfer *transfer = curl->idle;
  if (transfer) {
    curl->idle = transfer->next_idle;
    curl->n_idle--;
    return transfer;
  }
  transfer = calloc(1, sizeof(*transfer));
  if (!transfer) return NULL;
  transfer->curl = curl;
  transfer->easy = curl_easy_init();
  if (!transfer->easy) {
    free(transfer);
    return NULL;
  }
  easy_set_up(transfer);
  return transfer;
}

static void transfer_give_back(struct curl_transfer *transfer) {
  struct http_curl *curl = transfer->curl;
  if (!transfer->is_plain_get) {
    curl_easy_reset(transfer->easy);
    easy_set_up(transfer);
  }
  transfer->next_idle = curl->idle;
  curl->idle = transfer;
  curl->n_idle++;
}

static void idle_trim(struct http_curl *curl, size_t n) {
  while (curl->n_idle > n) {
    struct curl_transfer *transfer = curl->idle;
    curl->idle = transfer->next_idle;
    curl->n_idle--;
    transfer_free(transfer);
  }
}

void http_curl_trim(struct http_curl *curl) {
  idle_trim(curl, IDLE_HANDLES);
}

/* ---- a transfer ---- */

/* Leaves nothing of the request behind: neither in our memory nor, as far as curl lets us, in curl's. */
static void end(struct http_transfer *base) {
  struct curl_transfer *transfer = (struct curl_transfer *)base;
  curl_loop_remove(transfer->curl->loop, transfer->easy);
  curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, NULL);
  curl_easy_setopt(transfer->easy, CURLOPT_URL, NULL);
  curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 0L);
  curl_easy_setopt(transfer->easy, CURLOPT_REQUEST_TARGET, NULL);
  if (transfer->secret_line.n > 0) secret_wipe((char *)(uintptr_t)transfer->secret_line.p, transfer->secret_line.n);
  if (transfer->base.receiver) http_inflow_release(transfer);
  transfer_give_back(transfer);
}

static enum err_code begin(const struct http_transfer *plan, const struct http_client_request *request,
                           struct http_transfer **ret_transfer, struct err *err) {
  struct http_curl *curl = plan->client->curl;
  struct curl_transfer *transfer = transfer_take(curl);
  if (!transfer) return err_no_memory(err);
  *transfer = (struct curl_transfer){.base = *plan, .curl = curl, .easy = transfer->easy};
  if (request->stream) http_inflow_init(transfer);
  if (request->needs_new_connection) curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L);
  enum err_code code = http_curl_write(transfer, request, err);
  if (code == ERR_NONE && curl_loop_add(curl->loop, transfer->easy) != CURLM_OK) code = err_no_memory(err);
  if (code != ERR_NONE) {
    end(&transfer->base);
    return code;
  }
  *ret_transfer = &transfer->base;
  return ERR_NONE;
}

static enum http_failure failure_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return HTTP_FAILURE_NONE;
    case CURLE_OUT_OF_MEMORY:
      return HTTP_FAILURE_MEMORY;
    case CURLE_OPERATION_TIMEDOUT:
      return HTTP_FAILURE_LATE;
    case CURLE_COULDNT_RESOLVE_HOST:
      return HTTP_FAILURE_NAME;
    case CURLE_COULDNT_RESOLVE_PROXY:
      return HTTP_FAILURE_PROXY_NAME;
    case CURLE_COULDNT_CONNECT:
      return HTTP_FAILURE_CONNECT;
    case CURLE_PEER_FAILED_VERIFICATION:
      return HTTP_FAILURE_CERTIFICATE;
    case CURLE_SSL_CONNECT_ERROR:
      return HTTP_FAILURE_TLS;
    case CURLE_BAD_CONTENT_ENCODING:
      return HTTP_FAILURE_CODING;
    default:
      return HTTP_FAILURE_BROKEN;
  }
}

void http_curl_finish(struct curl_transfer *transfer, CURLcode code) {
  char detail[128];
  long status = 0;
  if (code == CURLE_OK) curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
  transfer->base.status = (int)status;
  snprintf(detail, sizeof(detail), "curl: %s (%d)", curl_easy_strerror(code), (int)code);
  http_transfer_finish(&transfer->base, failure_of(code), detail);
}

static void on_ended(void *context, CURL *easy, CURLcode code) {
  (void)context;
  char *private = NULL;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
  struct curl_transfer *transfer = (struct curl_transfer *)(void *)private;
  if (transfer->base.receiver)
    http_inflow_on_ended(transfer, code);
  else
    http_curl_finish(transfer, code);
}

const struct http_transport http_curl_transport = {
    .begin = begin, .end = end, .pause = http_inflow_pause, .resume = http_inflow_resume};

/* ---- all of them ---- */

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

enum err_code http_curl_new(struct http_client *client, const struct http_client_options *options,
                            struct http_curl **ret_curl, struct err *err) {
  pthread_once(&curl_once, curl_start);
  struct http_curl *curl = calloc(1, sizeof(*curl));
  if (!curl) return err_no_memory(err);
  curl->client = client;
  accept_encoding_write(curl->accept_encoding, sizeof(curl->accept_encoding));
  enum err_code code = ERR_NONE;
  if (!copy_option(options->ca_file, &curl->ca_file) || !copy_option(options->proxy, &curl->proxy))
    code = err_no_memory(err);
  if (code == ERR_NONE) code = curl_loop_new(client->loop, on_ended, curl, &curl->loop, err);
  if (code != ERR_NONE) {
    http_curl_free(curl);
    return code;
  }
  curl_loop_set_settled(curl->loop, http_inflow_tell);
  curl_loop_set_limits(curl->loop, LIMIT_UPSTREAM_HOST_CONNECTIONS, CACHED_CONNECTIONS);
  *ret_curl = curl;
  return ERR_NONE;
}

void http_curl_free(struct http_curl *curl) {
  if (!curl) return;
  idle_trim(curl, 0);
  if (curl->loop) curl_loop_free(curl->loop);
  free(curl->ca_file);
  free(curl->proxy);
  free(curl);
}
