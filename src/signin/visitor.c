/* Who a browser is: sessions in cookies, the tokens of its forms, and how often it may guess. Knows no page. */
#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"
#include "codec/base64.h"
#include "identity/token.h"
#include "net/address_guard.h"
#include "signin/request.h"
#include "signin/session.h"

enum { AGENT_MAX = 200 };

static const int64_t second_us = 1000000;
#define MINUTES(n) ((n) * 60 * second_us)
#define IDLE_US MINUTES(INT64_C(60) * SIGNIN_IDLE_HOURS)
#define ABSOLUTE_US MINUTES(INT64_C(60) * 24 * SIGNIN_ABSOLUTE_DAYS)
#define HALF_US MINUTES(INT64_C(10))

static bool is_https(const struct request *request) {
  return str_starts(request->base, STR("https://"));
}

/* On loopback, where there is no TLS, browsers differ in whether they take a Secure cookie: there it has a name of its
 * own, so that it can never be taken for one that came over TLS. */
const char *signin_cookie_name(struct str base) {
  return str_starts(base, STR("https://")) ? "__Host-connek" : "connek-loopback";
}

struct str signin_cookie(const struct http_exchange *http, struct str base) {
  struct str value = cookie_find(http, signin_cookie_name(base));
  return token_is_well_formed(TOKEN_URL, value) ? value : STR_NONE;
}

static const char *form_name(const struct request *request) {
  return is_https(request) ? "__Host-connek-form" : "connek-loopback-form";
}

static bool set_cookie(struct request *request, const char *name, const char *value, int64_t life_s) {
  char life[40] = "";
  if (life_s >= 0) (void)snprintf(life, sizeof(life), "; Max-Age=%lld", (long long)life_s);
  struct str cookie = arena_printf(&request->arena, "%s=%s; Path=/; HttpOnly; SameSite=Lax%s%s", name, value,
                                   is_https(request) ? "; Secure" : "", life);
  if (!cookie.p || request->n_set_cookies == sizeof(request->set_cookies) / sizeof(request->set_cookies[0]))
    return false;
  request->set_cookies[request->n_set_cookies++] = cookie;
  return true;
}

bool visitor_read(struct request *request) {
  struct visitor *visitor = &request->visitor;
  struct str session = signin_cookie(request->http, request->base);
  struct str form = cookie_find(request->http, form_name(request));
  if (token_is_well_formed(TOKEN_URL, form)) {
    memcpy(visitor->form_cookie, form.p, form.n);
  } else {
    uint8_t bytes[32];
    random_bytes(bytes, sizeof(bytes));
    hex_format(bytes, sizeof(bytes), visitor->form_cookie);
    visitor->is_form_cookie_new = true;
    (void)set_cookie(request, form_name(request), visitor->form_cookie, -1);
  }
  if (!session.p) return false;
  visitor->cookie = session;
  return true;
}

enum err_code signin_session_find(struct db_tx *tx, struct arena *arena, struct str cookie,
                                  struct browser_session_record *ret_session, bool *ret_is_live, struct err *err) {
  uint8_t hash[TOKEN_HASH_SIZE];
  int64_t now = clock_utc_us();
  token_hash(cookie, hash);
  enum err_code code = store_browser_session_find(tx, arena, hash, ret_session, err);
  *ret_is_live = code == ERR_NONE && ret_session->expires_at > now && ret_session->seen_at + IDLE_US > now;
  return code == ERR_NOT_FOUND ? ERR_NONE : code;
}

bool signin_session_is_stale(const struct browser_session_record *session, int64_t now) {
  return now - session->seen_at > MINUTES(1);
}

enum err_code visitor_load(struct request *request, struct db_tx *tx, struct err *err) {
  struct visitor *visitor = &request->visitor;
  struct browser_session_record *session = &visitor->session;
  bool is_live = false;
  enum err_code code = signin_session_find(tx, &request->arena, visitor->cookie, session, &is_live, err);
  if (code != ERR_NONE || !is_live) return code;
  int64_t now = clock_utc_us();
  visitor->is_half = session->needs_code;
  visitor->is_known = !session->needs_code;
  if (visitor->is_known) {
    visitor->is_form_cookie_new = false; /* its forms are bound to the session */
    if (signin_session_is_stale(session, now)) return store_browser_session_seen(tx, session->id, now, err);
  }
  return ERR_NONE;
}

enum err_code visitor_sign_in(struct request *request, struct db_tx *tx, struct uuid login_id, bool needs_code,
                              struct err *err) {
  struct visitor *visitor = &request->visitor;
  struct str agent;
  char text[TOKEN_TEXT_SIZE];
  int64_t now = clock_utc_us(), life_us = needs_code ? HALF_US : ABSOLUTE_US;
  if (!http_field_once(request->http, "User-Agent", &agent) || !agent.p) agent = STR("");
  struct browser_session_record record = {.id = uuid_new(),
                                          .login_id = login_id,
                                          .needs_code = needs_code,
                                          .agent = str_make(agent.p, agent.n < AGENT_MAX ? agent.n : AGENT_MAX),
                                          .created_at = now,
                                          .seen_at = now,
                                          .expires_at = now + life_us};
  enum err_code code = ERR_NONE;
  /* A session is never carried over a sign-in: who planted one has nothing (session fixation). */
  if (visitor->is_known || visitor->is_half) {
    code = store_browser_session_delete(tx, visitor->session.id, err);
    if (code == ERR_NOT_FOUND) code = ERR_NONE;
  }
  token_new(TOKEN_URL, text);
  token_hash(str_of(text), record.hash);
  if (code == ERR_NONE) code = store_browser_session_insert(tx, &record, err);
  if (code == ERR_NONE && !set_cookie(request, signin_cookie_name(request->base), text, life_us / second_us))
    code = err_no_memory(err);
  secret_wipe(text, sizeof(text));
  return code;
}

void visitor_forget(struct request *request) {
  (void)set_cookie(request, signin_cookie_name(request->base), "", 0);
}

void visitor_form_token(const struct request *request, char ret_token[COOKIE_SIZE]) {
  const struct visitor *visitor = &request->visitor;
  char text[8 + COOKIE_SIZE];
  uint8_t hash[TOKEN_HASH_SIZE];
  struct str secret = visitor->is_known || visitor->is_half ? visitor->cookie : str_of(visitor->form_cookie);
  int n = snprintf(text, sizeof(text), "csrf:%.*s", STR_ARG(secret));
  token_hash(str_make(text, (size_t)n), hash);
  hex_format(hash, sizeof(hash), ret_token);
  secret_wipe(text, sizeof(text));
}

struct str return_path(struct str text, struct str fallback) {
  if (text.n < 1 || text.n > 6000 || text.p[0] != '/') return fallback;
  if (text.n > 1 && (text.p[1] == '/' || text.p[1] == '\\')) return fallback;
  for (size_t i = 0; i < text.n; i++) {
    unsigned char c = (unsigned char)text.p[i];
    if (c <= 0x20 || c >= 0x7f || c == '\\') return fallback;
  }
  return text;
}

/* Three rates at once: one place at one account, one place at many, many places at one account. The last is wide, since
 * strangers can use it up on purpose. */
bool request_throttle(struct request *request, struct str account) {
  static const struct limit_rate both = {10, MINUTES(15)}, address = {100, MINUTES(15)}, whole = {100, MINUTES(60)};
  struct signin *signin = request->signin;
  struct str place = address_network(request->http->peer);
  struct str pair = arena_printf(&request->arena, "%llx %.*s", (unsigned long long)str_hash(place), STR_ARG(account));
  if (!pair.p) pair = account;
  int64_t now = loop_now_us(request->worker->loop), retry_us = 0;
  bool may = limit_take(limit_peers_bucket(signin->by_both, pair), both, 1, now, &retry_us) &&
             limit_take(limit_peers_bucket(signin->by_address, place), address, 1, now, &retry_us) &&
             limit_take(limit_peers_bucket(signin->by_account, account), whole, 1, now, &retry_us);
  if (may) return true;
  struct str text = arena_printf(&request->arena, "Too many attempts. Wait %lld minutes, then try again.",
                                 (long long)(retry_us / MINUTES(1) + 1));
  request_reply_notice(request, 429, "Wait a little", text.p ? text : STR("Too many attempts."));
  return false;
}
