/* Transfers through libcurl, between the three files that make them. Internal to net/. */
#ifndef CONNEK_NET_HTTP_CURL_H
#define CONNEK_NET_HTTP_CURL_H

#include <curl/curl.h>

#include "net/curl_loop.h"
#include "net/http_transfer.h"

/* A body that is passed on as it comes: http_curl_stream.c. */
struct http_inflow {
  struct buf pending; /* came, and was not passed on; on the heap */
  struct curl_transfer *next_ready;
  bool is_ready;   /* on curl->ready: there is something to tell */
  bool is_stalled; /* curl was told to read no more */
  bool has_ended;
  CURLcode end_code;
};

struct curl_transfer {
  struct http_transfer base;
  struct http_curl *curl;
  CURL *easy;
  struct curl_transfer *next_idle;
  struct str secret_line;
  bool is_plain_get; /* the easy handle was not changed for it */
  struct http_inflow inflow;
};

struct http_curl {
  struct http_client *client;
  struct curl_loop *loop;
  char *ca_file, *proxy;
  char accept_encoding[64]; /* a field's line: what this libcurl can decompress */
  struct curl_transfer *idle;
  size_t n_idle;
  struct curl_transfer *ready;   /* streams with something to tell */
  struct curl_transfer *telling; /* whose receiver is being called; NULL: its transfer has ended meanwhile */
};

/* http_curl.c: the end of a transfer. */
void http_curl_finish(struct curl_transfer *transfer, CURLcode code);

/* http_curl_request.c: puts a request into the easy handle. On failure the handle must be reset. */
enum err_code http_curl_write(struct curl_transfer *transfer, const struct http_client_request *request,
                              struct err *err) MUST_CHECK;

/* http_curl_stream.c */
void http_inflow_init(struct curl_transfer *transfer);
void http_inflow_release(struct curl_transfer *transfer);
/* The head is complete. */
void http_inflow_on_head(struct curl_transfer *transfer);
/* What CURLOPT_WRITEFUNCTION returns. */
size_t http_inflow_on_body(struct curl_transfer *transfer, const char *bytes, size_t n);
void http_inflow_on_ended(struct curl_transfer *transfer, CURLcode code);
void http_inflow_pause(struct http_transfer *transfer);
void http_inflow_resume(struct http_transfer *transfer);
/* Tells receivers what has come. Never from within a call of curl's. */
void http_inflow_tell(void *curl);

#endif
