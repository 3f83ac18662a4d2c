/* What signing in needs for as long as a server runs: its own keys, threads for passwords, rates; and the first owner's
 * link. */
#include "signin/request.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/secret.h"
#include "codec/url.h"
#include "identity/token.h"
#include "keyring/keyring.h"
#include "signin/session.h"
#include "store/sign_in.h"

/* Each holds PASSWORD_MEMORY_KIB while it works. */
enum { PASSWORD_THREADS = 1 };

static const int64_t hour_us = INT64_C(3600) * 1000000;
/* Made at the start, so that only writing transactions of people need them. */
static enum err_code ensure_keys(struct db_tx *tx, void *context, struct err *err) {
  struct signin *signin = context;
  struct vault_keys *keys = NULL;
  struct arena arena;
  arena_init(&arena, 0);
  enum err_code code = keyring_ensure(tx, &arena, signin->options.vault, STORE_RING_SIGN_IN, &keys, err);
  vault_keys_free(keys);
  arena_release(&arena);
  return code;
}

static bool is_loopback(struct str host) {
  return str_eq_fold(host, STR("localhost")) || str_starts(host, STR("127.")) || str_eq(host, STR("::1"));
}

enum err_code signin_start(struct signin *signin, const struct signin_options *options, struct db_conn *conn,
                           struct err *err) {
  signin->options = *options;
  if (!signin->options.token_us) signin->options.token_us = hour_us;
  if (!signin->options.client_us) signin->options.client_us = 90 * 24 * hour_us;
  signin->is_loopback_listener = is_loopback(options->listen_host);
  signin->by_address = limit_peers_new();
  signin->by_account = limit_peers_new();
  signin->by_both = limit_peers_new();
  signin->registrations = limit_peers_new();
  if (!signin->by_address || !signin->by_account || !signin->by_both || !signin->registrations)
    return err_no_memory(err);
  enum err_code code = db_write(conn, ensure_keys, signin, err);
  if (code == ERR_NONE) code = executor_start("password", PASSWORD_THREADS, &signin->passwords, err);
  return code;
}

enum err_code signin_settle(struct signin *signin, struct arena *arena, struct str url, uint16_t port,
                            struct err *err) {
  signin->url = arena_str(arena, url);
  signin->port = port;
  return signin->url.p ? ERR_NONE : err_no_memory(err);
}

void signin_stop(struct signin *signin) {
  if (signin->passwords) executor_stop(signin->passwords);
  signin->passwords = NULL;
  limit_peers_free(signin->by_address);
  limit_peers_free(signin->by_account);
  limit_peers_free(signin->by_both);
  limit_peers_free(signin->registrations);
}

enum err_code signin_expire(struct db_tx *tx, void *nothing, struct err *err) {
  struct arena arena;
  arena_init(&arena, 0);
  enum err_code code = store_sign_in_expire(tx, &arena, clock_utc_us(), err);
  arena_release(&arena);
  return code;
}

/* --- the first owner's link --- */

struct setup_work {
  struct arena *arena;
  char text[TOKEN_TEXT_SIZE];
  bool is_wanted;
};

/* With several organisations and no owner among them it is not for us to say whose it is: `connek user invite` does. */
static enum err_code make_setup_link(struct db_tx *tx, void *context, struct err *err) {
  struct setup_work *work = context;
  const struct organisation_record *organisations = NULL;
  size_t n = 0;
  bool has_owner = false;
  enum err_code code = store_owner_exists(tx, &has_owner, err);
  if (code == ERR_NONE) code = store_organisation_list(tx, work->arena, &organisations, &n, err);
  if (code == ERR_NONE) code = store_link_delete_all(tx, STR("setup"), (struct uuid){{0}}, err);
  if (code != ERR_NONE || has_owner || n > 1) return code;
  int64_t now = clock_utc_us();
  struct single_use_link_record link = {
      .id = uuid_new(), .kind = STR("setup"), .created_at = now, .expires_at = now + 72 * hour_us};
  token_new(TOKEN_URL, work->text);
  token_hash(str_of(work->text), link.hash);
  work->is_wanted = true;
  return store_link_insert(tx, &link, err);
}

enum err_code signin_setup_link(struct signin *signin, struct db_conn *conn, struct arena *arena, struct str *ret_url,
                                struct err *err) {
  struct setup_work work = {.arena = arena};
  *ret_url = STR_NONE;
  if (!signin_base_is_safe(signin->url)) return ERR_NONE;
  enum err_code code = db_write(conn, make_setup_link, &work, err);
  if (code == ERR_NONE && work.is_wanted) {
    *ret_url = arena_printf(arena, "%.*s/link/%s", STR_ARG(signin->url), work.text);
    if (!ret_url->p) code = err_no_memory(err);
  }
  secret_wipe(work.text, sizeof(work.text));
  return code;
}
