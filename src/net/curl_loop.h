/* libcurl's multi interface on an event loop: its sockets and its clock. Knows nothing of HTTP. Internal to net/. */
#ifndef CONNEK_NET_CURL_LOOP_H
#define CONNEK_NET_CURL_LOOP_H

#include <curl/curl.h>

#include "base/err.h"
#include "net/loop.h"

struct curl_loop;

/* A transfer has ended; it is still in the multi handle. Never called from within a call of curl's. */
typedef void (*curl_loop_ended)(void *context, CURL *easy, CURLcode code);

enum err_code curl_loop_new(struct loop *loop, curl_loop_ended ended, void *context, struct curl_loop **ret_curl,
                            struct err *err) MUST_CHECK;
/* All easy handles must be out of the multi handle. Closes what is open; its memory goes when the loop has closed the
 * handles. */
void curl_loop_free(struct curl_loop *curl);

/* Out of `ended` or any other callback of the loop: yes; out of a callback of curl's: no. */
CURLMcode curl_loop_add(struct curl_loop *curl, CURL *easy) MUST_CHECK;
void curl_loop_remove(struct curl_loop *curl, CURL *easy);
/* Called, with ended's context, each time that curl has done something, before what ended is told, and after. */
void curl_loop_set_settled(struct curl_loop *curl, void (*settled)(void *context));
/* `settled` is to be called soon, never from within. */
void curl_loop_kick(struct curl_loop *curl);
void curl_loop_set_limits(struct curl_loop *curl, long per_host, long cached);

/* For CURLOPT_OPENSOCKETFUNCTION, after the address was judged; CURL_SOCKET_BAD on failure. */
curl_socket_t curl_loop_open_socket(struct curl_loop *curl, const struct curl_sockaddr *address);
/* For CURLOPT_CLOSESOCKETFUNCTION, whose data is the curl_loop. */
int curl_loop_close_socket(void *curl, curl_socket_t fd);

#endif
