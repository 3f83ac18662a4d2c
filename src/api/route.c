/* The constant table of operations, and how a path finds its row. */
#include "api/route.h"

#include "api/handlers.h"

#define ORGANISATION "/organisations/{organisation}"

const struct api_route api_routes[] = {
    {"GET", "/openapi.json", API_ANYONE, API_READ, 200, document_get, NULL},
    {"GET", "/session", API_PERSON, API_READ, 200, session_get, NULL},
    {"DELETE", "/session", API_PERSON, API_WRITE, 204, session_end, NULL},
    {"GET", "/sessions", API_PERSON, API_READ, 200, sessions_list, NULL},
    {"DELETE", "/sessions/{session}", API_PERSON, API_WRITE, 204, sessions_end, NULL},
    {"GET", ORGANISATION "/me", API_SELF, API_READ, 200, me_get, NULL},
    {"GET", ORGANISATION "/users", API_USERS_READ, API_READ, 200, users_list, NULL},
    {"POST", ORGANISATION "/users", API_USERS_WRITE, API_WRITE, 201, users_invite, NULL},
    {"GET", ORGANISATION "/users/{user}", API_USERS_READ, API_READ, 200, users_get, NULL},
    {"PATCH", ORGANISATION "/users/{user}", API_USERS_WRITE, API_WRITE, 200, users_update, NULL},
    {"DELETE", ORGANISATION "/users/{user}", API_USERS_WRITE, API_WRITE, 204, users_delete, NULL},
    {"POST", ORGANISATION "/users/{user}/invitation", API_USERS_WRITE, API_WRITE, 201, users_reinvite, NULL},
};
const size_t api_routes_n = sizeof(api_routes) / sizeof(api_routes[0]);

/* Does the path fit the pattern, segment by segment? */
static bool fits(const char *pattern, struct str path, struct str ret_values[API_PATH_VALUES]) {
  struct str expected = str_of(pattern);
  size_t n = 0;
  if (path.n == 0 || path.p[0] != '/') return false;
  (void)str_cut(&expected, '/');
  (void)str_cut(&path, '/');
  while (expected.p && path.p) {
    struct str wanted = str_cut(&expected, '/'), found = str_cut(&path, '/');
    if (wanted.n > 0 && wanted.p[0] == '{') {
      if (found.n == 0 || n == API_PATH_VALUES) return false;
      ret_values[n++] = found;
    } else if (!str_eq(wanted, found)) {
      return false;
    }
  }
  return !expected.p && !path.p;
}

const struct api_route *api_route_find(struct str method, struct str path, struct str ret_values[API_PATH_VALUES],
                                       bool *ret_is_path) {
  *ret_is_path = false;
  for (size_t i = 0; i < api_routes_n; i++) {
    struct str values[API_PATH_VALUES] = {STR_NONE};
    if (!fits(api_routes[i].path, path, values)) continue;
    *ret_is_path = true;
    if (!str_eq_c(method, api_routes[i].method)) continue;
    memcpy(ret_values, values, sizeof(values));
    return &api_routes[i];
  }
  return NULL;
}
